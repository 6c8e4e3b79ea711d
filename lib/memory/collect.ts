/** Sweeping what dead processes left, without racing those who attach (see removal.ts). */

import { lstatSync } from 'node:fs';
import { IsthmusError } from '../errors.js';
import type { NativeSegment } from '../native/binding.js';
import { native } from '../native/load.js';
import { checkFile } from './checks.js';
import { nameOf, SEMAPHORE_PREFIX } from './directory.js';
import { hasMagic, readHeader } from './header.js';
import { CONTROL_ALIGNMENT, HEADER, MAKER_BYTE, SLOT_BYTE, STATE_CONDEMNED } from './header-layout.js';
import { isTemporaryName } from './making.js';
import { removeIfUnused } from './removal.js';
import { withSystemErrors } from './system-errors.js';

/** ms for which a file with a temporary name is left alone: its maker may not have locked it yet. */
const MAKERS_MAY_TAKE = 10_000;

/**
 * Removes what processes that were killed left in /dev/shm: objects with lifetime `'attached'` that nobody is attached
 * to, and files of objects that were never finished. Only objects of this process's user; never a persistent object, one
 * that somebody has open, a damaged one, or anything of other programs. Safe at any time, from any number of processes
 * at once, whoever opens and closes the same names meanwhile. Does not block.
 *
 * ```js
 * const { collect } = require('isthmus');
 * for (const name of collect()) console.log('removed', name); // nothing, unless a process was killed
 * ```
 *
 * @returns the names that are gone, with their slash, in order
 * @throws SystemError if /dev/shm cannot be read
 */
export function collect(): string[] {
  const files = withSystemErrors('/dev/shm', () => native.list());
  return files
    .filter((file) => sweep(file))
    .map(nameOf)
    .sort();
}

function sweep(bare: string): boolean {
  const semaphore = bare.startsWith(SEMAPHORE_PREFIX);
  if (isTemporaryName(semaphore ? bare.slice(SEMAPHORE_PREFIX.length) : bare))
    return opened(bare, true, sweepUnfinished);
  if (semaphore) return false;
  // Looked at before it is opened for writing: a program that somebody starts from there must not find its file busy.
  return opened(bare, false, (_, file) => toSettle(bare, file) !== undefined) && opened(bare, true, settle);
}

function opened(
  bare: string,
  writable: boolean,
  action: (bare: string, file: NativeSegment) => boolean,
): boolean {
  const path = `/${bare}`;
  try {
    return withSystemErrors(path, () => {
      const file = native.open(bare, writable);
      try {
        checkFile(file, path, (uid) => uid === process.geteuid?.());
        return action(bare, file);
      } finally {
        file.close();
      }
    });
  } catch (error) {
    if (error instanceof IsthmusError) return false; // gone meanwhile, not ours, or damaged: not for us to remove
    throw error;
  }
}

/** For an orphan, and for what somebody died removing: the question whether anyone is attached. */
function toSettle(bare: string, file: NativeSegment): (() => boolean) | undefined {
  if (!hasMagic(file.read(0, HEADER.KIND))) return undefined;
  const { lifetime, participants } = readHeader(file, file.stat().size, `/${bare}`);
  if (lifetime !== 'attached') return undefined;
  // A description of its own: it sees the slots of this very environment, too.
  const anyone = (): boolean => {
    for (let slot = 0; slot < participants; slot++) {
      if (file.heldByOther(SLOT_BYTE + slot)) return true;
    }
    return false;
  };
  const condemned = file.read(HEADER.STATE, 1)[0] === STATE_CONDEMNED;
  return condemned || !anyone() ? anyone : undefined;
}

function settle(bare: string, file: NativeSegment): boolean {
  const anyone = toSettle(bare, file);
  if (anyone === undefined) return false;
  const control = new Int32Array(file.map(0, CONTROL_ALIGNMENT, false));
  return removeIfUnused(bare, file, control, anyone);
}

function sweepUnfinished(bare: string, file: NativeSegment): boolean {
  const { ctimeMs } = lstatSync(`/dev/shm/${bare}`);
  if (Date.now() - ctimeMs < MAKERS_MAY_TAKE || !file.tryLock(MAKER_BYTE)) return false;
  native.unlink(bare);
  return true;
}
