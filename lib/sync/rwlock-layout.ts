/**
 * The control words of a RwLock, as indexes of 32-bit words. Each lies on lines of its own (128 bytes).
 *
 * ```text
 *  word 0                     word 32                 word 64                 word 96
 *  ├─ writer ─┬─ (pad) ───────┼─ dirty ─┬─ (pad) ─────┼─ drain ─┬─ (pad) ─────┼─ readers: a slot table ──
 * ```
 */
export const RWLOCK = {
  /** An owner word (see memory/roster-layout.ts): who writes, or is next and waits for the readers to leave. */
  WRITER: 0,
  /** 1: somebody writes, or died writing. Written by the one in WRITER, once no reader is left. */
  DIRTY: 32,
  /** Bit 0: the writer sleeps until a reader leaves. The bits above count the times it was woken. */
  DRAIN: 64,
  /** A slot table (see memory/slot-table-layout.ts): how many read guards each participant has. */
  READERS: 96,
} as const;
