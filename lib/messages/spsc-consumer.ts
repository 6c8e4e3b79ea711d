/** The consuming end of an SpscQueue. */

import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { NotOwnerError } from '../errors.js';
import type { Facts } from '../memory/console-form.js';
import { claimRole, releaseRole } from '../memory/roles.js';
import type { Segment } from '../memory/segment.js';
import { closedError, SharedObject } from '../memory/shared-object.js';
import { type Blocking, PENDING } from '../waiting/blocking.js';
import { Turns } from '../waiting/turns.js';
import { type Readiness, WAITABLE, type Waitable } from '../waiting/waitable.js';
import type { InnerCodec } from './codecs.js';
import { FrameReader } from './framing.js';
import { checkMax } from './message.js';
import {
  Peer,
  type PeerDeath,
  type PeerSyncWaitOptions,
  type PeerWaitOptions,
  PRODUCER_WORDS,
} from './peer.js';
import { RING } from './ring-layout.js';
import { RingReader } from './ring-reader.js';
import { makeReadable, type ReadableOptions } from './streams.js';
import { takeMany, takeOne } from './transfers.js';
import { makeWebReadable } from './web-streams.js';

/**
 * Takes messages out of an {@link SpscQueue}. One at a time per queue: the role is this environment's until `close()`.
 * Get one with `SpscQueue.consumer(name)`.
 *
 * Handed out is consumed: `get` in all its forms gives the room back before it returns the message, so a message is
 * delivered at most once. `peek` and `release` consume at `release`: at least once.
 */
export class SpscConsumer<T = unknown> extends SharedObject implements AsyncIterable<T>, Waitable {
  readonly #ring: RingReader;
  readonly #frames: FrameReader;
  readonly #turns = new Turns();
  #hasRole = false;
  readonly #take: Blocking<T | undefined> = { attempt: () => this.#takeOne(), arm: () => this.#ring.arm() };
  readonly #producer: Peer;
  #peeking = false;

  /** @internal */
  constructor(segment: Segment, capacity: number, codec: InnerCodec, peerDeath: PeerDeath) {
    super(segment);
    this.#producer = new Peer(segment, RING.PRODUCER, PRODUCER_WORDS, peerDeath);
    try {
      claimRole(segment.words, RING.CONSUMER, segment.roster, 'consumer', segment.path);
      this.#hasRole = true;
    } catch (error) {
      this.close();
      throw error;
    }
    this.#ring = new RingReader(segment.path, segment.words, segment.payload, capacity);
    this.#frames = new FrameReader(segment.path, this.#ring, codec);
    this.#ring.introduce();
  }

  /** Bytes the queue holds. */
  get capacity(): number {
    return this.#ring.capacity;
  }

  /** True when the producer has ended the queue and everything has been taken. */
  get ended(): boolean {
    this.check();
    return this.#ring.ended;
  }

  /**
   * The next message, or `undefined` when there is none now (or earlier `get`s wait for it). Does not block.
   *
   * @throws CorruptError for a message that makes no sense; it is consumed. ClosedError after `close()`
   */
  tryGet(): T | undefined {
    this.check();
    if (!this.#turns.served()) return undefined;
    const message = this.#takeOne();
    return message === PENDING ? undefined : message;
  }

  /**
   * The next message, blocking this thread until there is one; `undefined` when the queue has ended. Throws TimeoutError,
   * and PeerDiedError when the producer has died and everything that it put has been taken.
   */
  getSync(wait?: PeerSyncWaitOptions): T | undefined {
    this.check();
    if (wait === undefined && this.#turns.served()) {
      const message = this.#takeOne();
      if (message !== PENDING) return message;
    }
    return this.#blockSync(this.#take, wait);
  }

  /**
   * The next message as soon as there is one, in the order of the calls; `undefined` when the queue has ended. The event
   * loop runs on. Rejects with TimeoutError, the signal's reason, or ClosedError; no message is lost by it. Rejects with
   * PeerDiedError when the producer has died and everything that it put has been taken; `peerDeath: 'wait'` waits for a
   * new producer instead, and this handle serves that one as well.
   */
  async get(wait?: PeerWaitOptions): Promise<T | undefined> {
    this.check();
    return this.#wait(this.#take, wait);
  }

  /**
   * Up to `max` messages that are there now, perhaps none; they are consumed together. Does not block.
   *
   * @param max at least 1; default: all
   */
  tryGetMany(max?: number): T[] {
    this.check();
    const most = checkMax(max);
    if (!this.#turns.served()) return [];
    const messages = this.#takeMany(most);
    return messages === PENDING ? [] : messages;
  }

  /** At least one and up to `max` messages, blocking this thread; an empty array when the queue has ended. */
  getManySync(max?: number, wait?: PeerSyncWaitOptions): T[] {
    this.check();
    return this.#blockSync(this.#takingMany(checkMax(max)), wait);
  }

  /** At least one and up to `max` messages; an empty array when the queue has ended. Rejects as {@link get}. */
  async getMany(max?: number, wait?: PeerWaitOptions): Promise<T[]> {
    this.check();
    return this.#wait(this.#takingMany(checkMax(max)), wait);
  }

  /**
   * The bytes of the next message in place, without consuming it: a view of the ring itself, valid until
   * {@link release}. Another process may change them if it is faulty. `undefined` when there is none now. Does not block.
   */
  peek(): Uint8Array | undefined {
    this.check();
    if (!this.#turns.served()) return undefined;
    if (!this.#ring.next()) return undefined;
    this.#peeking = true;
    const { offset, length, bytes } = this.#ring;
    return new Uint8Array(bytes.buffer, offset, length);
  }

  /** Consumes the message that {@link peek} showed; its view must not be used any more. */
  release(): void {
    this.check();
    if (!this.#peeking) throw new NotOwnerError(`'${this.name}': nothing was peeked at; call peek() first`);
    this.#peeking = false;
    this.#ring.next(); // the same frame: nobody else moves the head
    this.#ring.consume();
    this.#ring.publish();
  }

  /** Every message that is there now, consumed together. Does not block. */
  drain(): T[] {
    return this.tryGetMany();
  }

  /** Messages as they come, until the queue has ended. Leaving the loop keeps what was not yet handed out. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const message = await this.get();
      if (message === undefined) return;
      yield message;
    }
  }

  /** Arrays of messages as they come (each with at least one, at most `max`), until the queue has ended. */
  async *batches(max?: number): AsyncGenerator<T[], void, undefined> {
    checkMax(max);
    for (;;) {
      const messages = await this.getMany(max);
      if (messages.length === 0) return;
      yield messages;
    }
  }

  /**
   * A Node stream of what comes, with back-pressure; it ends with the queue. By default a stream of bytes (strings are
   * sent as UTF-8); with `objectMode` each message is one chunk (`null` cannot travel through a Node stream).
   */
  readable(options?: ReadableOptions): Readable {
    this.check();
    return makeReadable(this, options);
  }

  /** For waitAny: ready when {@link get} would not wait. */
  [WAITABLE](): Readiness {
    this.check();
    const news = (): boolean => {
      this.check();
      return !this.#ring.waits;
    };
    return {
      ...this.#producer.readiness(news, () => this.#ring.arm()),
      keepsAlive: this.#turns.keepsAlive,
      told: [this.closing],
    };
  }

  /**
   * A Web stream of what comes, with back-pressure: nothing is taken before it is read. By default it gives bytes; with
   * `objectMode` each message is one chunk. Cancelling it leaves this handle as it is.
   */
  webReadable(options?: ReadableOptions): ReadableStream<T> {
    this.check();
    return makeWebReadable(this, options);
  }

  /** Pending waits of this handle keep the process alive (the default). */
  ref(): this {
    this.#turns.keepsAlive = true;
    return this;
  }

  /** Pending waits of this handle do not keep the process alive. */
  unref(): this {
    this.#turns.keepsAlive = false;
    return this;
  }

  /** @internal */
  protected override facts(): Facts {
    return { ended: () => this.ended, capacity: () => this.capacity };
  }

  /** @internal */
  protected override onClose(): void {
    this.#turns.failAll(() => closedError(this.name));
    if (this.#hasRole) releaseRole(this.segment.words, RING.CONSUMER, this.segment.roster);
  }

  #blockSync<R>(operation: Blocking<R>, wait: PeerSyncWaitOptions | undefined): R {
    const { timeout, peerDeath } = this.#producer.checkWait(wait);
    return this.#turns.blockSync(this.#producer.guard(operation, peerDeath), timeout, this.#nothing());
  }

  async #wait<R>(operation: Blocking<R>, wait: PeerWaitOptions | undefined): Promise<R> {
    const { timeout, signal, peerDeath } = this.#producer.checkWait(wait);
    return this.#turns.wait(this.#producer.guard(operation, peerDeath), timeout, signal, this.#nothing());
  }

  #nothing(): string {
    return `'${this.name}': no message came`;
  }

  #takeOne(): T | undefined | typeof PENDING {
    this.#peeking = false; // where something was peeked at, it is taken now
    return takeOne(this.#ring, this.#frames) as T | undefined | typeof PENDING;
  }

  #takingMany(most: number): Blocking<T[]> {
    return { attempt: () => this.#takeMany(most), arm: () => this.#ring.arm() };
  }

  #takeMany(most: number): T[] | typeof PENDING {
    this.#peeking = false;
    return takeMany(this.#ring, this.#frames, most) as T[] | typeof PENDING;
  }
}
