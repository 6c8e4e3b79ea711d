/**
 * A pipe: two ends, and a ring for each direction. Offsets only; each direction's words are those of ring-layout.ts.
 *
 * ```text
 *  word 0              word 256            word 512          word 544
 *  ├─ from A to B ─────┼─ from B to A ─────┼─ end A ┬─ pad ──┼─ end B ┬─ …
 *  │ tail, head, start │ unused if one-way │ owner word      │ owner word
 *
 *  payload:            ├─ ring from A to B ─┼─ ring from B to A (not if one-way) ─┤
 * ```
 *
 * A one-way pipe goes from A to B. An end is closed in this order: ENDED in the tail it writes, GONE in the head it
 * writes, END_CLOSED in its owner word. Whoever dies on the way leaves its owner word behind, which says so.
 */

/** Control words, as indexes of 32-bit words. */
export const PIPE = {
  A_TO_B: 0,
  B_TO_A: 256,
  /** Owner words (see memory/roster-layout.ts): who has the end, or END_CLOSED. */
  A: 512,
  B: 544,
} as const;

/** So many words belong to each direction. */
export const DIRECTION_WORDS = 256;
export const PIPE_WORDS_BYTES = 4096;

/** An end's owner word when it was closed, for good: nobody's, but not free. (Nobody sleeps on these words.) */
export const END_CLOSED = 0x40000000;
