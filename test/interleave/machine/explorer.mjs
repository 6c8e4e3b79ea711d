// Runs one scenario under many schedules: all of them up to a bound of preemptions (Musuvathi and Qadeer, "Iterative
// context bounding", PLDI 2007), or random ones; undisturbed, or with one actor killed before each of its shared steps.

import { readdirSync, rmSync } from 'node:fs';
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
import { Image } from './image.mjs';
import { shorten } from './plans.mjs';

// Where stores are steps (machine/copies.mjs), those of this thread are none.
globalThis.__step = () => {};

/** ms after which a schedule hangs: it takes less than one. */
const MOST_MS = 20_000;

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
  /** Plain memory of the scenario's own, beside the object: 0 when a schedule begins, and no step. */
  #scratch = new Int32Array(new SharedArrayBuffer(4 * 64));
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
        scratch: this.#scratch,
        me,
        dist,
        scenario: file,
        variant,
        name: this.#name,
      };
      const worker = new Worker(new URL('./actor.mjs', import.meta.url), { workerData });
      worker.on('error', (error) => {
        console.error(error);
        this.#removeFiles();
        process.exit(1);
      });
      this.#workers.push(worker);
      // One after the other, so that each has the same slot in every run.
      while (Atomics.load(this.#control, AT.READY) <= me)
        await new Promise((resolve) => setTimeout(resolve, 1));
    }
    this.#image = new Image(this.#isthmus, this.#name, this.#scenario);
  }

  async end() {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    try {
      this.#object.close();
    } finally {
      this.#removeFiles(); // also of an object that a fault has damaged
    }
  }

  #removeFiles() {
    for (const file of readdirSync('/dev/shm'))
      if (file.startsWith(this.#name)) rmSync(`/dev/shm/${file}`, { force: true });
  }

  // ---- one schedule

  /**
   * @param {number[]} plan  the first choices
   * @returns the choices that were made: [{ chosen, ran, enabled, canGoOn }]
   */
  run(plan, { crash, mode = MODE.FIRST, seed = 1, spurious = false, trace = false } = {}) {
    const control = this.#control;
    const count = this.#scenario.actors.length;
    this.#image.restore();
    this.#scratch.fill(0);
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
    control[AT.CRASH_STOPS] = crash?.stop ? 1 : 0;
    // Where a death wakes nobody (no owner is watched), sleeps end by themselves, within a second.
    control[AT.TIMEOUTS_ALLOWED] = crash === undefined ? 0 : (this.#scenario.sleepsAfter?.(crash) ?? 0);
    control[AT.MODE] = mode;
    control[AT.SEED] = seed;
    control[AT.TRACE] = trace ? 1 : 0;
    control[AT.SPURIOUS] = spurious ? 50 : 0;
    for (let who = 0; who < MOST_ACTORS; who++) {
      control[AT.STATE + who] = who < count ? STATE.RUNNABLE : STATE.ABSENT;
      for (const words of [AT.OWN_STEPS, AT.OVER, AT.TIMED, AT.WOKEN_BY]) control[words + who] = 0;
    }
    giveTo(control, this.#first(plan));
    if (!awaitTurn(control, EXPLORER, MOST_MS)) {
      const plan = shorten(this.#choices().map(({ chosen }) => chosen));
      throw new Broken(`HANGS: no end after ${MOST_MS} ms; somebody runs on without a step`, {
        plan,
        crash,
        spurious,
      });
    }
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
      const plan = shorten(choices.map(({ chosen }) => chosen));
      throw new Broken(error.message, { plan, crash, spurious: spurious || undefined });
    } finally {
      for (let who = 0; who < count; who++) this.#visit(who); // each tidies up
    }
    return choices;
  }

  /** Whether the death (or stop) that was asked for came about in the last schedule. */
  get crashed() {
    const control = this.#control;
    const actor = control[AT.CRASH_ACTOR];
    if (actor < 0 || control[AT.STATE + actor] !== (control[AT.CRASH_STOPS] ? STATE.STOPPED : STATE.DEAD))
      return false;
    return control[AT.OWN_STEPS + actor] === control[AT.CRASH_STEP]; // and not by itself
  }

  #visit(who) {
    giveTo(this.#control, who);
    // Its error, if it ended with one, is printed as soon as this thread's event loop turns.
    if (!awaitTurn(this.#control, EXPLORER, MOST_MS)) throw new Error(`actor ${who} has not come back`);
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
        idle: (entry >> 17) & 255,
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

    const gone = crash !== undefined && this.crashed ? crash.actor : undefined;
    const context = {
      isthmus: this.#isthmus,
      object: this.#object,
      name: this.#name,
      scratch: this.#scratch,
      /** Who was killed (stopped) because this schedule is about that; one of the two, or neither. */
      killed: crash?.stop ? undefined : gone,
      stopped: crash?.stop ? gone : undefined,
      gone,
      /** All of them, those included whom their scenario always strikes. */
      dead: this.#inState(STATE.DEAD),
      still: this.#inState(STATE.STOPPED),
      /** Whether a holder (of a lock, of a role) is that actor. */
      is: (who, holder) => holder?.thread === this.#workers[who].threadId,
    };
    if (verdict === VERDICT.DEADLOCK && this.#scenario.mayWaitForEver?.(context)) return;
    if (verdict !== VERDICT.FINISHED && verdict !== VERDICT.FAILED) throw new Error(VERDICT_NAMES[verdict]);
    const values = outcomes.map(({ value }) => value);
    this.#scenario.check?.({ ...context, values });
  }

  #inState(state) {
    return this.#scenario.actors
      .map((_, who) => who)
      .filter((who) => this.#control[AT.STATE + who] === state);
  }

  #outcome(who) {
    const length = new DataView(this.#results).getUint32(who * 4096);
    return JSON.parse(Buffer.from(this.#results, who * 4096 + 4, length).toString());
  }

  // ---- many schedules

  /**
   * All schedules with at most `bound` preemptions, those with the fewest first; and no more than `most`.
   *
   * @returns how many ran, in how many the crash came about, and up to how many preemptions all of them ran
   */
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
      choices.forEach(({ chosen, ran: who, enabled, canGoOn, idle }, at) => {
        // Not to let on who could go on; also in favour of one that only looks again.
        const costs = (next) => (canGoOn && next !== who) || (idle >> next) & 1;

        for (let other = 0; at >= plan.length && other < MOST_ACTORS; other++) {
          if (((enabled >> other) & 1) === 0 || other === chosen) continue;
          const then = preemptions + (costs(other) ? 1 : 0);
          if (then <= bound) waiting[then].push([...taken.slice(0, at), other]);
        }
        if (costs(chosen)) preemptions++;
      });
    }
    const left = waiting.findIndex((plans) => plans.length > 0);
    return { ran, crashes, complete: left < 0 ? bound : left - 1 };
  }

  /**
   * Each actor killed (or stopped for ever) before each of its steps, each time under all schedules with at most `bound`
   * preemptions. `stride`: only before every so-manieth step.
   *
   * @returns how many points there are
   */
  exploreCrashes(bound, { stop, stride = 1, ...options } = {}) {
    let points = 0;
    for (let actor = 0; actor < this.#scenario.actors.length; actor++) {
      for (let step = 1; ; step += stride) {
        const { crashes } = this.explore(bound, { ...options, crash: { actor, step, stop } });
        if (crashes === 0) break;
        points++;
      }
    }
    return points;
  }

  random(count, seed) {
    for (let n = 0; n < count; n++) {
      const mine = seed + n * 7919;
      this.run([], { mode: MODE.RANDOM, seed: mine, spurious: mine % 4 === 0 });
    }
  }
}
