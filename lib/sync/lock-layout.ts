/**
 * The control words of a Lock, as indexes of 32-bit words.
 *
 * ```text
 *  word 0
 *  ├─ owner ─┬─ (pad) ──
 * ```
 */
export const LOCK = {
  /** An owner word (see memory/roster-layout.ts): who holds the lock. */
  OWNER: 0,
} as const;

export const LOCK_WORDS_BYTES = 4096;
