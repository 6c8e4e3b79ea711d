/**
 * The face of the C++ addon (native/addon.cc), described once. Nothing outside lib/ sees it. It knows nothing of queues
 * or locks: files, mappings, words, byte locks.
 */

/** What `fstat` says of an open segment. */
export interface SegmentStat {
  /** "device:inode": equal for two descriptors of one file. */
  readonly id: string;
  readonly regular: boolean;
  /** Bytes. */
  readonly size: number;
  /** Bytes that are backed by pages. */
  readonly allocated: number;
  readonly mode: number;
  readonly uid: number;
}

/** One open file in /dev/shm and this environment's mappings of it. */
export interface NativeSegment {
  /** Backs a range with pages; ENOSPC when /dev/shm is full. */
  reserve(offset: number, bytes: number): void;
  /** Maps a range; mirrored: a second time right behind, so the buffer has twice the bytes. */
  map(offset: number, bytes: number, mirrored: boolean): ArrayBuffer;
  /** Gives the unnamed file its name in one step; EEXIST if taken. */
  publish(name: string): void;
  stat(): SegmentStat;
  /** A copy by `pread`; shorter at the end of the file. */
  read(offset: number, bytes: number): Buffer;
  /** Takes a byte of the file's lock space for this descriptor; false while another descriptor holds it. */
  tryLock(byte: number): boolean;
  unlock(byte: number): void;
  /** True while another descriptor holds the byte; errors count as true. */
  heldByOther(byte: number): boolean;
  /**
   * The slot whose byte is locked is this environment's: sets its death mark in the page at `markOffset`; false where
   * there can be none. If the environment is terminated, the mark says so and the word at `stateOffset` becomes 0.
   */
  takeSlot(markOffset: number, stateOffset: number): boolean;
  /** Takes the mark back: no death. */
  leaveSlot(): void;
  /** Detaches the buffers, unmaps, closes; returns how many mappings had to stay because their buffer was moved away. */
  close(): number;
}

/**
 * One open POSIX named semaphore. A permit that `wait`, `collect` or the callback hands over counts as on its way until
 * it is acknowledged or given back: it returns to the semaphore if this environment is terminated before that.
 */
export interface NativeSemaphore {
  tryWait(): boolean;
  /** Blocks at most `milliseconds` (and 1 s); true when a permit was taken. */
  wait(milliseconds: number): boolean;
  /** Adds `n` permits, or none and throws. */
  post(n: number): void;
  value(): number;
  /** Once, before the first `want`: gets the number of permits taken on a thread of their own. Must not throw. */
  onPermits(callback: (permits: number) => void): void;
  /** How many permits that thread may take from now on; it lives only while it may. */
  want(count: number): void;
  /** The permits that the thread has taken and that the callback has not brought. */
  collect(): number;
  acknowledge(): void;
  giveBack(): void;
  /** The thread stops; every permit on its way goes back. Blocks for at most its last slice (50 ms). */
  halt(): void;
  /** Permits on their way go back. Idempotent. */
  close(): void;
}

/** See kFace in native/addon.cc: to be counted up, in both, with every change of what follows. */
export const FACE = 3;

export interface Native {
  readonly face?: number;
  create(size: number, mode: number): NativeSegment;
  open(name: string, writable: boolean): NativeSegment;
  unlink(name: string): void;
  list(): string[];
  space(): { free: number; total: number };
  /** Fills at most 256 bytes with random ones. */
  random(bytes: Uint8Array): void;
  /** Sleeps at most 1 s while the word is `expected`; returns 0 or a positive errno (EAGAIN, ETIMEDOUT, EINTR). */
  futexWait(words: Int32Array, index: number, expected: number, milliseconds: number): number;
  /**
   * As futexWait, and ends when a mark (see takeSlot) is not as expected any more. `marks`: pairs of index in `markWords`
   * and expected value, 62 at the most. Only where `hasWaitv`.
   */
  futexWaitWithMarks(
    words: Int32Array,
    index: number,
    expected: number,
    markWords: Int32Array,
    marks: Int32Array,
    milliseconds: number,
  ): number;
  /**
   * As futexWait, on 1 to 128 words at once. `triples`: number in `arrays`, index, expected value; from the triple
   * `marksFrom` on they are marks. Only where `hasWaitv`.
   */
  futexWaitAny(
    arrays: readonly Int32Array[],
    triples: Int32Array,
    marksFrom: number,
    milliseconds: number,
  ): number;
  /** No load or store moves across it, in either direction. Needed where the processor moves them (not on x86-64). */
  fence(): void;
  /** Asks the processor for bytes that will be needed soon: a hint, at most 4096; what lies outside is left out. */
  prefetch(bytes: Uint8Array, offset: number, length: number, toWrite: boolean): void;
  /** sched_yield: another thread that wants this processor has it first. Returns how many ns that took. */
  giveWay(): number;
  /** Wakes all sleepers on the word, in every process. */
  futexWake(words: Int32Array, index: number): number;
  /** Once per environment, before the first `watch`. */
  startWaiter(callback: (ids: number[]) => void): void;
  /** Reports the returned id once when the word (or a mark, see above) is not as expected any more or was woken. */
  watch(
    words: Int32Array,
    index: number,
    expected: number,
    markWords?: Int32Array,
    marks?: Int32Array,
  ): number;
  unwatch(id: number): void;
  /** `initial` -1 opens an existing semaphore, otherwise it must not exist. */
  readonly NativeSemaphore: new (
    name: string,
    initial: number,
  ) => NativeSemaphore;
  unlinkSemaphore(name: string): void;
  /** sizeof(sem_t): a smaller file is no semaphore. */
  readonly semaphoreBytes: number;
  /** False where futex_waitv is missing or refused and the waiter polls. */
  readonly hasWaitv: boolean;
}
