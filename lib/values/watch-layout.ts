/**
 * The control words of Value and SharedArray, as indexes of 32-bit words. Each lies on lines of its own (128 bytes).
 *
 * ```text
 *  word 0                    word 32
 *  ├─ sleep ─┬─ (pad) ───────┼─ lock ─┬─ (pad) ──
 * ```
 */
export const WATCH = {
  /**
   * Bit 0: somebody sleeps until the next change. The bits above count changes that woke somebody. A waiter sets the
   * bit; a writer that finds it replaces the word with the next count and wakes all.
   */
  SLEEP: 0,
  /** An owner word (see memory/roster-layout.ts): who holds the object's lock. */
  LOCK: 32,
} as const;

export const WATCH_WORDS_BYTES = 4096;
