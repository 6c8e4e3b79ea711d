/**
 * Which holds an asynchronous flow is inside of: what runs within `withLock(fn)`, however many awaits deep, belongs to
 * that hold. It is how a flow is told from the others of its environment, which share the lock's one owner.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { checkFunction, type SyncWaitOptions, type WaitOptions } from '../options.js';
import { runSyncWith } from './acquirer.js';
import { Guard, type Hold } from './guard.js';

interface Scope {
  readonly hold: Hold;
  readonly outer: Scope | undefined;
}

const scopes = new AsyncLocalStorage<Scope>();

/** What gives guards, by its two forms that wait. */
interface Taken {
  acquire(wait?: WaitOptions): Promise<Guard>;
  acquireSync(wait?: SyncWaitOptions): Guard;
}

function inside<R>(guard: Guard, fn: (guard: Guard) => R): R {
  return scopes.run({ hold: Guard.holdOf(guard), outer: scopes.getStore() }, () => fn(guard));
}

/** `withLockSync` of what may be taken again inside of it. */
export function runInsideSync<R>(what: Taken, fn: (guard: Guard) => R, wait: SyncWaitOptions | undefined): R {
  checkFunction('fn', fn);
  return runSyncWith(what.acquireSync(wait), (guard) => inside(guard, fn));
}

/** The same for `withLock`. */
export async function runInside<R>(
  what: Taken,
  fn: (guard: Guard) => R | PromiseLike<R>,
  wait: WaitOptions | undefined,
): Promise<R> {
  checkFunction('fn', fn);
  const guard = await what.acquire(wait);
  try {
    return await inside(guard, fn);
  } finally {
    guard[Symbol.dispose]();
  }
}

/** The hold of that handle, still held, that the caller is inside of. */
export function isInside(matches: (hold: Hold) => boolean): boolean {
  for (let scope = scopes.getStore(); scope !== undefined; scope = scope.outer) {
    if (scope.hold.state === 'held' && matches(scope.hold)) return true;
  }
  return false;
}
