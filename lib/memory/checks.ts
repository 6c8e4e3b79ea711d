/** What is asked of a file, a size or a buffer before it is used, whatever kind of object it is about. */

import { constants as bufferConstants } from 'node:buffer';
import { constants as osConstants } from 'node:os';
import { ClosedError, ForeignError, outOfRange } from '../errors.js';
import type { NativeSegment, SegmentStat } from '../native/binding.js';
import { native } from '../native/load.js';
import { outOfSpace } from './system-errors.js';

/** Refuses what is no regular file or belongs to somebody else. */
export function checkFile(file: NativeSegment, path: string, accepts: (uid: number) => boolean): SegmentStat {
  const stat = file.stat();
  if (!stat.regular)
    throw new ForeignError(`'${path}' is no regular file; it is left as it is: choose another name`);
  if (!accepts(stat.uid)) {
    throw new ForeignError(
      `'${path}' belongs to user ${stat.uid}, and you are user ${process.geteuid?.()}; if you trust that user, say so with { owner: [${stat.uid}] }`,
    );
  }
  return stat;
}

/** Beyond the runtime's largest buffer: a RangeError before the name exists. */
export function checkMappable(bytes: number): void {
  if (bytes > bufferConstants.MAX_LENGTH) {
    throw outOfRange(
      'the size',
      `at most ${bufferConstants.MAX_LENGTH} bytes on this version of Node (a ring counts twice)`,
      bytes,
    );
  }
}

/** Says ENOSPC before the kernel fills the last page and takes it back. */
export function checkSpace(path: string, bytes: number): void {
  if (bytes > native.space().free) throw outOfSpace(-osConstants.errno.ENOSPC, 'fallocate', path, bytes);
}

/** This environment's buffer on the object is gone; a second mapping beside it would not be the same memory to its users. */
export function movedAway(path: string): ClosedError {
  return new ClosedError(
    `the buffer of '${path}' was transferred away in this process or worker; close every handle on it, then attach again`,
  );
}
