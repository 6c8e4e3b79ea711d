/** Proof that a lock is held, and the way to give it back. */

import { NotOwnerError } from '../errors.js';

/** What a guard and its lock know of each other: the guard itself must stay collectable, to notice that it is forgotten. */
export interface Hold {
  readonly path: string;
  /** 'lost': the lock was given back without the guard, by closing its handle. */
  state: 'held' | 'released' | 'lost';
  release(): boolean;
}

const forgotten = new FinalizationRegistry<Hold>((hold) => {
  if (hold.state !== 'held') return;
  process.emitWarning(
    `a guard of '${hold.path}' was garbage collected while it holds the lock, which stays locked until this process ends or closes it; ` +
      'release every guard, for example with withLock()',
    { code: 'ISTHMUS_FORGOTTEN_GUARD' },
  );
});

/**
 * What acquiring a lock gives: the lock is held until {@link release}. In TypeScript 5.2 and later
 * `using guard = lock.acquireSync()` releases it at the end of the block.
 *
 * A guard that is forgotten is never released silently: the lock stays held, and a warning says so when the guard is
 * garbage collected.
 */
export class Guard implements Disposable, AsyncDisposable {
  readonly #hold: Hold;
  readonly #abandoned: boolean;

  /** @internal */
  constructor(hold: Hold, abandoned: boolean) {
    this.#hold = hold;
    this.#abandoned = abandoned;
  }

  /** @internal From now on somebody notices if this guard is forgotten. Costs a microsecond: not for those held briefly. */
  static watch(guard: Guard): void {
    if (guard.held) forgotten.register(guard, guard.#hold, guard);
  }

  /**
   * True when the holder before died (or left) without releasing the lock: what the lock protects may be half changed.
   * Only you can know whether it still makes sense; check and mend it. The lock itself is sound, and is released
   * normally.
   */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** True until {@link release}. */
  get held(): boolean {
    return this.#hold.state === 'held';
  }

  /**
   * Gives the lock back and wakes who waits for it. Does not block.
   *
   * @throws NotOwnerError if this guard was released before, or the handle it came from has been closed
   */
  release(): void {
    const hold = this.#hold;
    if (hold.state !== 'held') {
      const why =
        hold.state === 'released'
          ? 'this guard was released already; call release() once'
          : 'the handle that this guard came from was closed, which gave the lock up as abandoned; release guards first';
      throw new NotOwnerError(`'${hold.path}' is not held by this guard: ${why}`);
    }
    forgotten.unregister(this);
    hold.state = 'released';
    if (hold.release()) return;
    throw new NotOwnerError(
      `'${hold.path}' is not held by this process any more: its lock word was overwritten; unlink it and create it again`,
    );
  }

  /** Releases the lock unless that has been done. */
  [Symbol.dispose](): void {
    if (this.held) this.release();
  }

  /** Releases the lock unless that has been done. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.held) this.release();
  }
}
