// The books of one load, in raw shared memory that outlives the dead. Each actor has a row that nobody else writes: it
// notes what it is about to do, and then that it has been done. What lies between the two when it is killed is what its
// death explains.

import { SharedMemory } from 'isthmus';

/** What goes on. STORM: deaths. CALM: none; everybody must make progress. STOP: everybody ends in good order. */
export const MODE = { STORM: 0, CALM: 1, STOP: 2 };

/** Elements of a row. PAIRS: begun and done, for each kind of operation. OWN: the load's own. */
const AT = {
  UP: 0, // the life that is at work; 0: none
  BEATS: 1, // steps that were completed
  LEAVE: 2, // 1: asked to end in good order
  KILLS: 3, // written before the kill, by the one who kills
  TERMINATIONS: 4, // written before worker.terminate(), by the process around the worker
  LIVES: 5, // of a worker
  PID: 6,
  THREAD: 7,
  STEP: 8, // its name, 32 bytes
  PAIRS: 12,
  OWN: 36,
};
const ROW = 64;
const STEP_BYTES = 8 * 4;

/** Elements and words that belong to no row. The first word is the mode. */
const COMMON = 64;
const WORDS = 4096;

export class Row {
  constructor(index, role, at) {
    this.index = index;
    this.role = role;
    this.at = at;
    /** The load's own elements: plain numbers with one writer. */
    this.own = at.subarray(AT.OWN);
  }

  /** Noted before an operation. */
  begin(kind, count = 1) {
    this.at[AT.PAIRS + 2 * kind] += count;
  }

  /** Noted when it has returned. */
  done(kind, count = 1) {
    this.at[AT.PAIRS + 2 * kind + 1] += count;
  }

  /** The operation has said that it did not happen. */
  takeBack(kind, count = 1) {
    this.at[AT.PAIRS + 2 * kind] -= count;
  }

  begun(kind) {
    return this.at[AT.PAIRS + 2 * kind];
  }

  finished(kind) {
    return this.at[AT.PAIRS + 2 * kind + 1];
  }

  /** Violent ends of actors of this row; those that are about to happen, too. */
  get deaths() {
    return this.at[AT.KILLS] + this.at[AT.TERMINATIONS];
  }

  get step() {
    const bytes = Buffer.from(this.at.buffer, this.at.byteOffset + 8 * AT.STEP, STEP_BYTES);
    return bytes.toString('latin1').replace(/\0+$/, '');
  }
}

for (const [name, element] of Object.entries(AT)) {
  if (name === 'STEP' || name === 'PAIRS' || name === 'OWN') continue;
  Object.defineProperty(Row.prototype, name.toLowerCase(), {
    get() {
      return this.at[element];
    },
    set(value) {
      this.at[element] = value;
    },
  });
}

/** For `row.at.set(…)`: one copy a step. */
export function stepName(name) {
  const elements = new Float64Array(STEP_BYTES / 8);
  Buffer.from(elements.buffer).write(name, 'latin1');
  return (row) => row.at.set(elements, AT.STEP);
}

/**
 * Where everybody of a cast has its row. A cast is a list of processes: a role, or an array of roles that run as workers
 * of one process. The first row is the harness's own.
 */
export function places(cast) {
  let row = 1;
  return cast.map((roles) =>
    Array.isArray(roles)
      ? { role: 'host', row: row++, workers: roles.map((role) => ({ role, row: row++ })) }
      : { role: roles, row: row++, workers: [] },
  );
}

export class Ledger {
  #memory;

  constructor(memory, cast) {
    this.#memory = memory;
    const all = new Float64Array(memory.buffer);
    /** Elements that a load may use as it likes, for example under a lock. */
    this.common = all.subarray(0, COMMON);
    /** Words for Atomics. The first one is the mode. */
    this.words = new Int32Array(memory.buffer, 8 * COMMON, WORDS);
    const rows = new Float64Array(memory.buffer, 8 * COMMON + 4 * WORDS);
    const roles = [
      'harness',
      ...places(cast).flatMap((one) => [one.role, ...one.workers.map((w) => w.role)]),
    ];
    this.rows = roles.map((role, n) => new Row(n, role, rows.subarray(n * ROW, (n + 1) * ROW)));
  }

  static create(name, cast) {
    const rows = 1 + cast.flat().length + cast.filter(Array.isArray).length;
    return new Ledger(SharedMemory.create(name, 8 * (COMMON + ROW * rows) + 4 * WORDS), cast);
  }

  static attach(name, cast) {
    return new Ledger(SharedMemory.attach(name), cast);
  }

  get mode() {
    return Atomics.load(this.words, 0);
  }

  set mode(mode) {
    Atomics.store(this.words, 0, mode);
  }

  sum(of) {
    let sum = 0;
    for (const row of this.rows) sum += of(row);
    return sum;
  }

  /** The one row of a role that exists once. */
  row(role) {
    return this.rows.find((row) => row.role === role);
  }

  /** How often something was known to be done, and how often at most: between the two lies what deaths explain. */
  least = (kind) => this.sum((row) => row.finished(kind));
  most = (kind) => this.sum((row) => row.begun(kind));
  own = (element) => this.sum((row) => row.own[element]);
  get deaths() {
    return this.sum((row) => row.deaths);
  }

  close() {
    this.#memory.close();
  }
}

export function check(condition, what) {
  if (!condition) throw new Error(typeof what === 'function' ? what() : what);
}
