// Runs one scenario under many schedules: all of them up to a bound of preemptions (Musuvathi and Qadeer, "Iterative
// context bounding", PLDI 2007), or random ones; undisturbed, or with one actor killed before each of its shared steps.

import { openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import {
  AT,
  awaitTurn,
  EXPLORER,
  giveTo,
  MODE,
  MOST_ACTORS,
  STATE,
  VERDICT,
  VERDICT_NAMES,
  WORDS,
} from './control.mjs';

/** A plan in few characters, and back: "0x7 1x2". */
export const shorten = (plan) =>
  plan
    .reduce((runs, who) => {
      if (runs.at(-1)?.[0] === who) runs.at(-1)[1]++;
      else runs.push([who, 1]);
      return runs;
    }, [])
    .map(([who, times]) => `${who}x${times}`)
    .join(' ');
export const lengthen = (text) =>
  text.split(' ').flatMap((run) => {
    const [who, times] = run.split('x').map(Number);
    return Array(times).fill(who);
  });

/** A schedule that breaks the scenario's promise; `replay` runs it again. */
export class Broken extends Error {
  constructor(what, schedule) {
    super(what);
    this.schedule = schedule;
  }
}

export class Explorer {
  #control = new Int32Array(new SharedArrayBuffer(4 * WORDS));
  #results = new SharedArrayBuffer(4096 * MOST_ACTORS);
  #workers = [];
  #name;
  #isthmus;
  #scenario;
  #object;
  #image;
  schedules = 0;
  steps = 0;

  constructor(scenario, { dist, file, variant }) {
    this.#scenario = scenario;
    this.dist = dist;
    this.file = file;
    this.variant = variant;
    this.#isthmus = createRequire(`${dist}/`)(`${dist}/index.js`);
    this.#name = `interleave-${process.pid}-${Math.random().toString(36).slice(2)}`;
  }

  async begin() {
    const { actors, create } = this.#scenario;
    this.#object = create(this.#isthmus, this.#name);
    for (let me = 0; me < actors.length; me++) {
      const { dist, file, variant } = this;
      const workerData = {
        control: this.#control,
        results: this.#results,
        me,
        dist,
        scenario: file,
        variant,
        name: this.#name,
      };
      const worker = new Worker(new URL('./actor.mjs', import.meta.url), { workerData });
      worker.on('error', (error) => {
        console.error(error);
        process.exit(1);
      });
      this.#workers.push(worker);
      // One after the other, so that each has the same slot in every run.
      while (Atomics.load(this.#control, AT.READY) <= me)
        await new Promise((resolve) => setTimeout(resolve, 1));
    }
    this.#image = this.#takeImage();
  }

  async end() {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    this.#object.close();
    for (const file of readdirSync('/dev/shm'))
      if (file.startsWith(this.#name)) rmSync(`/dev/shm/${file}`, { force: true });
  }

  // ---- one schedule

  /**
   * @param {number[]} plan  the first choices
   * @returns the choices that were made: [{ chosen, ran, enabled, canGoOn }]
   */
  run(plan, { crash, mode = MODE.FIRST, seed = 1, trace = false } = {}) {
    const control = this.#control;
    const count = this.#scenario.actors.length;
    this.#restore();
    this.#scenario.prepare?.({ isthmus: this.#isthmus, name: this.#name });
    control[AT.STEPS] =
      control[AT.VERDICT] =
      control[AT.CHOICES] =
      control[AT.TIMEOUTS] =
      control[AT.ABORTED] =
        0;
    control[AT.LIMIT] = this.#scenario.limit ?? 2000;
    control[AT.PLAN_LENGTH] = plan.length;
    control.set(plan, AT.PLAN);
    control[AT.CRASH_ACTOR] = crash?.actor ?? -1;
    control[AT.CRASH_STEP] = crash?.step ?? 0;
    // Where a death wakes nobody (no owner is watched), sleeps end by themselves, within a second.
    control[AT.TIMEOUTS_ALLOWED] = crash === undefined ? 0 : (this.#scenario.sleepsAfterDeath?.(crash) ?? 0);
    control[AT.MODE] = mode;
    control[AT.SEED] = seed;
    control[AT.TRACE] = trace ? 1 : 0;
    control[AT.SPURIOUS] = mode === MODE.RANDOM && seed % 4 === 0 ? 1 : 0;
    for (let who = 0; who < MOST_ACTORS; who++) {
      control[AT.STATE + who] = who < count ? STATE.RUNNABLE : STATE.ABSENT;
      for (const words of [AT.OWN_STEPS, AT.OVER, AT.TIMED, AT.WOKEN_BY]) control[words + who] = 0;
    }
    giveTo(control, this.#first(plan));
    awaitTurn(control, EXPLORER);
    control[AT.ABORTED] = 1;
    if (control[AT.VERDICT] === VERDICT.RUNNING) control[AT.VERDICT] = VERDICT.FINISHED;
    const verdict = control[AT.VERDICT];
    for (let who = 0; who < count; who++) if (control[AT.OVER + who] === 0) this.#visit(who);
    this.schedules++;
    this.steps += control[AT.STEPS];
    const choices = this.#choices();
    try {
      this.#judge(verdict, crash);
    } catch (error) {
      throw new Broken(error.message, { plan: shorten(choices.map(({ chosen }) => chosen)), crash });
    } finally {
      for (let who = 0; who < count; who++) this.#visit(who); // each tidies up
    }
    return choices;
  }

  /** Whether the crash that was asked for came about in the last schedule. */
  get crashed() {
    const control = this.#control;
    const actor = control[AT.CRASH_ACTOR];
    if (actor < 0 || control[AT.STATE + actor] !== STATE.DEAD) return false;
    return control[AT.OWN_STEPS + actor] === control[AT.CRASH_STEP]; // and not by itself
  }

  #visit(who) {
    giveTo(this.#control, who);
    awaitTurn(this.#control, EXPLORER);
  }

  /** Who begins is a choice as well, and no preemption. */
  #first(plan) {
    const control = this.#control;
    const count = this.#scenario.actors.length;
    const first = plan.length > 0 ? plan[0] : control[AT.MODE] === MODE.RANDOM ? control[AT.SEED] % count : 0;
    control[AT.LOG] = first | (15 << 4) | (((1 << count) - 1) << 8);
    control[AT.CHOICES] = 1;
    return first;
  }

  #choices() {
    const control = this.#control;
    const found = [];
    for (let at = 0; at < control[AT.CHOICES]; at++) {
      const entry = control[AT.LOG + at];
      found.push({
        chosen: entry & 15,
        ran: (entry >> 4) & 15,
        enabled: (entry >> 8) & 255,
        canGoOn: (entry >> 16) & 1,
      });
    }
    return found;
  }

  #judge(verdict, crash) {
    const outcomes = this.#scenario.actors.map((_, who) => this.#outcome(who));
    const { tolerates } = this.#scenario;
    const failed = outcomes.find(
      ({ error, code }) =>
        error !== undefined && (crash === undefined || code !== tolerates || tolerates === undefined),
    );
    if (failed !== undefined) throw new Error(failed.error);

    const killed = crash !== undefined && this.crashed ? crash.actor : undefined;
    const context = { isthmus: this.#isthmus, object: this.#object, name: this.#name, killed };
    if (verdict === VERDICT.DEADLOCK && this.#scenario.mayWaitForEver?.(context)) return;
    if (verdict !== VERDICT.FINISHED && verdict !== VERDICT.FAILED) throw new Error(VERDICT_NAMES[verdict]);
    const values = outcomes.map(({ value }) => value);
    this.#scenario.check?.({ ...context, values });
  }

  #outcome(who) {
    const length = new DataView(this.#results).getUint32(who * 4096);
    return JSON.parse(Buffer.from(this.#results, who * 4096 + 4, length).toString());
  }

  // ---- the object's memory before each schedule

  #takeImage() {
    const { header } = this.#isthmus.inspect(this.#name);
    const { wordsOffset, rosterOffset, marksOffset, participants, payloadOffset, payloadBytes } = header;
    const file = readFileSync(`/dev/shm/${this.#name}`);
    const parts = [
      [wordsOffset, this.#scenario.words ?? 1024],
      [rosterOffset, Math.min(participants, MOST_ACTORS + 1) * 64],
      ...Array.from({ length: MOST_ACTORS + 1 }, (_, slot) => [marksOffset + slot * 4096 + 4088, 4]),
      [payloadOffset, Math.min(payloadBytes, this.#scenario.payload ?? payloadBytes)],
    ];
    this.fd = openSync(`/dev/shm/${this.#name}`, 'r+');
    return parts
      .filter(([, bytes]) => bytes > 0)
      .map(([offset, bytes]) => [offset, Buffer.from(file.subarray(offset, offset + bytes))]);
  }

  #restore() {
    for (const [offset, bytes] of this.#image) writeSync(this.fd, bytes, 0, bytes.length, offset);
  }

  // ---- many schedules

  /** All schedules with at most `bound` preemptions, those with the fewest first. */
  explore(bound, { crash, most = Number.POSITIVE_INFINITY } = {}) {
    const waiting = Array.from({ length: bound + 1 }, () => []);
    waiting[0].push([]);
    let ran = 0;
    let crashes = 0;
    for (let few = 0; few <= bound && ran < most; ) {
      const plan = waiting[few].pop();
      if (plan === undefined) {
        few++;
        continue;
      }
      const choices = this.run(plan, { crash });
      ran++;
      if (crash !== undefined && this.crashed) crashes++;
      const taken = choices.map(({ chosen }) => chosen);
      let preemptions = 0;
      choices.forEach(({ chosen, ran: who, enabled, canGoOn }, at) => {
        for (let other = 0; at >= plan.length && other < MOST_ACTORS; other++) {
          if (((enabled >> other) & 1) === 0 || other === chosen) continue;
          const then = preemptions + (canGoOn && other !== who ? 1 : 0);
          if (then <= bound) waiting[then].push([...taken.slice(0, at), other]);
        }
        if (canGoOn && chosen !== who) preemptions++;
      });
    }
    return { ran, crashes, complete: waiting.every((left) => left.length === 0) };
  }

  /** Each actor killed before each of its steps, each time under all schedules with at most `bound` preemptions. */
  exploreCrashes(bound, options = {}) {
    const { actors, kinds, mayDie = () => true } = this.#scenario;
    let points = 0;
    for (let actor = 0; actor < actors.length; actor++) {
      for (let step = 1; ; step++) {
        if (!mayDie(kinds?.[actor], step)) continue;
        const { crashes } = this.explore(bound, { ...options, crash: { actor, step } });
        if (crashes === 0) break;
        points++;
      }
    }
    return points;
  }

  random(count, seed) {
    for (let n = 0; n < count; n++) this.run([], { mode: MODE.RANDOM, seed: seed + n * 7919 });
  }
}
