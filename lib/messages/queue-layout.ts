/**
 * A Queue: its control words, its jobs and its blocks. Offsets only; queue-core.ts, queue-puts.ts,
 * queue-takes.ts, queue-jobs.ts and queue-blocks.ts are the algorithm.
 *
 * ```text
 *  control words, 128 bytes apart where different processes write them:
 *  word 0          32           64                 96                 128                          160       192    224
 *  ├─ put lock ────┼─ get lock ─┼─ puts ┬ tails ──┼─ taken ┬ heads ──┼─ free end ┬ intent ┬ top ─┼─ arrived┼─ room ┼─ idle ─┤
 *  │ owner word    │ owner word │ put lock's      │ get lock's       │ get lock's                  │ sleep words              │
 *
 *  word 256: the jobs, 4 words each            ├─ owner ─┬─ first block ─┬─ attempt ─┬─ number ─┤
 *
 *  payload:  ├─ heads of the blocks, 16 bytes each ─┬─ the blocks, 64 bytes each ─────────────────┤
 *            │ next │ length │ type │ zero           │
 * ```
 *
 * All blocks are one list, in whatever order use has brought them: from the head to the tail messages, from the tail to
 * the free end free ones. A message is as many of them in a row as it needs; its first block's head tells its length. The
 * block at the free end is never used, so that what is appended behind it disturbs nobody.
 */

/** Control words, as indexes of 32-bit words. */
export const QUEUE = {
  /** Owner words: who puts, who gets, at this moment. */
  PUT_LOCK: 0,
  GET_LOCK: 32,
  /** Messages put, in steps of COUNT_STEP, with the flags below. Written by who holds the put lock; ENDED by anybody. */
  PUTS: 64,
  /** Two: the first block behind the last message. PUTS says which of them is true. */
  TAILS: 65,
  /** Messages taken, in steps of COUNT_STEP, with OTHER. Written by who holds the get lock. */
  TAKEN: 96,
  /** Two: the first block of the first message that was not taken. TAKEN says which of them is true. */
  HEADS: 97,
  /** The last free block. Written by who holds the get lock. */
  FREE_END: 128,
  /** The blocks that are being appended behind the free end, first and last; first is NO_BLOCK when none are. */
  INTENT_FIRST: 129,
  INTENT_LAST: 130,
  /** No job from this one on is in use. */
  TOP: 131,
  /** Counts the jobs that came back and were taken again or done. Written by who has the get lock. */
  CHANGES: 132,
  /** Sleep words (waiting/sleep-word.ts): something to take, room to put, all done. */
  ARRIVED: 160,
  ROOM: 192,
  IDLE: 224,
  JOBS: 256,
} as const;

/** In PUTS and TAKEN: the second of the two positions is true. Flips with every change. */
export const OTHER = 2;
/** In PUTS: nothing will follow. Final. */
export const ENDED = 1;
/** The counts wrap at 2^30. */
export const COUNT_STEP = 4;

/** A message that was taken and is not done. */
export const JOB = {
  /** An owner word (see memory/roster-layout.ts): who has it; JOB_RETURNED: nobody; JOB_DONE: done, its blocks are not yet free; 0: no job. */
  OWNER: 0,
  FIRST: 1,
  /** How often it was taken. */
  ATTEMPT: 2,
  /** The how-manieth message it was to be taken first: the order in which they come back. */
  NUMBER: 3,
} as const;
export const JOB_WORDS = 4;
/** OWNER_ABANDONED alone: whoever had it died, or gave it back. */
export const JOB_RETURNED = 0x80000000 | 0;
/** OWNER_SLEEPERS alone: nothing else makes an owner word of it. */
export const JOB_DONE = 0x40000000;

/** A block's head, in words. Length and type are those of the message that begins here. */
export const BLOCK = { NEXT: 0, LENGTH: 1, TYPE: 2 } as const;
export const BLOCK_HEAD_WORDS = 4;
export const BLOCK_BYTES = 64;
export const NO_BLOCK = -1;

/** Blocks of a queue: enough for its capacity, and the one at the free end. */
export function blocksFor(capacity: number): number {
  return Math.ceil(capacity / BLOCK_BYTES) + 1;
}

/** Where the blocks begin in the payload. */
export function blocksOffset(blocks: number): number {
  return Math.ceil((blocks * BLOCK_HEAD_WORDS * 4) / BLOCK_BYTES) * BLOCK_BYTES;
}

/** Bytes of the payload. */
export function payloadBytes(blocks: number): number {
  return blocksOffset(blocks) + blocks * BLOCK_BYTES;
}

/** Bytes of the control words. */
export function queueWordsBytes(maxJobs: number): number {
  return 4 * (QUEUE.JOBS + maxJobs * JOB_WORDS);
}
