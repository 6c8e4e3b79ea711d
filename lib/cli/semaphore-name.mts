/** Semaphores are listed by their plain name, while their files (and the package's functions) say `sem.NAME`. */

import { codeOf } from './exit-codes.mjs';

/** Does it to the name, or, if nothing has that name, to the semaphore of that name. */
export function withSemaphoreName<T>(name: string, action: (name: string) => T): T {
  try {
    return action(name);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    try {
      return action(`sem.${name.replace(/^\//, '')}`);
    } catch (second) {
      // Nothing there either (or too long a name for one): what was asked for is what is missing.
      throw codeOf(second) === 'ENOENT' || second instanceof RangeError ? error : second;
    }
  }
}
