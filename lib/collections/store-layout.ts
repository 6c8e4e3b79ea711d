/**
 * What a map and a list have in common in shared memory: a lock, an undo log, a heap. Offsets only; store.ts, undo-log.ts
 * and heap.ts are the algorithm.
 *
 * ```text
 *  control words, 128 bytes apart where different processes write them:
 *  word 0          32                    64           96               128
 *  ├─ lock ────────┼─ log length ┬ room ─┼─ changed ──┼─ journal end ──┼─ sequences, 64 bytes apart ──┤
 *  │ owner word    │ lock's              │ sleep word │ lock's         │ lock's; readers look twice   │
 *
 *  payload, one array of 32-bit words:
 *  0         4 KiB
 *  ├─ roots ─┬─ stamps ─┬─ journal ─┬─ undo log ··········┬─ heap ·············································┤
 *  │         │ of an LRU│           │ pages as it needs   │ pages as it grows, up to maxBytes                  │
 * ```
 *
 * All payload words are written by who holds the lock (stamps: by anybody). A reference is the index of a block's first
 * word, which is even; 0 is none.
 */

/** Control words, as indexes of 32-bit words. */
export const STORE = {
  /** An owner word: who changes something at this moment. */
  LOCK: 0,
  /** Words of the undo log that are in force; 0: no change is half done. */
  LOG_LENGTH: 32,
  /** Words of the undo log that are backed by pages. */
  LOG_ROOM: 33,
  /** A sleep word (waiting/sleep-word.ts): something changed. */
  CHANGED: 64,
  /** Bytes that were ever written to the journal, modulo 2^30; 0: nobody listens yet. */
  JOURNAL_END: 96,
  /** Odd while what readers of this part see is being changed. */
  SEQUENCES: 128,
} as const;
export const SEQUENCE_WORDS = 16;

/** Bytes of the control words, for so many sequences. */
export function storeWordsBytes(sequences: number): number {
  return 4 * (STORE.SEQUENCES + sequences * SEQUENCE_WORDS);
}

/** Roots: payload words at fixed places. */
export const ROOT = {
  /** The heap's end, as a word index: what lies behind has no pages yet. */
  HEAP_END: 2,
  /** Words in blocks that are in use. */
  HEAP_USED: 3,
  /** Which rows of free lists have an entry; then of each row, which lists have. */
  FREE_ROWS: 4,
  FREE_COLUMNS: 5,
  /** First blocks of the free lists: HEAP_ROWS rows of HEAP_COLUMNS. */
  FREE_LISTS: 32,
  /** From here on what the structure itself needs. */
  OWN: 480,
} as const;
export const ROOT_BYTES = 4096;
export const HEAP_ROWS = 27;
export const HEAP_COLUMNS = 16;

/** A block in the heap: its first word says its size, in units, and the flags below. */
export const BLOCK = {
  HEAD: 0,
  /** Of free blocks: the neighbours in the free list. The last word of a free block is its own reference. */
  NEXT: 1,
  PREVIOUS: 2,
} as const;
export const UNIT_WORDS = 2;
/** No block is smaller, in units. */
export const LEAST_UNITS = 2;
/** The block is free; the block before it is. The size begins above. */
export const FREE = 1;
export const AFTER_FREE = 2;
export const SIZE_SHIFT = 2;

/** What a value is: a FRAME (messages/ring-layout.ts), or one of these. */
export const VALUE = { NUMBER: 5, BIGINT: 6 } as const;

/** A record of the undo log: words as they were, then where they belong and how many they are. */
export const RECORD_TAIL = 2;

/** Pages are added in multiples of this. */
export const PAGE_BYTES = 4096;
/** The undo log begins with so much. */
export const LOG_FIRST_BYTES = 16384;

/** Where the parts of a payload begin, in bytes. */
export interface StorePlan {
  readonly stamps: number;
  readonly journal: number;
  readonly journalBytes: number;
  readonly log: number;
  readonly heap: number;
  readonly end: number;
}

function pages(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

/** Lays a payload out. `stamps`: how many, 0 or a power of two. */
export function planStore(maxBytes: number, stamps: number, journalBytes: number): StorePlan {
  const journal = ROOT_BYTES + pages(stamps * 4);
  const log = journal + pages(journalBytes);
  const heap = log + pages(Math.min(Math.max(maxBytes, 2 ** 18), 2 ** 27));
  return { stamps: ROOT_BYTES, journal, journalBytes, log, heap, end: heap + pages(maxBytes) };
}
