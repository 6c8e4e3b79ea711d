/** What Value and SharedArray have in common: waits for a change, and a lock of their own. */

import { type Activity, queued, sleepers } from '../memory/activity.js';
import type { Looked } from '../memory/directory.js';
import type { Segment } from '../memory/segment.js';
import { closedError, SharedObject } from '../memory/shared-object.js';
import { Lock } from '../sync/lock.js';
import { Watch } from './watch.js';
import { WATCH } from './watch-layout.js';

/** For tools: who waits for a change, or for the lock. */
export function watchedActivity({ words }: Looked): Partial<Activity> {
  return { waits: [...sleepers(words, WATCH.SLEEP, 'change'), ...queued(words, WATCH.LOCK)] };
}

/** The base of handles on cells that many change and wait for. */
export abstract class WatchedObject extends SharedObject {
  /** @internal */
  protected readonly watch: Watch;
  #lock: Lock | undefined;

  /** @internal */
  protected constructor(segment: Segment) {
    super(segment);
    this.watch = new Watch(segment.words);
  }

  /**
   * The object's own lock, for changes that take more than one operation. It excludes only those who take it, too: every
   * method works without it. It survives a killed holder; see {@link Lock}. Closed with this handle.
   */
  get lock(): Lock {
    this.check();
    if (this.#lock === undefined || this.#lock.closed) {
      this.#lock = new Lock(this.segment.retain(), WATCH.LOCK);
    }
    return this.#lock;
  }

  /** Pending waits of this handle keep the process alive (the default). */
  ref(): this {
    this.watch.keepsAlive = true;
    return this;
  }

  /** Pending waits of this handle do not keep the process alive. */
  unref(): this {
    this.watch.keepsAlive = false;
    return this;
  }

  /** @internal */
  protected override onClose(): void {
    this.watch.failAll(() => closedError(this.name));
    this.#lock?.close();
  }
}
