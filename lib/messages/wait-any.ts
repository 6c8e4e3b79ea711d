/** Waiting for whichever of several objects is ready first. */

import { DeadlockError, invalidType, outOfRange } from '../errors.js';
import { checkSyncWait, checkWait, type SyncWaitOptions, type WaitOptions } from '../options.js';
import { RwLock } from '../sync/rwlock.js';
import { Semaphore } from '../sync/semaphore.js';
import { SharedArray } from '../values/shared-array.js';
import { awaitAny } from '../waiting/any.js';
import { blockAny } from '../waiting/any-sync.js';
import { type Readiness, WAITABLE, type Waitable } from '../waiting/waitable.js';
import { SpscProducer } from './spsc-producer.js';

/**
 * Resolves with those of the objects that are ready, in the order of `objects`, as soon as at least one is (at once if
 * one is now). Any mix of objects is one wait, whatever their number.
 *
 * ```js
 * const { SpscQueue, Event, waitAny, unlink } = require('isthmus');
 * const jobs = SpscQueue.consumer('example-any-jobs');
 * const stop = Event.open('example-any-stop');
 * SpscQueue.producer('example-any-jobs').putSync('a job'); // usually in another process
 * waitAny([jobs, stop], { timeout: 1000 }).then((ready) => {
 *   if (ready.includes(jobs)) console.log(jobs.tryGet()); // a job
 *   if (ready.includes(stop)) console.log('stop');
 *   jobs.close();
 *   stop.close();
 *   unlink('example-any-jobs');
 *   unlink('example-any-stop');
 * });
 * ```
 *
 * Ready means that the object's own wait would be over now:
 *
 * - the receiving end of a queue or pipe: a message is there, or it has ended, or (unless the handle was opened with
 *   `peerDeath: 'wait'`) the other side has died;
 * - an `Event`: it is set, or `set()` was called since this wait began;
 * - a `Value`: it is another value than when this wait began (one that changed and changed back may be missed);
 * - a `Lock`, `RLock`, `PermitPool`, or a side of an `RwLock`: it could be acquired, because it is free or its holder has
 *   died. A lock that this very process or worker holds is ready when that has released it.
 *
 * Nothing is taken: use `tryGet`, `tryAcquire` and the like afterwards, and expect that somebody was faster. What is left
 * unused makes the next call return at once.
 *
 * The event loop runs on. The process stays alive while waiting, unless every object's handle is `unref()`ed when the wait
 * begins. A process that dies while it waits here leaves nothing behind.
 *
 * @param objects at least one, each once; a wait for nothing would never end
 * @param wait `timeout` in ms (0 or less: looks once) and `signal`
 *
 * Rejects with RangeError for no objects or one that is there twice; TypeError for what cannot be waited for here (a
 * `Semaphore`, a `SharedArray`, a producer); ClosedError if a handle is closed, now or during the wait; TimeoutError when
 * nothing is ready in time; the signal's reason.
 */
export async function waitAny<T extends Waitable>(objects: readonly T[], wait?: WaitOptions): Promise<T[]> {
  const { timeout, signal } = checkWait(wait);
  const chosen = checkObjects(objects);
  const all = begin(chosen);
  signal?.throwIfAborted();
  const found = await awaitAny(all, timeout, signal, noneReady(chosen));
  return found.map((n) => chosen[n]!);
}

/**
 * As {@link waitAny}, but blocks this thread: spins briefly, then sleeps in the kernel on all objects at once (in slices
 * that grow to 50 ms where the kernel has no `futex_waitv`, and for more than about 120 objects).
 *
 * @param wait `timeout` in ms (0 or less: looks once)
 * @throws as waitAny rejects; DeadlockError if this very process or worker holds all of the objects, so that nobody could
 *   make one ready
 */
export function waitAnySync<T extends Waitable>(objects: readonly T[], wait?: SyncWaitOptions): T[] {
  const timeout = checkSyncWait(wait);
  const chosen = checkObjects(objects);
  const deadlock = (): Error =>
    new DeadlockError(
      'this very process or worker holds everything that it would wait for; release a guard first, or await waitAny()',
    );
  return blockAny(begin(chosen), timeout, noneReady(chosen), deadlock).map((n) => chosen[n]!);
}

const EXPECTED =
  'something to wait for: the receiving end of a queue or pipe, a Value, an Event, a Lock, an RLock, a PermitPool, or a side of an RwLock';

/** What of ours is often taken for waitable, and why it is not. */
function whyNot(object: unknown): string {
  if (object instanceof Semaphore)
    return ' (a POSIX semaphore tells only those who take a permit; use a PermitPool, or acquire())';
  if (object instanceof SharedArray)
    return ' (a SharedArray is many values; use its waitFor(), or a Value that says that it changed)';
  if (object instanceof RwLock) return ' (of an RwLock, its .read or its .write)';
  if (object instanceof SpscProducer) return ' (a producer waits with its own put())';
  return '';
}

function checkObjects<T extends Waitable>(objects: readonly T[]): T[] {
  if (!Array.isArray(objects)) throw invalidType('objects', 'an array', objects);
  const seen = new Map<unknown, number>();
  const chosen = Array.from(objects as readonly T[]); // the caller may change its array while we wait
  for (const [n, object] of chosen.entries()) {
    const what = `objects[${n}]`;
    const makes: unknown = (object as Partial<Waitable> | null | undefined)?.[WAITABLE];
    if (typeof makes !== 'function') throw invalidType(what, EXPECTED + whyNot(object), object);
    const before = seen.get(object);
    if (before !== undefined) throw outOfRange(what, `another object than objects[${before}]`, object);
    seen.set(object, n);
  }
  if (chosen.length === 0)
    throw outOfRange('objects', 'at least one object (a wait for nothing would never end)', chosen);
  return chosen;
}

function begin(objects: readonly Waitable[]): Readiness[] {
  return objects.map((object) => object[WAITABLE]());
}

function noneReady(objects: readonly Waitable[]): string {
  return objects.length === 1
    ? 'the one object was not ready'
    : `none of the ${objects.length} objects was ready`;
}
