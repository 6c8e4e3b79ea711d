// The killer: blows at moments drawn from the seed, and calms in between, in which everybody must make progress.

import { setTimeout as sleep } from 'node:timers/promises';
import { MODE } from './ledger.mjs';
import { randomFrom } from './random.mjs';

/** Of this many blows, so many: the rest are stops. */
const KILLS = 0.65;
const LEAVES = 0.1;
/** ms that somebody is stopped for. */
const STOPS = [2, 1000];
const POLL = 10;
/** Somebody who has made no progress for so many ms is spared: the next life would hide that it hangs. */
const SUSPICIOUS = 3000;

const now = () => performance.now();

export class Killer {
  #stages;
  #random;
  #gap;
  #patience;
  #halted;
  #seen = new Map();

  /** `halted()`: throws when the run is to end at once. */
  constructor(stages, { seed, blows, patience, halted }) {
    this.#stages = stages;
    this.#random = randomFrom(seed, 'blows');
    this.#gap = 1000 / blows;
    this.#patience = patience;
    this.#halted = halted;
  }

  get #processes() {
    return this.#stages.flatMap((stage) => stage.processes);
  }

  #proclaim(mode) {
    for (const { ledger } of this.#stages) ledger.mode = mode;
  }

  /** Blows for so many ms. */
  async storm(ms) {
    this.#proclaim(MODE.STORM);
    for (const until = now() + ms; now() < until; ) {
      // Drawn whatever happens, so that the schedule follows from the seed alone.
      const { gap, what, whom, young, length } = this.#draw();
      await sleep(Math.min(gap, until - now()));
      this.#halted();
      const all = this.#processes;
      const up = all.filter((one) => one.up && !one.stopped && !this.#suspicious(one));
      if (2 * up.length < all.length) continue; // others first come back
      const victim = young
        ? up.reduce((a, b) => (a.startedAt > b.startedAt ? a : b))
        : up[Math.floor(whom * up.length)];
      if (what < KILLS) victim.kill();
      else if (what < KILLS + LEAVES) victim.leave();
      else victim.stop(length);
    }
  }

  #draw() {
    const random = this.#random;
    return {
      gap: -Math.log(1 - random.unit()) * this.#gap,
      what: random.unit(),
      whom: random.unit(),
      young: random.chance(0.1), // the one that has just begun, before it has attached to everything
      length: random.scattered(...STOPS),
    };
  }

  #suspicious(process) {
    const late = process.rows.filter((row) => {
      const seen = this.#seen.get(row);
      if (seen?.beats === row.beats && seen.up === row.up) return now() - seen.at > SUSPICIOUS;
      this.#seen.set(row, { beats: row.beats, up: row.up, at: now() });
      return false;
    });
    return late.length > 0;
  }

  /** Nobody is stopped or killed, and everybody must take at least one step. */
  async calm() {
    this.#proclaim(MODE.CALM);
    for (const one of this.#processes) one.continue();
    for (const one of this.#processes) one.stay();
    // Two steps: whoever takes the second one has seen that it may stay.
    const enough = new Map(this.#stages.flatMap(({ rows }) => rows).map((row) => [row, row.beats + 2]));
    const lags = (one) => one.rows.filter((row) => !one.up || row.beats < enough.get(row));
    await this.#until((stage) => stage.processes.flatMap(lags), 'no progress');
  }

  /** Everybody ends in good order, but for loads that want it otherwise. */
  async stop() {
    for (const one of this.#processes) one.close();
    for (const { load, processes } of this.#stages) {
      if (load.endsInDeath) for (const one of processes) one.kill();
    }
    this.#proclaim(MODE.STOP);
    const left = (stage) => stage.processes.filter((one) => one.running).map((one) => one.rows[0]);
    await this.#until(left, 'no end');
  }

  /** Waits until no stage has anybody left that lags behind. A hang: none of them has caught up for too long. */
  async #until(laggards, what) {
    for (let since = now(), fewest = Infinity; ; await sleep(POLL)) {
      this.#halted();
      const late = this.#stages
        .map((stage) => [stage, laggards(stage)])
        .filter(([, rows]) => rows.length > 0);
      if (late.length === 0) return;
      const count = late.reduce((sum, [, rows]) => sum + rows.length, 0);
      if (count < fewest) {
        fewest = count;
        since = now();
      }
      if (now() - since > this.#patience) this.#hangs(what, late);
    }
  }

  #hangs(what, late) {
    const seconds = this.#patience / 1000;
    for (const [stage, rows] of late) {
      const who = rows
        .map((row) => `row ${row.index} (${row.role}, pid ${row.pid}, in '${row.step}')`)
        .join(', ');
      stage.problem = new Error(
        `HANGS: ${what} for ${seconds} s, with nobody stopped or killed meanwhile: ${who}\n${stage.describe()}`,
      );
    }
    throw late[0][0].problem;
  }
}
