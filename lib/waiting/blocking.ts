/** What the waiting room needs to know of an operation that may have to wait. */

/** `attempt` could not proceed; nothing was changed. */
export const PENDING: unique symbol = Symbol('pending');

/** A shared word and the value at which it is worth sleeping on. */
export interface WordAt {
  readonly words: Int32Array;
  readonly index: number;
  readonly expected: number;
}

/** Death marks: words of one array, as pairs of index and the value of the living. */
export interface Marks {
  readonly words: Int32Array;
  readonly pairs: Int32Array;
}

/** What to sleep on: a word, and whose death ends the sleep too. */
export interface WaitPoint extends WordAt {
  /** The death marks of those who must change the word. */
  readonly marks?: Marks | undefined;
  /** ms after which to look again, where that is less than usual: nothing else tells of a death. */
  readonly slice?: number | undefined;
}

/** `arm`: the sleeper is not on a word, somebody else will wake it. */
export const ELSEWHERE: unique symbol = Symbol('elsewhere');

/** One operation: tried, announced as asleep, tried again, … until it is done or given up. */
export interface Blocking<T> {
  /** Finishes now, or returns PENDING without having changed anything. Throws when it never can finish. */
  attempt(): T | typeof PENDING;
  /**
   * Announces in shared memory that somebody sleeps, and says on what. `undefined`: the state moved meanwhile, attempt
   * again. An announcement is a flag, never a count: giving up leaves nothing to undo.
   */
  arm(): WaitPoint | undefined;
}
