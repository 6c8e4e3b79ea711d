/**
 * The table of participants: one slot of 64 bytes for each attached environment (main thread or worker). Offsets in
 * 32-bit words. Only the environment that holds the slot's lock byte writes its slot.
 *
 * ```text
 *  word 0           1        2     3       4 .. 5           6           7
 *  ├─ generation ─┬─ state ─┬ pid ─┬ thread ┬ attached at ───┬─ mark ────┬─ reserved ─┤
 * ```
 */

export const SLOT_BYTES = 64;
export const SLOT_WORDS = SLOT_BYTES / 4;

/** Offsets within a slot, in 32-bit words. */
export const SLOT = {
  GENERATION: 0, // 1 … 2^20 - 1, then 1 again; counts up at every claim
  STATE: 1, // SLOT_FREE or SLOT_CLAIMED; a hint, the truth is the lock byte
  PID: 2, // in the claimer's own pid namespace
  THREAD: 3, // 0: main thread, else worker_threads' threadId
  ATTACHED_AT: 4, // u64, ms since 1970
  MARK: 6, // 1: the slot's page holds a death mark
} as const;

export const SLOT_FREE = 0;
export const SLOT_CLAIMED = 1;

/** Each slot's own page for its death mark (sparse until claimed). */
export const MARK_PAGE_BYTES = 4096;
/** Where the mark lies in its page: the list node that the kernel looks for lies right behind, in private memory. */
export const MARK_OFFSET = MARK_PAGE_BYTES - 8;
/** In a mark: the thread that set it is gone (FUTEX_OWNER_DIED). */
export const MARK_DIED = 0x40000000;

export const MAX_GENERATION = 0xfffff;

/**
 * An owner word names a participant: bits 0–9 slot, bits 10–29 generation, bit 30 "somebody sleeps on this word",
 * bit 31 "the last owner died". No generation is 0, so 0 means "nobody".
 */
export const OWNER_MASK = 0x3fffffff;
export const OWNER_SLEEPERS = 0x40000000;
export const OWNER_ABANDONED = 0x80000000 | 0;
