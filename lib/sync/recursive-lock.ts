/** A robust lock and how often its holder has it; the depth is the environment's own affair and not in shared memory. */

import { onePer } from '../memory/one-per.js';
import type { Holder } from '../memory/roster.js';
import type { Segment } from '../memory/segment.js';
import { type ELSEWHERE, PENDING, type WaitPoint } from '../waiting/blocking.js';
import type { Lines } from '../waiting/waitable.js';
import type { Acquirable, Suspended } from './acquirer.js';
import type { Hold } from './guard.js';
import { type RobustLock, robustLockOf } from './robust-lock.js';

/** When so many more holds have been collected than hold the lock, those that were released are dropped. */
const MOST_RELEASED = 16;

/** This environment's side of one recursive lock, shared by all handles on it. */
export class RecursiveLock implements Acquirable {
  readonly #lock: RobustLock;
  /** How many guards of this environment hold the lock. */
  depth = 0;
  /** Whether a Sync form took it. */
  takenBySync = false;
  /** Those holds, with some that were released. */
  readonly holds = new Set<Hold>();
  /** A level was given up instead of being released. */
  #abandoned = false;

  constructor(lock: RobustLock) {
    this.#lock = lock;
  }

  get lines(): Lines {
    return this.#lock.lines;
  }

  get holder(): Holder | undefined {
    return this.#lock.holder;
  }

  get heldHere(): boolean {
    return this.#lock.heldHere;
  }

  get selfBlocking(): string | undefined {
    return this.#lock.selfBlocking;
  }

  get free(): boolean {
    return this.#lock.free;
  }

  attempt(): boolean | typeof PENDING {
    return this.#taken(this.#lock.attempt(), false);
  }

  giveTurn(): void {
    this.#lock.giveTurn();
  }

  attemptSync(): boolean | typeof PENDING {
    return this.#taken(this.#lock.attempt(), true);
  }

  attemptOnce(sync: boolean): boolean | typeof PENDING {
    return this.#taken(this.#lock.attemptOnce(), sync);
  }

  #taken(result: boolean | typeof PENDING, sync: boolean): boolean | typeof PENDING {
    if (result === PENDING) return result;
    this.depth = 1;
    this.holds.clear();
    this.takenBySync = sync;
    this.#abandoned = false;
    return result;
  }

  armSync(): WaitPoint | typeof ELSEWHERE | undefined {
    return this.#lock.armSync();
  }

  arm(): WaitPoint | typeof ELSEWHERE | undefined {
    return this.#lock.arm();
  }

  /** One level; the last one gives the lock back. */
  release(abandoned: boolean): boolean {
    if (this.depth === 0) return false;
    this.#abandoned ||= abandoned;
    this.depth--;
    if (this.holds.size > this.depth + MOST_RELEASED) {
      for (const hold of this.holds) if (hold.state !== 'held') this.holds.delete(hold);
    }
    return this.depth > 0 ? this.#lock.heldHere : this.#lock.release(this.#abandoned);
  }

  /** All levels at once, for a Condition; no guard holds the lock meanwhile. */
  suspend(): Suspended {
    const holds = [...this.holds].filter(({ state }) => state === 'held');
    for (const hold of holds) hold.state = 'suspended';
    this.holds.clear();
    this.depth = 0;
    this.#lock.release(this.#abandoned);
    return { holds, bySync: this.takenBySync };
  }

  /** The lock taken again, by whatever form: as it was before, but for handles that were closed meanwhile. */
  resumed({ holds, bySync }: Suspended): void {
    for (const hold of holds) {
      if (hold.state === 'held') this.holds.add(hold);
      else this.#abandoned = true;
    }
    this.depth = this.holds.size;
    this.takenBySync = bySync;
  }
}

const recursive = onePer((lock: RobustLock) => new RecursiveLock(lock));

export function recursiveLockOf(segment: Segment, index: number): RecursiveLock {
  return recursive(robustLockOf(segment, index, true));
}
