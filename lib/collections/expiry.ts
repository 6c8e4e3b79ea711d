/** How long an entry of a map has to live, and when that ends. */

import { invalidType, outOfRange } from '../errors.js';
import { checkOptions } from '../options.js';
import { sharedNow } from './shared-clock.js';

/** Times are kept in two words. */
export const LONGEST_TTL = 2 ** 48;

/** A time to live in ms: more than 0; Infinity: for ever. */
export function checkTtl(ttl: unknown): number {
  if (typeof ttl !== 'number') throw invalidType('ttl', 'a number of milliseconds', ttl);
  if (!(ttl > 0)) throw outOfRange('ttl', 'a number of milliseconds above 0 (Infinity: for ever)', ttl);
  return ttl > LONGEST_TTL ? Number.POSITIVE_INFINITY : Math.ceil(ttl);
}

/** The time to live that options say, in ms; `otherwise` if they say none. */
export function ttlOf(options: { ttl?: number } | undefined, otherwise: number): number {
  if (options === undefined) return otherwise;
  const { ttl } = checkOptions(options, ['ttl']);
  return ttl === undefined ? otherwise : checkTtl(ttl);
}

/** When what has so many ms to live ends to be. */
export function expiryIn(ttl: number): number {
  return Number.isFinite(ttl) ? Math.ceil(sharedNow() + ttl) : Number.POSITIVE_INFINITY;
}
