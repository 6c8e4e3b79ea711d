/**
 * How long it is worth looking again before going to sleep: long in a busy conversation, hardly at all when idle.
 *
 * After folly's TurnSequencer: a look that succeeds moves the limit towards twice what it took; one that fails halves
 * it; now and then a longer look finds out whether the conversation has become busy again.
 */
export class AdaptiveSpin {
  readonly #least: number;
  readonly #most: number;
  #limit: number;
  #sinceProbe = 0;

  /** Bounds in looks: Sync forms look at the word, promise forms at the word once a turn of the event loop. */
  constructor(least: number, most: number) {
    this.#least = least;
    this.#most = most;
    this.#limit = most;
  }

  /** How many looks to take this time. */
  budget(): number {
    if (++this.#sinceProbe < PROBE_EVERY) return this.#limit;
    this.#sinceProbe = 0;
    return this.#most;
  }

  /** It succeeded at the n-th look. */
  hit(looks: number): void {
    const target = Math.min(this.#most, Math.max(this.#least, 2 * looks));
    this.#limit += Math.ceil((target - this.#limit) / 8);
    if (this.#limit < looks) this.#limit = target; // a probe found something beyond the limit
  }

  /** All looks were in vain: the sleep it was. */
  miss(): void {
    this.#limit = Math.max(this.#least, this.#limit >> 1);
  }
}

const PROBE_EVERY = 16;

/** Looks of a Sync form: a look costs about 10 ns, so at most about 40 µs. */
export const SYNC_LOOKS = { least: 50, most: 4000 } as const;
/** Looks of a promise form: a turn of an idle event loop costs about 1 µs. */
export const TURN_LOOKS = { least: 1, most: 60 } as const;
