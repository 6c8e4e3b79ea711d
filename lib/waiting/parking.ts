/**
 * Where the promise forms of one environment sleep: on shared words, watched by the addon's waiter thread, so that the
 * event loop runs on. All sleepers of the environment on one word share one entry.
 */

import { UNWATCHED_SLICE } from '../memory/roster.js';
import { native } from '../native/load.js';
import type { Marks, WaitPoint } from './blocking.js';

/** Something that sleeps here and is told to look again. Must not throw. */
export interface Sleeper {
  wake(): void;
}

/** ms; see `waiting` below. */
const LOOK_EVERY = 1000;

interface Entry {
  readonly id: number;
  readonly point: WaitPoint;
  readonly sleepers: Set<Sleeper>;
}

function same(a: WaitPoint, b: WaitPoint): boolean {
  return (
    a.words === b.words && a.index === b.index && a.expected === b.expected && sameMarks(a.marks, b.marks)
  );
}

function sameMarks(a: Marks | undefined, b: Marks | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.pairs.length === b.pairs.length && a.pairs.every((one, n) => one === b.pairs[n]);
}

function watch({ words, index, expected, marks }: WaitPoint): number {
  if (marks === undefined) return native.watch(words, index, expected);
  return native.watch(words, index, expected, marks.words, marks.pairs);
}

/** Entries by word (those of one word expect the same value, and watch different marks), and by the id the addon reports. */
const byWord = new Map<Int32Array, Map<number, Entry[]>>();
const byId = new Map<number, Entry>();
const placeOf = new Map<Sleeper, Entry>();

let started = false;

/** Puts a sleeper on a word. It is woken once (perhaps for nothing) and has left the word then. */
export function park(sleeper: Sleeper, point: WaitPoint): void {
  if (point.slice !== undefined && point.slice < LOOK_EVERY) lookSoon(sleeper);
  const before = placeOf.get(sleeper);
  if (before !== undefined) {
    if (same(before.point, point)) return;
    unpark(sleeper);
  }
  if (!started) {
    started = true;
    native.startWaiter(wakeAll);
  }
  const entry = entryFor(point);
  entry.sleepers.add(sleeper);
  placeOf.set(sleeper, entry);
}

function entryFor(point: WaitPoint): Entry {
  const { words, index, expected } = point;
  const others = byWord.get(words)?.get(index) ?? [];
  const shared = others.find((other) => same(other.point, point));
  if (shared !== undefined) return shared;
  // The word (or who must change it) has moved since the others fell asleep: they look again. Those that expect another
  // value have left the word then; the others may stay as they are: they may watch others than we do for good reason.
  for (const other of [...others]) {
    const stay = other.point.expected === expected;
    if (!stay) {
      native.unwatch(other.id);
      removeEntry(other);
    }
    const sleepers = [...other.sleepers];
    if (!stay) for (const one of sleepers) placeOf.delete(one);
    setImmediate(() => {
      for (const one of sleepers) one.wake();
    });
  }
  const entry = { id: watch(point), point, sleepers: new Set<Sleeper>() };
  let ofWords = byWord.get(words);
  if (ofWords === undefined) {
    ofWords = new Map();
    byWord.set(words, ofWords);
  }
  const ofWord = ofWords.get(index);
  if (ofWord === undefined) ofWords.set(index, [entry]);
  else ofWord.push(entry);
  byId.set(entry.id, entry);
  return entry;
}

/** Takes a sleeper off its word; nothing happens if it is not asleep. */
export function unpark(sleeper: Sleeper): void {
  const entry = placeOf.get(sleeper);
  if (entry === undefined) return;
  placeOf.delete(sleeper);
  entry.sleepers.delete(sleeper);
  if (entry.sleepers.size > 0) return;
  native.unwatch(entry.id);
  removeEntry(entry);
}

function removeEntry(entry: Entry): void {
  byId.delete(entry.id);
  const { words, index } = entry.point;
  const ofWords = byWord.get(words)!;
  const ofWord = ofWords.get(index)!;
  ofWord.splice(ofWord.indexOf(entry), 1);
  if (ofWord.length > 0) return;
  ofWords.delete(index);
  if (ofWords.size === 0) byWord.delete(words);
}

function wakeAll(ids: number[]): void {
  for (const id of ids) {
    const entry = byId.get(id);
    if (entry === undefined) continue;
    removeEntry(entry);
    for (const sleeper of entry.sleepers) placeOf.delete(sleeper);
    for (const sleeper of entry.sleepers) sleeper.wake();
  }
}

/** Sleepers whose event nothing may tell of: they look again soon. */
const impatient = new Set<Sleeper>();

function lookSoon(sleeper: Sleeper): void {
  if (impatient.has(sleeper)) return;
  impatient.add(sleeper);
  if (impatient.size > 1) return; // the timer of the first is running
  const look = (): void => {
    const all = [...impatient];
    impatient.clear();
    for (const one of all) one.wake(); // those who go back to sleep come back here
  };
  setTimeout(look, UNWATCHED_SLICE).unref(); // the heartbeat keeps the process alive, if anything should
}

/**
 * Everybody who waits, asleep or spinning. No wake-up is trusted to arrive (its sender may die between publishing and
 * waking), so all look again every second; the same timer keeps the process alive while somebody waits who should.
 */
const waiting = new Map<Sleeper, boolean>();
let keepers = 0;
let heartbeat: NodeJS.Timeout | undefined;

/** Registers a sleeper for the heartbeat. `keepsAlive`: the process stays while it waits. */
export function beginWaiting(sleeper: Sleeper, keepsAlive: boolean): void {
  waiting.set(sleeper, keepsAlive);
  if (heartbeat === undefined) heartbeat = setInterval(beat, LOOK_EVERY).unref();
  if (keepsAlive && ++keepers === 1) heartbeat.ref();
}

export function endWaiting(sleeper: Sleeper): void {
  const keepsAlive = waiting.get(sleeper);
  if (keepsAlive === undefined) return;
  waiting.delete(sleeper);
  impatient.delete(sleeper);
  if (keepsAlive && --keepers === 0) heartbeat?.unref();
}

function beat(): void {
  if (waiting.size === 0) {
    clearInterval(heartbeat);
    heartbeat = undefined;
    return;
  }
  for (const sleeper of [...waiting.keys()]) sleeper.wake();
}
