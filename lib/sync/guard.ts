/** Proof that a lock is held, and the way to give it back. */

import { type InspectOptions, inspect } from 'node:util';
import { NotOwnerError } from '../errors.js';
import { consoleForm } from '../memory/console-form.js';
import type { Acquirable, Acquirer } from './acquirer.js';

/** What a guard and its lock know of each other: the guard itself must stay collectable, to notice that it is forgotten. */
export interface Hold {
  /** The handle that it came from. */
  readonly of: Acquirer;
  /** What is held: this environment's side of it, whatever the handle. */
  readonly what: Acquirable;
  readonly path: string;
  /**
   * 'suspended': a Condition has given the lock up while it waits. 'lost': the lock was given back without the guard, by
   * closing its handle.
   */
  state: 'held' | 'suspended' | 'released' | 'lost';
  abandoned: boolean;
  /** Somebody notices if the guard is forgotten. */
  watched: boolean;
  release(): boolean;
}

const NOT_HELD = {
  released: 'this guard was released already; call release() once',
  suspended:
    'a Condition is waiting with it, and takes the lock back before it returns; release the guard then',
  lost: 'the handle that this guard came from was closed, which gave the lock up as abandoned; release guards first',
} as const;

/** Somebody wrote over the word that says who holds it. */
export function overwritten(path: string): NotOwnerError {
  return new NotOwnerError(
    `'${path}' is not held by this process any more: its lock word was overwritten; unlink it and create it again`,
  );
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

  /** @internal */
  constructor(hold: Hold) {
    this.#hold = hold;
  }

  /** @internal From now on somebody notices if this guard is forgotten. Costs a microsecond: not for those held briefly. */
  static watch(guard: Guard): void {
    if (!guard.held) return;
    guard.#hold.watched = true;
    forgotten.register(guard, guard.#hold, guard);
  }

  /** @internal */
  static holdOf(guard: Guard): Hold {
    return guard.#hold;
  }

  /**
   * True when the holder before died (or left) without releasing the lock: what the lock protects may be half changed.
   * Only you can know whether it still makes sense; check and mend it. The lock itself is sound, and is released
   * normally.
   */
  get abandoned(): boolean {
    return this.#hold.abandoned;
  }

  /** True until {@link release}, and not while a `Condition` waits with it. */
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
      throw new NotOwnerError(`'${hold.path}' is not held by this guard: ${NOT_HELD[hold.state]}`);
    }
    if (hold.watched) forgotten.unregister(this);
    hold.state = 'released';
    if (hold.release()) return;
    throw overwritten(hold.path);
  }

  /** @internal What console.log shows. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    return consoleForm(
      this,
      () => ({ name: this.#hold.path, closed: false }),
      () => ({ held: () => this.held, abandoned: () => this.abandoned }),
      depth,
      options,
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
