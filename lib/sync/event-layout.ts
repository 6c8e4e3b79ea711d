/**
 * The control word of an Event.
 *
 * ```text
 *  word 0:  bit 31 … 2   1         0
 *           ├─ calls ────┬ asleep ─┬ set ─┤
 * ```
 */
export const EVENT = {
  STATE: 0,
} as const;

/** In STATE: the event is set. */
export const EVENT_SET = 1;
/** In STATE: somebody sleeps until it is set. */
export const EVENT_ASLEEP = 2;
/** In STATE: what one call of `set()` that found it clear adds. */
export const EVENT_CALL = 4;

export const EVENT_WORDS_BYTES = 4096;
