/** Making and finding POSIX named semaphores: the options, and the checks that the C library does not do. */

import { chmodSync, linkSync, rmSync } from 'node:fs';
import { ForeignError } from '../errors.js';
import { checkFile } from '../memory/checks.js';
import { MAKER_BYTE } from '../memory/header-layout.js';
import { makeUnlessSwept, temporaryName } from '../memory/making.js';
import { busy } from '../memory/opening.js';
import { rounds } from '../memory/patience.js';
import { withSystemErrors, withSystemErrorsTo } from '../memory/system-errors.js';
import type { NativeSegment, NativeSemaphore } from '../native/binding.js';
import { native } from '../native/load.js';
import { type AttachOptions, checkCreate, checkInteger, checkOwner } from '../options.js';

/** Options for attaching to a semaphore. */
export interface SemaphoreAttachOptions extends AttachOptions {
  /**
   * The most permits there may be (the bounded kind). It is this opener's option: {@link Semaphore.release} of this
   * handle refuses to go beyond. Other programs may.
   */
  max?: number;
}

/** Options for making a semaphore. */
export interface SemaphoreCreateOptions {
  /** The number of permits at first; default 1. Used only by the call that creates the semaphore. */
  initial?: number;
  /** See {@link SemaphoreAttachOptions.max}. */
  max?: number;
  /** File permissions, set exactly. Default `0o600`. */
  mode?: number;
}

/** What POSIX guarantees at least, and glibc and musl allow. */
export const MOST_PERMITS = 2 ** 31 - 1;

/** An open semaphore, ready for a handle. */
export interface Opened {
  readonly path: string;
  readonly semaphore: NativeSemaphore;
  readonly max: number | undefined;
  readonly file: NativeSegment | undefined;
}

export function checkPermits({ initial = 1, max }: SemaphoreCreateOptions): number {
  if (max !== undefined) checkInteger('max', max, 1, MOST_PERMITS);
  return checkInteger('initial', initial, 0, max ?? MOST_PERMITS);
}

export function create(bare: string, options: SemaphoreCreateOptions): Opened {
  const initial = checkPermits(options);
  const { mode } = checkCreate(options.mode === undefined ? {} : { mode: options.mode });
  const path = `/${bare}`;
  const { max } = options;
  const make = (): Opened => {
    // sem_open lets the umask cut the mode: made under a random name first, so that the name never shows another mode.
    const temporary = temporaryName();
    const semaphore = new native.NativeSemaphore(temporary, initial);
    let file: NativeSegment | undefined;
    try {
      chmodSync(fileOf(temporary), 0o600); // the umask may have cut what it takes to open it
      file = native.open(`sem.${temporary}`, true);
      file.tryLock(MAKER_BYTE); // tells collect() that its maker lives
      chmodSync(fileOf(temporary), mode);
      linkSync(fileOf(temporary), fileOf(bare));
      file.unlock(MAKER_BYTE);
      if (max !== undefined) return { path, semaphore, max, file };
      file.close();
      return { path, semaphore, max, file: undefined };
    } catch (error) {
      semaphore.close();
      file?.close();
      throw error;
    } finally {
      rmSync(fileOf(temporary), { force: true });
    }
  };
  return withSystemErrors(path, () => makeUnlessSwept(path, make));
}

function fileOf(bare: string): string {
  return `/dev/shm/sem.${bare}`;
}

/** Opens what stands under the name now, and refuses it if it is no semaphore. */
function openFile(bare: string, writable: boolean, accepts: (uid: number) => boolean): NativeSegment {
  const file = native.open(`sem.${bare}`, writable);
  try {
    const { size } = checkFile(file, `/${bare}`, accepts);
    if (size >= native.semaphoreBytes) return file;
    throw new ForeignError(
      `'/${bare}': ${fileOf(bare)} is no semaphore (${size} bytes); it is left as it is: choose another name`,
    );
  } catch (error) {
    file.close();
    throw error;
  }
}

export function attach(bare: string, options: SemaphoreAttachOptions): Opened {
  const { max, owner } = options;
  if (max !== undefined) checkInteger('max', max, 1, MOST_PERMITS);
  const accepts = checkOwner(owner);
  const path = `/${bare}`;
  return withSystemErrors(path, () => {
    for (const _ of rounds()) {
      // The C library maps whatever stands under the name: an empty file would be a SIGBUS.
      const file = openFile(bare, true, accepts);
      let semaphore: NativeSemaphore | undefined;
      try {
        semaphore = new native.NativeSemaphore(bare, -1);
        if (stillThere(bare, file)) {
          if (max === undefined) file.close();
          return { path, semaphore, max, file: max === undefined ? undefined : file };
        }
      } catch (error) {
        semaphore?.close();
        file.close();
        throw error;
      }
      semaphore.close();
      file.close();
    }
    throw busy('sem_open', path, 'the name kept changing while it was being attached');
  });
}

/** The name still leads to the file that was examined, so it is the one that sem_open mapped in between. */
function stillThere(bare: string, examined: NativeSegment): boolean {
  const now = native.open(`sem.${bare}`, false);
  try {
    return now.stat().id === examined.stat().id;
  } finally {
    now.close();
  }
}

export function remove(bare: string): void {
  withSystemErrorsTo('removeSemaphore', `/${bare}`, () => {
    openFile(bare, false, () => true).close();
    native.unlinkSemaphore(bare);
  });
}
