/** `isthmus rm NAME…` */

import { unlink } from '../index.mjs';
import { codeOf, EXIT } from './exit-codes.mjs';
import { complain } from './failure.mjs';
import { withSemaphoreName } from './semaphore-name.mjs';

/** Goes on after a failure; the exit code is the first one's. */
export function rm(names: readonly string[], options: { force?: boolean }): number {
  let code: number = EXIT.OK;
  for (const name of names) {
    try {
      withSemaphoreName(name, unlink);
    } catch (error) {
      if (options.force && codeOf(error) === 'ENOENT') continue;
      const failed = complain(error);
      if (code === EXIT.OK) code = failed;
    }
  }
  return code;
}
