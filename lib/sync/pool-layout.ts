/**
 * The control words of a PermitPool, as indexes of 32-bit words.
 *
 * ```text
 *  word 0                    word 32
 *  ├─ sleep ─┬─ (pad) ───────┼─ permit 0 ─┬─ permit 1 ─┬ … ─┤
 * ```
 */
export const POOL = {
  /** Bit 0: somebody sleeps until a permit is given back. The bits above count the times somebody was woken. */
  SLEEP: 0,
  /** One owner word for each permit (see memory/roster-layout.ts): who has it. */
  PERMITS: 32,
} as const;
