/** A message that was taken from a Queue and is not done yet. */

import { type InspectOptions, inspect } from 'node:util';
import { NotOwnerError } from '../errors.js';
import { consoleForm } from '../memory/console-form.js';

/** What a job and its queue know of each other: the job itself must stay collectable, to notice that it is forgotten. */
export interface Lease {
  readonly path: string;
  /** 'lost': the handle that it came from was closed, which gave it back. */
  state: 'out' | 'done' | 'returned' | 'lost';
  /** Until the event loop has turned: registering a job, so that forgetting it is noticed, costs microseconds. */
  fresh: object | undefined;
  /** Says so in shared memory. False if its word was overwritten. */
  finish(): boolean;
  giveBack(): boolean;
  newer: Lease | undefined;
  older: Lease | undefined;
}

/** The jobs of one handle that are out, the newest first. */
export class Leases {
  #newest: Lease | undefined;
  #looking = false;
  readonly #look = (): void => {
    this.#looking = false;
    for (let lease = this.#newest; lease?.fresh !== undefined; lease = lease.older) {
      forgotten.register(lease.fresh, lease, lease);
      lease.fresh = undefined;
    }
  };

  add(lease: Lease): void {
    lease.older = this.#newest;
    if (this.#newest !== undefined) this.#newest.newer = lease;
    this.#newest = lease;
    if (this.#looking) return;
    this.#looking = true;
    setImmediate(this.#look).unref();
  }

  remove(lease: Lease): void {
    if (lease.newer === undefined) this.#newest = lease.older;
    else lease.newer.older = lease.older;
    if (lease.older !== undefined) lease.older.newer = lease.newer;
    if (lease.fresh === undefined) forgotten.unregister(lease);
    lease.fresh = undefined;
  }

  /** Gives all of them back. */
  loseAll(): void {
    for (let lease = this.#newest; lease !== undefined; lease = lease.older) {
      lease.state = 'lost';
      if (lease.fresh === undefined) forgotten.unregister(lease);
      lease.giveBack();
    }
    this.#newest = undefined;
  }
}

const NOT_OUT = {
  done: 'it was done already; call done() once',
  returned: 'it was given back already, and may be another one now',
  lost: 'the handle that it came from was closed, which gave it back; finish jobs first',
} as const;

const forgotten = new FinalizationRegistry<Lease>((lease) => {
  if (lease.state !== 'out') return;
  process.emitWarning(
    `a job of '${lease.path}' was garbage collected before it was done: nobody else gets it until this process ends or closes the queue; ` +
      'call done() or retry() for every job',
    { code: 'ISTHMUS_FORGOTTEN_JOB' },
  );
});

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
      { name: this.#lease.path, closed: false },
      { message: () => this.message, attempt: () => this.attempt, pending: () => this.pending },
      depth,
      options,
    );
  }

  /** Gives the message back unless it is done. */
  [Symbol.dispose](): void {
    if (this.pending) this.retry();
  }
}
