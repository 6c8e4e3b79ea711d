/** What goes on in an object, as far as words tell that are there anyway: nothing is counted for the sake of being seen. */

import { OWNER_SLEEPERS } from './roster-layout.js';

/** Something that an object counts for its own purposes. */
export interface Count {
  /** `put`, `taken`, `set`, `changed`, `calls`, `rounds`; in a pipe with the end that it is written or read at. */
  readonly what: string;
  /** What `count` counts. */
  readonly unit: 'messages' | 'bytes' | 'entries' | 'changes' | 'calls' | 'rounds';
  /** Whether it counts what goes in or what comes out. */
  readonly way: 'in' | 'out';
  /** How many so far, modulo `wrap`: only the difference of two looks means something. */
  readonly count: number;
  /** The count starts again from 0 there. */
  readonly wrap: number;
}

/** One who waits. */
export interface Waiter {
  /** The process id, as the process sees itself. */
  readonly pid: number;
  /** 0: the main thread, else the worker's `threadId`. */
  readonly thread: number;
}

/** Somebody sleeps in an object until something happens. */
export interface Wait {
  /** What for: `lock`, `message`, `room`, `change`, `permit`, … */
  readonly for: string;
  /** How many, where that is known. Most waits are a mark ("somebody"), so that a killed waiter leaves no wrong count. */
  readonly count?: number;
  /** The processes, where they are known. */
  readonly who?: readonly Waiter[];
}

/**
 * What has been done in an object so far, and who waits. A mark that a killed or impatient waiter left behind stays until
 * the next change or release takes it away.
 */
export interface Activity {
  /** What is counted; empty for kinds that count nothing. */
  readonly counts: readonly Count[];
  /** Who waits, and for what. */
  readonly waits: readonly Wait[];
}

/** 32-bit words and byte counts start again from 0 there. */
export const WORD_WRAP = 2 ** 32;

/** A wait, if the sleep word at this index (waiting/sleep-word.ts) says that there is one. */
export function sleepers(words: Int32Array, index: number, what: string): Wait[] {
  return ((words[index] ?? 0) & 1) === 0 ? [] : [{ for: what }];
}

/** A wait for a lock, if its owner word at this index says that there is one. */
export function queued(words: Int32Array, index: number, what = 'lock'): Wait[] {
  return ((words[index] ?? 0) & OWNER_SLEEPERS) === 0 ? [] : [{ for: what }];
}
