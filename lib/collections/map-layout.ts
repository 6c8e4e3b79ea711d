/**
 * A map in a store (see store-layout.ts): a table of chains of entries. Offsets only; map-table.ts and map-writer.ts are the
 * algorithm.
 *
 * ```text
 *  an entry, a block of the heap, in words:
 *  ├─ heap's ─┬─ next ─┬─ hash ─┬─ meta ──────────────────────┬─ value's bytes ─┬─ expiry ─┬─ key ─┬─ value ─┬─ (pad) ─┤
 *  │ size     │        │        │ key type, length; value type│                 │ if it has│ bytes side by side        │
 *
 *  a part of the table, a block of the heap:   ├─ heap's ─┬─ -1 ─┬─ first entries of its chains ─┤
 * ```
 *
 * Linear hashing (W. Litwin, VLDB 1980): the table grows by one chain at a time, and never moves.
 */

import { ROOT, storeWordsBytes } from './store-layout.js';

/** The parts that readers check by themselves: the low bits of a hash. No chain has entries of two. */
export const PARTS = 64;
/** Chains of an empty map. */
export const FIRST_CHAINS = PARTS;
export const MOST_CHAINS = 2 ** 26;

/** Roots of a map, as payload words. */
export const MAP = {
  /** Entries, those that have expired included. */
  COUNT: ROOT.OWN,
  CHAINS: ROOT.OWN + 1,
  /** What hashes begin with; written once. */
  SEED: ROOT.OWN + 2,
  /** For estimating which entry was used longest ago: counts entries written. */
  TICK: ROOT.OWN + 3,
  EVICTED: ROOT.OWN + 4,
  EXPIRED: ROOT.OWN + 5,
  /** Two words: no entry expires before (high and low half of a time). */
  NEXT_EXPIRY: ROOT.OWN + 6,
  /** Where looking for expired entries goes on. */
  CURSOR: ROOT.OWN + 8,
  /** Two words: when all of the table may be looked through again for expired entries. */
  NEXT_SWEEP: ROOT.OWN + 10,
  /** Parts of the table: the first has FIRST_CHAINS, each other one as many as all before it. */
  DIRECTORY: ROOT.OWN + 16,
} as const;
export const DIRECTORY_ENTRIES = 21;

/** An entry, in words. */
export const ENTRY = { NEXT: 1, HASH: 2, META: 3, LENGTH: 4, EXPIRY: 5 } as const;
/** Where the key begins, in words, without and with an expiry. */
export const ENTRY_WORDS = 5;
export const EXPIRING_ENTRY_WORDS = 7;

/** Meta: key type, value type, flag; the key's length in bytes above. */
export const KEY_TYPES = 0x0f;
export const VALUE_TYPE_SHIFT = 4;
export const VALUE_TYPES = 0xf0;
export const EXPIRES = 0x100;
export const KEY_LENGTH_SHIFT = 12;
/** What two entries with the same key have in common. */
export const KEY_MASK = (-1 << KEY_LENGTH_SHIFT) | KEY_TYPES;
export const LONGEST_KEY = 4096;
export const LONGEST_VALUE = 2 ** 29 - 1;

/** What a key is. */
export const KEY = { UTF8: 1, UTF16: 2, NUMBER: 3, BIGINT: 4, BOOLEAN: 5, BYTES: 6 } as const;

/** In the second word of a part of the table: no entry has it there. */
export const TABLE_MARK = -1;
export const TABLE_HEAD_WORDS = 2;
/** Words of the table of an empty map. */
export const FIRST_TABLE_WORDS = TABLE_HEAD_WORDS + FIRST_CHAINS;
/** The high half of a time that never comes. */
export const NEVER_HIGH = 0x7fffffff;

/** The journal of changes, for those who listen. */
export const JOURNAL_BYTES = 65536;

export const MAP_WORDS_BYTES = storeWordsBytes(PARTS);
