/** What can be waited for together with others (waitAny), and what such a wait needs to know of each. */

import type { ELSEWHERE, WaitPoint } from './blocking.js';

/** The method that makes an object waitable. Not for users: the package's own objects have it. */
export const WAITABLE: unique symbol = Symbol('isthmus.waitable');

/** What {@link waitAny} and {@link waitAnySync} take: objects of this package that become ready. Opaque. */
export interface Waitable {
  /** One wait for this object begins. Throws ClosedError for a closed handle. */
  [WAITABLE](): Readiness;
}

/** One object in one wait. What "ready" means may depend on when the wait began. */
export interface Readiness {
  /** Whether pending waits of the handle keep the process alive. */
  readonly keepsAlive: boolean;
  /**
   * Whether it is ready, from memory alone and without changing anything. Throws ClosedError if the handle is closed by
   * now, before it looks at memory, and for no other reason: what the object's own method would throw at once is ready.
   */
  ready(): boolean;
  /**
   * As LineOperation.arm: announces the sleep (a flag, never a count: giving up leaves nothing to undo), asks the kernel
   * about the living where that matters, and says what to sleep on. `undefined`: look again; what `ready` says then must
   * include what was found out here. ELSEWHERE: nobody but this environment makes it ready, and tells `told`.
   */
  arm(): WaitPoint | typeof ELSEWHERE | undefined;
  /** True while only this environment could make it ready: a Sync form would wait for itself. Default: false. */
  readonly blockedHere?: boolean;
  /**
   * Who waits puts itself in these while it does. They are told at once, in this thread, when the handle is closed (while
   * its memory is still mapped), and when this environment gives back what `arm` says ELSEWHERE about.
   */
  readonly told: readonly Registry[];
}

/** One who is told of what this environment itself does. */
export interface Told {
  /** False while it waits. */
  readonly idle: boolean;
  /** Looks again. Must not throw. */
  wake(): void;
}

/** A set of those. */
export interface Registry {
  add(one: Told): unknown;
  delete(one: Told): unknown;
}

/** Those whom one object tells, mostly one or none. */
export class Lines implements Registry {
  readonly #all = new Set<Told>();
  /** The one, if there is only one. */
  #only: Told | undefined;
  #telling = false;

  add(one: Told): void {
    this.#all.add(one);
    this.#only = this.#all.size === 1 ? one : undefined;
  }

  delete(one: Told): void {
    if (this.#all.delete(one)) [this.#only] = this.#all.size === 1 ? this.#all : [];
  }

  /** Tells those that wait, when the running code is done. They look again. */
  tellSoon(): void {
    if (this.#telling || !this.#someWait()) return;
    queueMicrotask(this.#tell);
    this.#telling = true; // not before: a script may be broken off in between
  }

  readonly #tell = (): void => {
    this.#telling = false;
    for (const one of [...this.#all]) one.wake();
  };

  #someWait(): boolean {
    if (this.#only !== undefined) return !this.#only.idle;
    for (const one of this.#all) if (!one.idle) return true;
    return false;
  }
}

/** Which of them are ready, in order. */
export function readyAmong(all: readonly Readiness[]): number[] {
  const found: number[] = [];
  for (let n = 0; n < all.length; n++) if (all[n]!.ready()) found.push(n);
  return found;
}
