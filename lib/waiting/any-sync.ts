/** The Sync form of a wait for any of several objects: one sleep in the kernel for all of their words. */

import { UNWATCHED_SLICE } from '../memory/roster.js';
import { native } from '../native/load.js';
import { ELSEWHERE, type Marks, type WaitPoint } from './blocking.js';
import { deadlineAfter, LONGEST_SLEEP, now, timedOut } from './clock.js';
import { AdaptiveSpin, SYNC_LOOKS, spinOn } from './spin.js';
import { type Readiness, readyAmong } from './waitable.js';

/** Of all these waits of the environment. */
const spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);

/** So many words one futex_waitv takes (FUTEX_WAITV_MAX). */
const MOST_WORDS = 128;

/**
 * Blocks this thread until some of them are ready; returns their numbers.
 *
 * @param timeout ms, checked; 0 looks once, asking the kernel about the living
 * @param what begins the TimeoutError's message
 * @param deadlock makes the error for a wait that only this thread could end
 */
export function blockAny(
  all: readonly Readiness[],
  timeout: number,
  what: string,
  deadlock: () => Error,
): number[] {
  let found = readyAmong(all);
  if (found.length > 0) return found;
  const deadline = deadlineAfter(timeout);

  if (timeout !== 0) {
    const looks = Math.ceil(spin.budget() / all.length); // the bounds are in looks at one word
    for (let look = 1; look <= looks; look++) {
      found = readyAmong(all);
      if (found.length > 0) {
        spin.hit(look * all.length);
        return found;
      }
      if (!spinOn(look)) break;
    }
    spin.miss();
  }

  for (;;) {
    const points: WaitPoint[] = [];
    let moved = false;
    let stuck = true;
    for (const one of all) {
      const point = one.arm();
      if (point === undefined) moved = true;
      else if (point !== ELSEWHERE) points.push(point);
      if (point !== ELSEWHERE && one.blockedHere !== true) stuck = false;
    }
    // Looked at again after the announcements: whoever changes something from here on sees that somebody sleeps.
    found = readyAmong(all);
    if (found.length > 0) return found;
    if (stuck) throw deadlock();
    const left = deadline - now();
    if (left <= 0) throw timedOut(what, timeout);
    if (!moved) sleepOnAny(points, Math.min(left, LONGEST_SLEEP));
  }
}

/** Sleeps until a word or a mark of one of the points moves, at most so many ms. */
function sleepOnAny(points: readonly WaitPoint[], most: number): void {
  const words = new WordList();
  for (const { words: array, index, expected } of points) words.add(array, index, expected);
  for (const { marks } of points) if (marks !== undefined) words.addMarks(marks);
  const longest = points.reduce((ms, { slice = most }) => Math.min(ms, slice), most);
  if (native.hasWaitv && words.length <= MOST_WORDS) words.sleep(points.length, longest);
  else sleepAndScan(points, words, longest);
}

/** Words in the form that the addon takes. */
class WordList {
  readonly #arrays: Int32Array[] = [];
  readonly #numbers = new Map<Int32Array, number>();
  readonly #triples: number[] = [];

  get length(): number {
    return this.#triples.length / 3;
  }

  add(array: Int32Array, index: number, expected: number): void {
    let number = this.#numbers.get(array);
    if (number === undefined) {
      number = this.#arrays.push(array) - 1;
      this.#numbers.set(array, number);
    }
    this.#triples.push(number, index, expected);
  }

  addMarks({ words, pairs }: Marks): void {
    for (let n = 0; n < pairs.length; n += 2) this.add(words, pairs[n]!, pairs[n + 1]!);
  }

  /** Whether one of them is not as expected. */
  get moved(): boolean {
    const triples = this.#triples;
    for (let n = 0; n < triples.length; n += 3) {
      if (Atomics.load(this.#arrays[triples[n]!]!, triples[n + 1]!) !== triples[n + 2]) return true;
    }
    return false;
  }

  /** Sleeps on as many of them as one call takes. Whether it was woken. */
  sleep(marksFrom: number, milliseconds: number): boolean {
    const triples = Int32Array.from(this.#triples.slice(0, 3 * MOST_WORDS));
    return native.futexWaitAny(this.#arrays, triples, marksFrom, milliseconds) === 0;
  }
}

const SHORTEST_SCAN = 1;

/** Where no one call sleeps on all: on some of them, for a while that grows from 1 to 50 ms, and then looks at all. */
function sleepAndScan(points: readonly WaitPoint[], words: WordList, most: number): void {
  const [first] = points as [WaitPoint];
  const end = now() + most;
  let interval = SHORTEST_SCAN;
  while (!words.moved) {
    const left = end - now();
    if (left <= 0) return;
    const milliseconds = Math.min(interval, left);
    const woken = native.hasWaitv
      ? words.sleep(points.length, milliseconds)
      : native.futexWait(first.words, first.index, first.expected, milliseconds) === 0;
    if (woken) return;
    interval = Math.min(interval * 1.5, UNWATCHED_SLICE);
  }
}
