// What both sides of the stress run agree on: message n is a piece of the same pseudo-random bytes.

/** Every so many messages one of up to the maximum. */
const LARGE_EVERY = 1000;

export class Messages {
  #pool;
  #most;
  #state = 0x2545f491;
  #seq = 0;
  offset = 0;
  length = 0;

  constructor(most) {
    this.#most = most;
    this.#pool = Buffer.allocUnsafe(most + 65_536);
    let state = 88_172_645;
    for (let i = 0; i < this.#pool.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      this.#pool[i] = state;
    }
  }

  /** Moves on to the next message. */
  next() {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    const limit = ++this.#seq % LARGE_EVERY === 0 ? this.#most + 1 : 257;
    this.length = (state >>> 0) % limit;
    this.offset = (state >>> 8) & 0xffff;
  }

  get bytes() {
    return this.#pool.subarray(this.offset, this.offset + this.length);
  }

  copyTo(target) {
    target.set(this.bytes);
  }

  /** Throws unless `got` is this message: the right one, in its place, to the last byte. */
  check(got) {
    if (got.length === this.length && this.bytes.equals(got)) return;
    throw new Error(`message ${this.#seq} is wrong: ${got.length} bytes where ${this.length} were sent`);
  }
}
