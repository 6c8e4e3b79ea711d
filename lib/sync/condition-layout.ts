/**
 * The control words of a Condition, as indexes of 32-bit words. Each lies on lines of its own (128 bytes).
 *
 * ```text
 *  word 0                   word 32                    word 64
 *  ├─ lock ─┬─ (pad) ───────┼─ cursor ─┬─ (pad) ───────┼─ waiters: a slot table ──
 *
 *  count of a waiter's entry:  bit 28    27 … 14      13 … 0
 *                              ├ asleep ─┬ notified ──┬ waiting ─┤
 * ```
 */
export const CONDITION = {
  /** An owner word (see memory/roster-layout.ts): who holds the condition's own lock. Unused if it has another one's. */
  LOCK: 0,
  /** The slot at which the next notification looks first. A hint. */
  CURSOR: 32,
  /** A slot table (see memory/slot-table-layout.ts): how many wait in each participant, and how many of them are notified. */
  WAITERS: 64,
} as const;

/** In a count: how many wait. */
export const WAITING_MASK = 0x3fff;
/** In a count: where the number of those begins that are notified and have not gone on yet. */
export const NOTIFIED_SHIFT = 14;
/** In a count: somebody of that participant sleeps until one more is notified. */
export const WAITERS_ASLEEP = 0x10000000;
