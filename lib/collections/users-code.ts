/** The user's code that runs with the lock held: functions for `update`, `transaction`, `sort`, and codecs in them. */

import { invalidType } from '../errors.js';

/** Runs the user's code with the lock. Its name is looked for on the stack. */
export function runUnderTheLockOfIsthmus<R>(work: () => R): R {
  return work();
}

/**
 * Whether the user's code runs with a lock further up on this very stack. It was broken off otherwise: then its frames are
 * gone, and nothing else tells.
 */
export function runsOnThisStack(): boolean {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = Number.POSITIVE_INFINITY;
    Error.prepareStackTrace = (_, sites) =>
      sites.some((site) => site.getFunctionName() === runUnderTheLockOfIsthmus.name);
    return (new Error().stack as unknown) === true;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    if (prepareStackTrace === undefined) delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace;
    else Error.prepareStackTrace = prepareStackTrace;
  }
}

/** What is still to come would come without the lock. */
export function refusePromise(result: unknown): void {
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') return;
  throw invalidType(
    'what the function returns',
    'a value now (it runs with the lock held, and cannot wait)',
    result,
  );
}
