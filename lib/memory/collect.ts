/** Sweeping what dead processes left, without racing those who attach (see removal.ts). */

import { lstatSync } from 'node:fs';
import { ForeignError, IsthmusError, SystemError } from '../errors.js';
import type { NativeSegment } from '../native/binding.js';
import { native } from '../native/load.js';
import { nameOf, SEMAPHORE_PREFIX } from './directory.js';
import { hasMagic, readHeader } from './header.js';
import { CONTROL_ALIGNMENT, HEADER, MAKER_BYTE, SLOT_BYTE, TEMPORARY_PREFIX } from './header-layout.js';
import { removeIfUnused } from './removal.js';
import { checkFile } from './segment.js';
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
    .sort()
    .filter((file) => sweep(file))
    .map(nameOf);
}

function sweep(bare: string): boolean {
  const temporary = bare.startsWith(TEMPORARY_PREFIX) || bare.startsWith(SEMAPHORE_PREFIX + TEMPORARY_PREFIX);
  if (!temporary && bare.startsWith(SEMAPHORE_PREFIX)) return false;
  const path = `/${bare}`;
  try {
    return withSystemErrors(path, () => {
      const file = native.open(bare, true);
      try {
        checkFile(file, path, (uid) => uid === process.geteuid?.());
        return temporary ? sweepUnfinished(bare, file) : sweepOrphan(bare, path, file);
      } finally {
        file.close();
      }
    });
  } catch (error) {
    // Gone meanwhile, not ours, or damaged: none of it is for us to remove.
    if (error instanceof SystemError || error instanceof ForeignError) return false;
    if (error instanceof IsthmusError) return false;
    throw error;
  }
}

function sweepOrphan(bare: string, path: string, file: NativeSegment): boolean {
  if (!hasMagic(file.read(0, HEADER.KIND))) return false;
  const header = readHeader(file, file.stat().size, path);
  if (header.lifetime !== 'attached') return false;
  // A description of its own: it sees the slots of this very environment, too.
  const anyone = (): boolean => {
    for (let slot = 0; slot < header.participants; slot++) {
      if (file.heldByOther(SLOT_BYTE + slot)) return true;
    }
    return false;
  };
  if (anyone()) return false;
  const control = new Int32Array(file.map(0, CONTROL_ALIGNMENT, false));
  return removeIfUnused(bare, file, control, anyone);
}

function sweepUnfinished(bare: string, file: NativeSegment): boolean {
  const { ctimeMs } = lstatSync(`/dev/shm/${bare}`);
  if (Date.now() - ctimeMs < MAKERS_MAY_TAKE || !file.tryLock(MAKER_BYTE)) return false;
  native.unlink(bare);
  return true;
}
