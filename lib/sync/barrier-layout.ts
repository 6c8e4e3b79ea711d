/**
 * The control words of a Barrier.
 *
 * ```text
 *  word 0      1                             32
 *  ├─ state ───┬─ ends ─┬─ (pad) ────────────┼─ parties: a slot table ──
 *
 *  state: bit 31 … 13   12       11       10       9 … 0
 *         ├─ round ─────┬ acting ┬ broken ┬ asleep ┬ arrived ─┤
 * ```
 *
 * `STATE` and `ENDS` are changed together, as one 64-bit word.
 */
export const BARRIER = {
  STATE: 0,
  /** Bit n: the round n + 1 before the present one ended with a reset, not with everybody's arrival. */
  ENDS: 1,
  /** A slot table (see memory/slot-table-layout.ts): who is a party. Counts are not used. */
  PARTIES: 32,
} as const;

/** In STATE: how many have arrived in this round. */
export const ARRIVED_MASK = 0x3ff;
/** In STATE: somebody sleeps until the round ends. */
export const BARRIER_ASLEEP = 0x400;
/** In STATE: a party gave up or died, or somebody called `abort()`; until the next `reset()`. */
export const BARRIER_BROKEN = 0x800;
/** In STATE: all have arrived, and the last one runs its action. */
export const BARRIER_ACTING = 0x1000;
/** In STATE: where the number of the round begins; it counts the rounds that have ended. */
export const ROUND_SHIFT = 13;
/** So many ends are remembered. */
export const ENDS_BITS = 32;
