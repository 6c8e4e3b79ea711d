/**
 * The control words of a SharedStruct, as indexes of 32-bit words. Each lies on lines of its own (128 bytes).
 *
 * ```text
 *  word 0                   word 32
 *  ├─ lock ─┬─ (pad) ───────┼─ text lock ─┬─ (pad) ──
 * ```
 */
export const STRUCT = {
  /** An owner word (see memory/roster-layout.ts): who holds the object's lock, as users know it. */
  LOCK: 0,
  /** An owner word: who writes a text. Held for a microsecond. */
  TEXT_LOCK: 32,
} as const;

export const STRUCT_WORDS_BYTES = 4096;

/**
 * A field `text(n)` in the payload, as indexes of 32-bit words from its beginning; m is n, up to the next multiple of 4.
 *
 * ```text
 *  word 0      1           2           3                  3 + m / 4
 *  ├─ version ─┬─ length 0 ┬─ length 1 ┬─ copy 0: m bytes ┬─ copy 1: m bytes ─┤
 * ```
 */
export const TEXT = {
  /** Counts the writes; its lowest bit says which of the copies is the text. */
  VERSION: 0,
  /** Bytes of UTF-8 in each of the two copies, at most n. */
  LENGTHS: 1,
  COPIES: 3,
} as const;
