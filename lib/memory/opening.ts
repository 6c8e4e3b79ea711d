/** Attaching to what a name leads to, or creating it, while others do the same or remove it. */

import { constants } from 'node:os';
import { SystemError } from '../errors.js';
import { rounds } from './patience.js';
import { isSystemError } from './system-errors.js';

/**
 * Attaches, or creates what is not there; without a race: one of several openers creates, the others attach.
 *
 * @param syscall, path for the error when the name is never at rest
 */
export function attachOrCreate<T>(syscall: string, path: string, attach: () => T, create: () => T): T {
  for (const _ of rounds()) {
    try {
      return attach();
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) throw error;
    }
    try {
      return create();
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
    }
  }
  throw busy(syscall, path, 'the name kept appearing and vanishing while it was being opened');
}

/** What happens to the name is still going on when the patience of `rounds` is over. */
export function busy(syscall: string, path: string, what: string): SystemError {
  return new SystemError(-constants.errno.EBUSY, syscall, path, what);
}
