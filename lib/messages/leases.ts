/** The jobs of a handle on a Queue that are out: given back when it is closed, and missed when they are forgotten. */

import type { QueueTakes, TakenJob } from './queue-takes.js';

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
  readonly #path: string;
  readonly #takes: QueueTakes;
  #newest: Lease | undefined;
  #looking = false;
  readonly #look = (): void => {
    this.#looking = false;
    for (let lease = this.#newest; lease?.fresh !== undefined; lease = lease.older) {
      forgotten.register(lease.fresh, lease, lease);
      lease.fresh = undefined;
    }
  };

  constructor(path: string, takes: QueueTakes) {
    this.#path = path;
    this.#takes = takes;
  }

  /** Notes a job that was taken. */
  readonly leaseOf = ({ job }: TakenJob<unknown>): Lease => {
    const lease: Lease = {
      path: this.#path,
      state: 'out',
      fresh: undefined,
      finish: () => {
        this.#remove(lease);
        return this.#takes.finish(job);
      },
      giveBack: () => {
        this.#remove(lease);
        return this.#takes.giveBack(job);
      },
      newer: undefined,
      older: undefined,
    };
    this.#add(lease);
    return lease;
  };

  #add(lease: Lease): void {
    lease.older = this.#newest;
    if (this.#newest !== undefined) this.#newest.newer = lease;
    this.#newest = lease;
    if (this.#looking) return;
    this.#looking = true;
    setImmediate(this.#look).unref();
  }

  #remove(lease: Lease): void {
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

const forgotten = new FinalizationRegistry<Lease>((lease) => {
  if (lease.state !== 'out') return;
  process.emitWarning(
    `a job of '${lease.path}' was garbage collected before it was done: nobody else gets it until this process ends or closes the queue; ` +
      'call done() or retry() for every job',
    { code: 'ISTHMUS_FORGOTTEN_JOB' },
  );
});
