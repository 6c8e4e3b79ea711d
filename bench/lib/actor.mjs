// What the processes of a measurement need: the handshake with the runner (see processes.mjs), and the clock.

import { readSync, writeSync } from 'node:fs';

/** Tells the runner that all is prepared and blocks until everybody is. Nothing may be pending on the event loop. */
export function ready() {
  writeSync(1, 'READY\n');
  readLine();
}

const byte = Buffer.alloc(1);

/** A line of standard input, without the event loop. */
export function readLine() {
  let line = '';
  for (;;) {
    try {
      if (readSync(0, byte) === 0) return undefined;
      const character = byte.toString();
      if (character === '\n') return line;
      line += character;
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      pause(1);
    }
  }
}

export const say = (line) => writeSync(1, `${line}\n`);

const never = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread. */
export const pause = (ms) => Atomics.wait(never, 0, 0, ms);

/** Nanoseconds, as a number: exact enough for differences of seconds. */
export const now = () => Number(process.hrtime.bigint() - START);

const START = process.hrtime.bigint();

/** So much of a measurement comes before it, and does not count: V8 must have optimised what is measured. */
export const WARM = 0.5;

/** Runs `work(count)` half as often to warm up, then as often as told, and takes the time. */
export function timed(count, work) {
  work(Math.ceil(count * WARM));
  const began = now();
  work(count);
  return { ns: now() - began };
}

/** Takes the time from the message number `warm` to the last one. Call `take()` for each; true after the last. */
export class Stopwatch {
  #left;
  #count;
  #began = 0;
  ns = 0;

  constructor({ warm, count }) {
    this.#left = warm + count;
    this.#count = count;
    if (warm === 0) this.#began = now();
  }

  take() {
    const left = --this.#left;
    if (left === this.#count) this.#began = now();
    if (left > 0) return false;
    this.ns = now() - this.#began;
    return true;
  }

  get result() {
    return { ns: this.ns };
  }
}
