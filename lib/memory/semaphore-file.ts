/** What stands in the file of a POSIX semaphore: the C library's own layout, the same in glibc (64 bits) and musl so far. */

import type { NativeSegment } from '../native/binding.js';
import type { Activity } from './activity.js';

const BYTES = 32;
const VALUE_MASK = 0x7fffffff;

/**
 * The number of permits, and whether somebody waits. The C library counts waiters, and a killed one stays counted: the
 * number itself says nothing. Undefined for a file of another size.
 */
export function readSemaphore(
  file: NativeSegment,
  size: number,
): { contents: { value: number }; activity: Activity } | undefined {
  if (size !== BYTES) return undefined;
  const head = file.read(0, 8);
  if (head.length < 8) return undefined; // truncated meanwhile
  const value = head.readUInt32LE(0) & VALUE_MASK;
  const waits = value === 0 && head.readUInt32LE(4) > 0 ? [{ for: 'permit' }] : [];
  return { contents: { value }, activity: { counts: [], waits } };
}
