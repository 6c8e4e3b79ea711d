/**
 * Which holds an asynchronous flow is inside of: what runs within `withLock(fn)`, however many awaits deep, belongs to
 * that hold. It is how a flow is told from the others of its environment, which share the lock's one owner.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Hold } from './guard.js';

interface Scope {
  readonly hold: Hold;
  readonly outer: Scope | undefined;
}

const scopes = new AsyncLocalStorage<Scope>();

/** Runs `fn` inside the hold. */
export function runInside<R>(hold: Hold, fn: () => R): R {
  return scopes.run({ hold, outer: scopes.getStore() }, fn);
}

/** The hold of that handle, still held, that the caller is inside of. */
export function isInside(matches: (hold: Hold) => boolean): boolean {
  for (let scope = scopes.getStore(); scope !== undefined; scope = scope.outer) {
    if (scope.hold.state === 'held' && matches(scope.hold)) return true;
  }
  return false;
}
