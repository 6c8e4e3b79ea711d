/** What named objects that are acquired have in common: the three forms, and guards. */

import type { Segment } from '../memory/segment.js';
import { SharedObject } from '../memory/shared-object.js';
import type { SyncWaitOptions, WaitOptions } from '../options.js';
import { type Readiness, WAITABLE, type Waitable } from '../waiting/waitable.js';
import { type Acquirable, Acquirer } from './acquirer.js';
import type { Guard } from './guard.js';

/** The base of handles on what is acquired and released. */
export abstract class LockObject extends SharedObject implements Waitable {
  /** @internal */
  readonly acquirer: Acquirer;

  /** @internal */
  protected constructor(segment: Segment, what: Acquirable, notFree: string) {
    super(segment);
    this.acquirer = new Acquirer(what, segment.path, notFree);
  }

  /** @internal Tells it from another one that had the name before. */
  get instanceId(): string {
    return this.segment.header.instanceId;
  }

  /** Takes it if it is free (and no promise form of this handle waits for it); `undefined` if not. Does not block. */
  tryAcquire(): Guard | undefined {
    this.check();
    return this.acquirer.tryAcquire();
  }

  /**
   * Takes it, blocking this thread until it is free or a holder is dead. Goes before promise forms of this process that
   * wait: they could not run meanwhile.
   *
   * @throws TimeoutError; DeadlockError if this environment holds it itself, so that nobody could release it
   */
  acquireSync(wait?: SyncWaitOptions): Guard {
    this.check();
    return this.acquirer.acquireSync(wait);
  }

  /**
   * Resolves with a guard once it is free or a holder is dead; first come, first served within this handle. The event
   * loop runs on; the process stays alive while waiting. Waiting for a guard that this process holds is no error:
   * another task may release it.
   *
   * Rejects with TimeoutError, the signal's reason, or ClosedError when this handle is closed.
   */
  async acquire(wait?: WaitOptions): Promise<Guard> {
    this.check();
    return this.acquirer.acquire(wait);
  }

  /** For waitAny: ready when it could be acquired. */
  [WAITABLE](): Readiness {
    return this.acquirer.readiness(() => this.check(), this.closing);
  }

  /** Pending waits of this handle keep the process alive (the default). */
  ref(): this {
    this.acquirer.keepsAlive = true;
    return this;
  }

  /** Pending waits of this handle do not keep the process alive. */
  unref(): this {
    this.acquirer.keepsAlive = false;
    return this;
  }

  /** @internal What is still held is given up as abandoned: whatever it protects was not finished. */
  protected override onClose(): void {
    this.acquirer.close();
  }
}
