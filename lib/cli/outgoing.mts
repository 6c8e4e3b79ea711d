/** The sender's side of the queue: puts, and knows what of it was taken. */

import type { SpscProducer } from '../index.mjs';
import { type Place, patiently } from './conversation.mjs';

/** What a message of this length takes in the queue. */
function roomOf(length: number): number {
  return 8 + Math.ceil(length / 8) * 8;
}

export class Outgoing {
  readonly #place: Place<SpscProducer>;
  readonly #timeout: number | undefined;
  /** Lengths of the messages in the queue, the oldest first, from `#first` on: the queue tells only their room. */
  #lengths: number[] = [];
  #first = 0;
  #room = 0;
  #put = 0;
  #inQueue = 0;

  constructor(place: Place<SpscProducer>, timeout: number | undefined) {
    this.#place = place;
    this.#timeout = timeout;
  }

  /** Puts all of them, with patience. */
  async put(messages: readonly Uint8Array[]): Promise<void> {
    let left = messages;
    const accepted = (count: number): void => {
      for (const { length } of left.slice(0, count)) this.#note(length);
      left = left.slice(count);
    };
    await patiently(this.#place, this.#timeout, async (wait) => {
      try {
        await this.#place.role.putMany(left, wait);
        accepted(left.length);
      } catch (error) {
        accepted((error as { accepted?: number }).accepted ?? 0);
        throw error;
      }
    });
    this.#forgetTaken();
  }

  /** What comes from the input next. Rejects if the receiver dies meanwhile and has not taken everything. */
  async nextOf<T>(input: AsyncIterator<T>): Promise<IteratorResult<T>> {
    const next = input.next();
    const enough = new AbortController();
    const taken = this.#place.role.flush({ signal: enough.signal });
    try {
      return await Promise.race([next, taken.then(() => next)]);
    } finally {
      taken.catch(() => undefined);
      enough.abort();
    }
  }

  /** Nothing follows; resolves when everything was taken. */
  async end(): Promise<void> {
    this.#place.role.end();
    await patiently(this.#place, this.#timeout, (wait) => this.#place.role.flush(wait));
  }

  /** How many bytes of messages the receiver has taken. */
  get taken(): number {
    this.#forgetTaken();
    return this.#put - this.#inQueue;
  }

  #note(length: number): void {
    this.#lengths.push(length);
    this.#room += roomOf(length);
    this.#put += length;
    this.#inQueue += length;
  }

  #forgetTaken(): void {
    const { used } = this.#place.queue;
    while (this.#room > used && this.#first < this.#lengths.length) {
      const length = this.#lengths[this.#first++]!;
      this.#room -= roomOf(length);
      this.#inQueue -= length;
    }
    if (this.#first * 2 < this.#lengths.length) return;
    this.#lengths = this.#lengths.slice(this.#first); // rarely enough to cost nothing
    this.#first = 0;
  }
}
