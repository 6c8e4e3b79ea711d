/** Making and finding POSIX named semaphores: the options, and the checks that the C library does not do. */

import { closeSync, fchmodSync, constants as fsConstants, openSync } from 'node:fs';
import { ForeignError } from '../errors.js';
import { checkFile } from '../memory/segment.js';
import { withSystemErrors } from '../memory/system-errors.js';
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
  return withSystemErrors(path, () => {
    const semaphore = new native.NativeSemaphore(bare, initial);
    try {
      setMode(bare, mode);
      const { max } = options;
      return { path, semaphore, max, file: max === undefined ? undefined : native.open(`sem.${bare}`, true) };
    } catch (error) {
      semaphore.close();
      throw error;
    }
  });
}

/** sem_open lets the umask cut the mode, and offers no descriptor to mend it with. */
function setMode(bare: string, mode: number): void {
  const fd = openSync(`/dev/shm/sem.${bare}`, fsConstants.O_RDONLY | fsConstants.O_NOFOLLOW);
  try {
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

export function attach(bare: string, options: SemaphoreAttachOptions): Opened {
  const { max, owner } = options;
  if (max !== undefined) checkInteger('max', max, 1, MOST_PERMITS);
  const accepts = checkOwner(owner);
  const path = `/${bare}`;
  return withSystemErrors(path, () => {
    // The C library maps whatever stands under the name: an empty file would be a SIGBUS.
    const file = native.open(`sem.${bare}`, true);
    try {
      const { size } = checkFile(file, path, accepts);
      if (size < native.semaphoreBytes) {
        throw new ForeignError(
          `'${path}': /dev/shm/sem.${bare} is no semaphore (${size} bytes); it is left as it is: choose another name`,
        );
      }
      const semaphore = new native.NativeSemaphore(bare, -1);
      if (max !== undefined) return { path, semaphore, max, file };
      file.close();
      return { path, semaphore, max, file: undefined };
    } catch (error) {
      file.close();
      throw error;
    }
  });
}
