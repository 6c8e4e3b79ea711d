/** Making files under a temporary name first, where that is the only way. */

import { constants as osConstants } from 'node:os';
import { TEMPORARY_PREFIX } from './header-layout.js';
import { busy } from './opening.js';
import { rounds } from './patience.js';
import { randomHex } from './random.js';

/** A name that nobody else uses; native/files.cc makes the same. */
export function temporaryName(): string {
  return `${TEMPORARY_PREFIX}${randomHex()}`;
}

/** True for such names only: a user's own object may begin alike. */
export function isTemporaryName(bare: string): boolean {
  return bare.startsWith(TEMPORARY_PREFIX) && /^[0-9a-f]{32}$/.test(bare.slice(TEMPORARY_PREFIX.length));
}

const ON_THE_TEMPORARY_FILE: readonly unknown[] = ['shm_open', 'chmod', 'link'];

/**
 * Runs `make` again if its temporary file was swept by `collect()`: this process was stopped in the instant between
 * making the file and locking it, for longer than `collect` has patience.
 */
export function makeUnlessSwept<T>(path: string, make: () => T): T {
  for (const _ of rounds()) {
    try {
      return make();
    } catch (error) {
      const { errno, syscall } = error as { errno?: unknown; syscall?: unknown };
      if (errno !== -osConstants.errno.ENOENT || !ON_THE_TEMPORARY_FILE.includes(syscall)) throw error;
    }
  }
  throw busy('link', path, 'its temporary file vanished again and again while it was being made');
}
