/**
 * A list in a store (see store-layout.ts): a ring of references to values. Offsets only; list-ring.ts, list-reader.ts and
 * list-writer.ts are the algorithm.
 *
 * ```text
 *  the ring, a block of the heap, in words:
 *  ├─ heap's ─┬─ references: `capacity` words; the list's first is at `head`, the one after the last word is the first one ─┤
 *
 *  a value, a block of the heap, in words:
 *  ├─ heap's ─┬─ meta: type, bytes ─┬─ the value's bytes ─┬─ (pad) ─┤
 * ```
 */

import { ROOT, storeWordsBytes } from './store-layout.js';

/** All of a list is one part for its readers. */
export const LIST_SEQUENCES = 1;

/** Roots of a list, as payload words. */
export const LIST = {
  LENGTH: ROOT.OWN,
  /** Where in the ring the first value's reference is. */
  HEAD: ROOT.OWN + 1,
  /** The ring's block, and how many references it has room for. */
  RING: ROOT.OWN + 2,
  CAPACITY: ROOT.OWN + 3,
  /** A ring that was replaced, with values that are no longer in the list and have yet to be freed; 0: none. */
  TRASH: ROOT.OWN + 4,
  /** Its capacity; where the first of these values is; how many are left. */
  TRASH_CAPACITY: ROOT.OWN + 5,
  TRASH_HEAD: ROOT.OWN + 6,
  TRASH_LEFT: ROOT.OWN + 7,
} as const;
export const LIST_ROOTS = 8;

/** References of an empty list's ring. It never has fewer. */
export const FIRST_CAPACITY = 16;
/** Words of a ring besides its references. */
export const RING_HEAD_WORDS = 1;

/** Words of a value. */
export const ITEM = { META: 1, BYTES: 2 } as const;
/** The low bits of a meta word: what a value is (see VALUE of store-layout.ts); its bytes are above. */
export const ITEM_TYPES = 7;
export const ITEM_LENGTH_SHIFT = 3;
/** No value has more bytes. */
export const LONGEST_ITEM = 2 ** 29 - 1;

export const LIST_WORDS_BYTES = storeWordsBytes(LIST_SEQUENCES);
