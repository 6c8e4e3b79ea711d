/** The producing end of an SpscQueue. */

import type { Writable } from 'node:stream';
import type { WritableStream } from 'node:stream/web';
import { ClosedError, NotOwnerError, outOfRange } from '../errors.js';
import type { Facts } from '../memory/console-form.js';
import { claimRole, releaseRole } from '../memory/roles.js';
import type { Segment } from '../memory/segment.js';
import { closedError, SharedObject } from '../memory/shared-object.js';
import { checkInteger } from '../options.js';
import { type Blocking, PENDING } from '../waiting/blocking.js';
import { Turns } from '../waiting/turns.js';
import type { InnerCodec } from './codecs.js';
import { FrameWriter } from './framing.js';
import { checkMessages, tellAccepted, type Written } from './message.js';
import {
  CONSUMER_WORDS,
  Peer,
  type PeerDeath,
  type PeerSyncWaitOptions,
  type PeerWait,
  type PeerWaitOptions,
} from './peer.js';
import { FRAME, RING } from './ring-layout.js';
import { RingWriter } from './ring-writer.js';
import { makeWritable, type WritableOptions } from './streams.js';
import { putSome } from './transfers.js';
import { makeWebWritable } from './web-streams.js';

/**
 * Puts messages into an {@link SpscQueue}. One at a time per queue: the role is this environment's until `close()`.
 * Get one with `SpscQueue.producer(name)`.
 *
 * What `put` (in any form) accepted is in shared memory when it returns: it is received even if this process is killed
 * the next instant. A process killed inside `put` leaves nothing of that message.
 */
export class SpscProducer<T = unknown> extends SharedObject {
  readonly #ring: RingWriter;
  readonly #frames: FrameWriter;
  readonly #turns = new Turns();
  readonly #consumer: Peer;
  #hasRole = false;
  /** Bytes of the open reservation; -1: none. */
  #reserved = -1;

  /** @internal */
  constructor(segment: Segment, capacity: number, codec: InnerCodec, peerDeath: PeerDeath) {
    super(segment);
    this.#consumer = new Peer(segment, RING.CONSUMER, CONSUMER_WORDS, peerDeath);
    try {
      claimRole(segment.words, RING.PRODUCER, segment.roster, 'producer', segment.path);
      this.#hasRole = true;
    } catch (error) {
      this.close();
      throw error;
    }
    this.#ring = new RingWriter(segment.path, segment.words, segment.payload, capacity);
    this.#frames = new FrameWriter(segment.path, this.#ring, codec);
    if (!this.#ring.ended) {
      this.#ring.introduce();
      return;
    }
    this.close();
    throw new ClosedError(
      `'${segment.path}' has ended: nothing can follow; unlink it first to start anew under this name`,
    );
  }

  /** Bytes the queue holds; the largest message has 8 less. */
  get capacity(): number {
    return this.#ring.capacity;
  }

  /** The largest message, in bytes. */
  get maxMessageBytes(): number {
    return this.#ring.largest;
  }

  /**
   * Puts the message if there is room now. Does not block.
   *
   * @returns false if there is no room, or earlier `put`s are still waiting for some
   * @throws RangeError for a message larger than the queue can ever hold, TypeError for one that cannot be encoded;
   *   both change nothing. ClosedError after `end()` or `close()`
   */
  tryPut(message: T): boolean {
    this.#checkOpen();
    if (!this.#turns.served()) return false;
    if (!this.#frames.tryWrite(message)) return false;
    this.#ring.publish();
    return true;
  }

  /**
   * Puts the message, blocking this thread until there is room. Throws as {@link tryPut}, and PeerDiedError
   * when there is no room because the consumer has died: the message was not put then.
   */
  putSync(message: T, wait?: PeerSyncWaitOptions): void {
    const checked = this.#consumer.checkWait(wait);
    if (this.tryPut(message)) return;
    this.#blockSync(this.#putting(this.#frames.prepare(message)), checked, this.#noRoom());
  }

  /**
   * Puts the message as soon as there is room, in the order of the calls; the event loop runs on. Rejects as
   * {@link tryPut} throws, with TimeoutError, with the signal's reason, or with PeerDiedError when there is no room
   * because the consumer has died (`peerDeath: 'wait'` waits for a new one): the message was not put then.
   */
  async put(message: T, wait?: PeerWaitOptions): Promise<void> {
    const checked = this.#consumer.checkWait(wait);
    checked.signal?.throwIfAborted();
    this.#checkOpen();
    if (this.#turns.mayTry(checked.timeout) && this.tryPut(message)) return;
    await this.#wait(this.#putting(this.#frames.prepare(message)), checked, this.#noRoom());
  }

  /**
   * Puts as many of the messages as there is room for now, in order, and makes them visible together.
   *
   * @returns how many
   * @throws as {@link tryPut}; a message that cannot be put makes the whole call change nothing
   */
  tryPutMany(messages: readonly T[]): number {
    this.#checkOpen();
    checkMessages(messages);
    if (!this.#turns.served()) return 0;
    return this.#putSome(messages, 0);
  }

  /** Puts all of the messages, blocking as needed. A TimeoutError says in `accepted` how many were put. */
  putManySync(messages: readonly T[], wait?: PeerSyncWaitOptions): void {
    const checked = this.#consumer.checkWait(wait);
    this.#checkOpen();
    checkMessages(messages);
    const operation = this.#puttingMany(messages);
    try {
      this.#blockSync(operation, checked, this.#noRoom());
    } catch (error) {
      throw operation.explain(error);
    }
  }

  /**
   * Puts all of the messages, in the order of the calls. An error that ends it in the middle says in `accepted` how many were
   * put; where a signal did, it is an AbortError whose `cause` is the signal's reason.
   */
  async putMany(messages: readonly T[], wait?: PeerWaitOptions): Promise<void> {
    const checked = this.#consumer.checkWait(wait);
    checked.signal?.throwIfAborted();
    this.#checkOpen();
    checkMessages(messages);
    const operation = this.#puttingMany(messages.slice());
    try {
      await this.#wait(operation, checked, this.#noRoom());
    } catch (error) {
      throw operation.explain(error, checked.signal);
    }
  }

  /**
   * Room for a message of `bytes`, to be filled in place: a view of the ring itself. Nothing is visible before
   * {@link commit}; a process that dies in between leaves nothing. Does not block.
   *
   * @returns undefined if there is no room now. Do not use the view after `commit` or `cancel`
   * @throws RangeError if a message of that size never fits; IsthmusError while another reservation is open
   */
  reserve(bytes: number): Uint8Array | undefined {
    this.#checkOpen();
    checkInteger('bytes', bytes, 0, Number.MAX_SAFE_INTEGER);
    if (bytes > this.#ring.largest) {
      throw outOfRange(
        `a message of '${this.name}'`,
        `at most ${this.#ring.largest} bytes (capacity - 8)`,
        bytes,
      );
    }
    if (!this.#turns.served()) return undefined;
    if (this.#ring.room(bytes) < bytes) return undefined;
    this.#reserved = bytes;
    const { offset } = this.#ring;
    return new Uint8Array(this.#ring.bytes.buffer, offset, bytes);
  }

  /** Makes the reserved message visible, with its first `bytes` bytes (default: all). */
  commit(bytes?: number): void {
    this.check();
    if (this.#reserved < 0)
      throw new NotOwnerError(`'${this.name}': nothing is reserved; call reserve() first`);
    const length = bytes === undefined ? this.#reserved : checkInteger('bytes', bytes, 0, this.#reserved);
    this.#reserved = -1;
    this.#ring.finish(length, FRAME.BYTES);
    this.#ring.publish();
    this.#turns.wake(); // puts that waited for the reservation
  }

  /** Gives the reservation up; nothing is put. */
  cancel(): void {
    this.check();
    this.#reserved = -1;
    this.#turns.wake();
  }

  /**
   * Nothing will follow: the consumer takes what is left and then sees the end. Final for the object; opening a producer
   * again throws. Idempotent, does not block. Puts that still wait reject with ClosedError.
   */
  end(): void {
    this.check();
    if (this.#ring.ended) return;
    this.#reserved = -1;
    this.#ring.end();
    this.#turns.failAll(() => this.#endedError());
  }

  /** True after {@link end}. */
  get ended(): boolean {
    this.check();
    return this.#ring.ended;
  }

  /** Blocks until the consumer has taken every message put so far, those of pending `put`s included. Throws TimeoutError. */
  flushSync(wait?: PeerSyncWaitOptions): void {
    this.check();
    const checked = this.#consumer.checkWait(wait);
    this.#blockSync(this.#flushing(), checked, this.#notTaken());
  }

  /** Resolves when the consumer has taken every message put so far, those of pending `put`s included. */
  async flush(wait?: PeerWaitOptions): Promise<void> {
    this.check();
    const checked = this.#consumer.checkWait(wait);
    await this.#wait(this.#flushing(), checked, this.#notTaken());
  }

  /**
   * A Node stream that puts what is written to it, with back-pressure; its end is the queue's {@link end}. By default it
   * takes bytes and strings and cuts chunks that are too large; with `objectMode` each chunk is one message.
   */
  writable(options?: WritableOptions): Writable {
    this.#checkOpen();
    return makeWritable(this, options);
  }

  /**
   * A Web stream that puts what is written to it: a write is done when it was put; closing the stream is {@link end}. By
   * default it takes bytes and strings and cuts chunks that are too large; with `objectMode` each chunk is one message.
   * Aborting it leaves this handle as it is.
   */
  webWritable(options?: WritableOptions): WritableStream<T> {
    this.#checkOpen();
    return makeWebWritable(this, options);
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
    if (this.#hasRole) releaseRole(this.segment.words, RING.PRODUCER, this.segment.roster);
  }

  #checkOpen(): void {
    this.check();
    if (this.#reserved >= 0)
      throw new NotOwnerError(`'${this.name}': a reservation is open; commit() or cancel() it first`);
    if (this.#ring.ended) throw this.#endedError();
  }

  #endedError(): ClosedError {
    return new ClosedError(`'${this.name}' has ended: nothing can follow`);
  }

  #blockSync(operation: Blocking<true>, { timeout, peerDeath }: PeerWait, what: string): void {
    this.#turns.blockSync(this.#consumer.guard(operation, peerDeath), timeout, what);
  }

  async #wait(
    operation: Blocking<true>,
    { timeout, signal, peerDeath }: PeerWait,
    what: string,
  ): Promise<void> {
    await this.#turns.wait(this.#consumer.guard(operation, peerDeath), timeout, signal, what);
  }

  #notTaken(): string {
    return `'${this.name}': not everything was taken`;
  }

  #noRoom(): string {
    return `'${this.name}': no room for the message`;
  }

  #putting(prepared: Written): Blocking<true> {
    return {
      attempt: () => {
        if (this.#reserved >= 0 || !this.#frames.tryWritePrepared(prepared)) return PENDING;
        this.#ring.publish();
        return true;
      },
      arm: () => this.#ring.arm(),
    };
  }

  #flushing(): Blocking<true> {
    return { attempt: () => this.#ring.drained(), arm: () => this.#ring.arm() };
  }

  #puttingMany(
    messages: readonly T[],
  ): Blocking<true> & { explain(error: unknown, signal?: AbortSignal): unknown } {
    let accepted = 0;
    return {
      attempt: () => {
        if (this.#reserved < 0) accepted += this.#putSome(messages, accepted);
        return accepted === messages.length ? true : PENDING;
      },
      arm: () => this.#ring.arm(),
      explain: (error, signal) => tellAccepted(error, accepted, messages.length, 'put', signal),
    };
  }

  #putSome(messages: readonly T[], from: number): number {
    return putSome(this.#ring, this.#frames, messages, from);
  }
}
