/** A message that was taken from a Queue and is not done yet. */

import { type InspectOptions, inspect } from 'node:util';
import { NotOwnerError } from '../errors.js';
import { consoleForm } from '../memory/console-form.js';
import type { Lease } from './leases.js';

const NOT_OUT = {
  done: 'it was done already; call done() once',
  returned: 'it was given back already, and may be another one now',
  lost: 'the handle that it came from was closed, which gave it back; finish jobs first',
} as const;

/**
 * A message that `take` gave: nobody else gets it while this process lives. {@link done} ends it; {@link retry}, closing
 * the queue's handle, or the death of this process puts it back in front, for the next one who takes. So a message is
 * taken at least once, and done once. In TypeScript 5.2 and later `using job = queue.takeSync()` gives it back at the end
 * of the block unless it was done.
 */
export class Job<T = unknown> implements Disposable {
  /** What was put. */
  readonly message: T;
  /** How often it was taken: 1 the first time. More: another taker died or gave it back, perhaps after half of the work. */
  readonly attempt: number;
  readonly #lease: Lease;

  /** @internal */
  constructor(message: T, attempt: number, lease: Lease) {
    this.message = message;
    this.attempt = attempt;
    this.#lease = lease;
    lease.fresh = this;
  }

  /** False after {@link done}, {@link retry}, or closing the queue's handle. */
  get pending(): boolean {
    return this.#lease.state === 'out';
  }

  /**
   * The work is done: the message is gone, its room is free. Does not block.
   *
   * @throws NotOwnerError if that was said before, or the job was given back
   */
  done(): void {
    this.#leave('done');
  }

  /** Gives the message back, in front of those that wait; whoever takes it sees a higher `attempt`. Does not block. Throws as {@link done}. */
  retry(): void {
    this.#leave('returned');
  }

  #leave(as: 'done' | 'returned'): void {
    const lease = this.#lease;
    if (lease.state !== 'out')
      throw new NotOwnerError(`this job of '${lease.path}' is not yours any more: ${NOT_OUT[lease.state]}`);
    lease.state = as;
    if (as === 'done' ? lease.finish() : lease.giveBack()) return;
    throw new NotOwnerError(
      `this job of '${lease.path}' is not yours any more: its word was overwritten; unlink the queue and create it again`,
    );
  }

  /** @internal What console.log shows. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    return consoleForm(
      this,
      () => ({ name: this.#lease.path, closed: false }),
      () => ({ message: () => this.message, attempt: () => this.attempt, pending: () => this.pending }),
      depth,
      options,
    );
  }

  /** Gives the message back unless it is done. */
  [Symbol.dispose](): void {
    if (this.pending) this.retry();
  }
}
