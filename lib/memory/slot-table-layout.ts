/**
 * A table among an object's own words with an entry for each slot of its roster, 128 bytes each: what that participant
 * has at stake. Offsets in 32-bit words.
 *
 * ```text
 *  word 0       1                                 31
 *  ├─ owner ────┬─ count ────┬─ zero ──────────────┤
 * ```
 */
export const ENTRY = {
  /** An owner word: the participant that the count belongs to. Another generation than the slot's: of one that is gone. */
  OWNER: 0,
  /** What it means is the object's affair. */
  COUNT: 1,
} as const;

export const ENTRY_WORDS = 32;
