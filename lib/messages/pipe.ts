/** Two ends under one name: what is sent at one is received at the other. */

import type { Duplex, Readable, Writable } from 'node:stream';
import type { ReadableStream, WritableStream } from 'node:stream/web';
import { NotOwnerError } from '../errors.js';
import type { Facts } from '../memory/console-form.js';
import { registerDescriber } from '../memory/directory.js';
import { closedError, SharedObject } from '../memory/shared-object.js';
import { type Readiness, WAITABLE, type Waitable } from '../waiting/waitable.js';
import { PipePort } from './message-port.js';
import { Peer, type PeerSyncWaitOptions, type PeerWaitOptions } from './peer.js';
import { describePipe, pipeActivity } from './pipe-description.js';
import { closeEnd, type End } from './pipe-ends.js';
import { attachPipe, createPipe, type OpenedPipe, openPipe } from './pipe-opening.js';
import { PipeReceiver } from './pipe-receiver.js';
import { PipeSender } from './pipe-sender.js';
import type { PipeAttachOptions, PipeCreateOptions, PipeShape } from './pipe-shape.js';
import { FRAME_BYTES } from './ring-layout.js';
import {
  type DuplexOptions,
  makeDuplex,
  makeReadable,
  makeWritable,
  type ReadableOptions,
  type Sink,
  type Source,
  type WritableOptions,
} from './streams.js';
import { makeWebReadable, makeWebWritable } from './web-streams.js';

registerDescriber('pipe', describePipe, pipeActivity);

const OTHER_END = {
  who: 'the other end',
  leaving: 'closing it',
  successor: 'Another process',
} as const;

/**
 * One end of a pipe: whole messages to the other end and from it, in order, between any two processes or workers. The
 * first two who open the name get the two ends, whoever comes first; a third is refused. Bytes and strings travel as they
 * are, anything else through the codec. Messages are never merged or split; an empty one is a message, too.
 *
 * ```js
 * const { Pipe, unlink } = require('isthmus');
 * const here = Pipe.open('example-pipe');  // usually in one process …
 * const there = Pipe.open('example-pipe'); // … and in another
 * here.sendSync({ question: 6 * 7 });
 * console.log(there.receiveSync()); // { question: 42 }
 * there.sendSync('yes');
 * there.close();
 * console.log(here.receiveSync(), here.receiveSync()); // yes undefined
 * here.close();
 * unlink('example-pipe');
 * ```
 *
 * What `send` (in any form) accepted is in shared memory when it returns, and waits there for the other end, also for one
 * that nobody has opened yet. Closing an end, or exiting, is final for it: the other end receives what is left and then
 * `undefined`, and its `send` throws ClosedError. When both ends have been closed, the next `open` makes a new pipe. An end
 * whose process was killed may be taken over by another one, which goes on where the dead one stopped.
 */
export class Pipe<Send = unknown, Receive = Send>
  extends SharedObject
  implements AsyncIterable<Receive>, Waitable
{
  readonly #shape: PipeShape;
  readonly #end: End;
  readonly #sender: PipeSender | undefined;
  readonly #receiver: PipeReceiver | undefined;

  private constructor(opened: OpenedPipe) {
    super(opened?.segment); // nothing, where a program calls it
    const { segment, shape, codec, end, peerDeath } = opened;
    this.#shape = shape;
    this.#end = end;
    const peer = new Peer(segment, end.other, OTHER_END, peerDeath);
    const { writes, reads } = end;
    if (writes !== undefined)
      this.#sender = new PipeSender(segment, end, writes, shape.capacity, codec, peer);
    if (reads !== undefined) this.#receiver = new PipeReceiver(segment, reads, shape.capacity, codec, peer);
  }

  /**
   * Attaches if the name exists (what the options say must agree), creates it otherwise, and takes an end; without a race.
   * A pipe whose ends have both been closed is replaced by a new one.
   *
   * @throws RoleTakenError when both ends (or the one that `end` asks for) are taken: it says the pids. ClosedError when
   *   the end that is left was closed for good. MismatchError, ForeignError, CorruptError; SystemError, such as `ENOSPC`
   */
  static open<Send = unknown, Receive = Send>(
    name: string,
    options?: PipeCreateOptions<Send | Receive> & PipeAttachOptions<Send | Receive>,
  ): Pipe<Send, Receive> {
    return new Pipe<Send, Receive>(openPipe(name, options as PipeCreateOptions<never>));
  }

  /** Makes a new pipe and takes an end. Throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full. */
  static create<Send = unknown, Receive = Send>(
    name: string,
    options?: PipeCreateOptions<Send | Receive>,
  ): Pipe<Send, Receive> {
    return new Pipe<Send, Receive>(createPipe(name, options as PipeCreateOptions<never>));
  }

  /**
   * Takes an end of a pipe that exists. Throws SystemError `ENOENT`, ClosedError if the pipe is finished; otherwise as
   * {@link open}.
   */
  static attach<Send = unknown, Receive = Send>(
    name: string,
    options?: PipeAttachOptions<Send | Receive>,
  ): Pipe<Send, Receive> {
    return new Pipe<Send, Receive>(attachPipe(name, options as PipeAttachOptions<never>));
  }

  /** Bytes of messages that fit in each direction; the largest message has 8 less. */
  get capacity(): number {
    return this.#shape.capacity;
  }

  /** The largest message, in bytes. */
  get maxMessageBytes(): number {
    return this.#shape.capacity - FRAME_BYTES;
  }

  /** The name of the codec. */
  get codec(): string {
    return this.#shape.codec;
  }

  /** Whether this end can send: false for the receiving end of a one-way pipe. */
  get sends(): boolean {
    return this.#sender !== undefined;
  }

  /** Whether this end can receive: false for the sending end of a one-way pipe. */
  get receives(): boolean {
    return this.#receiver !== undefined;
  }

  /** True when the other end has ended or was closed, and everything has been received. True where nothing ever comes. */
  get ended(): boolean {
    this.check();
    return this.#receiver?.ended ?? true;
  }

  /**
   * Sends the message if there is room now. Does not block.
   *
   * @returns false if there is no room, or earlier `send`s are still waiting for some
   * @throws RangeError for a message larger than the pipe can ever hold, TypeError for one that cannot be encoded; both
   *   change nothing. ClosedError after `end()` or `close()`, and when the other end was closed. NotOwnerError if this end
   *   only receives
   */
  trySend(message: Send): boolean {
    return this.#sending().trySend(message);
  }

  /**
   * Sends the message, blocking this thread until there is room. Throws as {@link trySend}, TimeoutError, and
   * PeerDiedError when there is no room because the other side has died: the message was not sent then.
   */
  sendSync(message: Send, wait?: PeerSyncWaitOptions): void {
    this.#sending().sendSync(message, wait);
  }

  /**
   * Sends the message as soon as there is room, in the order of the calls; the event loop runs on. Rejects as
   * {@link trySend} throws, with TimeoutError, with the signal's reason, or with PeerDiedError when there is no room
   * because the other side has died (`peerDeath: 'wait'` waits for a successor): the message was not sent then.
   */
  async send(message: Send, wait?: PeerWaitOptions): Promise<void> {
    await this.#sending().send(message, wait);
  }

  /**
   * The next message, or `undefined` when there is none now (or earlier `receive`s wait for it), also at the end
   * ({@link ended} tells). Does not block.
   *
   * @throws CorruptError for a message that makes no sense; it is consumed. ClosedError after `close()`. NotOwnerError if
   *   this end only sends
   */
  tryReceive(): Receive | undefined {
    return this.#receiving().tryReceive() as Receive | undefined;
  }

  /**
   * The next message, blocking this thread until there is one; `undefined` when the other end has ended or was closed and
   * everything has been received. Throws TimeoutError, and PeerDiedError when the other side has died and everything that
   * it sent has been received.
   */
  receiveSync(wait?: PeerSyncWaitOptions): Receive | undefined {
    return this.#receiving().receiveSync(wait) as Receive | undefined;
  }

  /**
   * The next message as soon as there is one, in the order of the calls; `undefined` at the end. The event loop runs on.
   * Rejects with TimeoutError, the signal's reason, or ClosedError; no message is lost by it. Rejects with PeerDiedError
   * when the other side has died and everything that it sent has been received; `peerDeath: 'wait'` waits for a successor
   * instead, and this handle serves that one as well.
   */
  async receive(wait?: PeerWaitOptions): Promise<Receive | undefined> {
    return this.#receiving().receive(wait) as Promise<Receive | undefined>;
  }

  /**
   * Whether a message is there, or the end: the next receive would not wait. Consumes nothing. Does not block unless a
   * `timeout` says so (`Infinity`: for ever). Throws PeerDiedError when it waits and the other side has died.
   */
  pollSync(wait?: PeerSyncWaitOptions): boolean {
    return this.#receiving().pollSync(wait);
  }

  /** As {@link pollSync}; the event loop runs on. Rejects with the signal's reason, too. */
  async poll(wait?: PeerWaitOptions): Promise<boolean> {
    return this.#receiving().poll(wait);
  }

  /** Messages as they come, until the end. Leaving the loop keeps what was not yet handed out. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Receive, void, undefined> {
    for (;;) {
      const message = await this.receive();
      if (message === undefined) return;
      yield message;
    }
  }

  /**
   * Nothing will follow from this end: the other one receives what is left and then sees the end. This end goes on
   * receiving. Idempotent, does not block. Sends that still wait reject with ClosedError.
   */
  end(): void {
    this.#sending().end();
  }

  /**
   * A Node stream of both directions, with back-pressure, that takes this end over: its end is {@link end}, it ends with
   * the other end, and when it is destroyed (by an error, or because both directions have ended) this end is closed. By
   * default it carries bytes (strings are sent as UTF-8) and cuts chunks that are too large; with `objectMode` each chunk
   * is one message (`null` cannot travel through a Node stream). Of a one-way pipe it has one side only.
   */
  duplex(options?: DuplexOptions): Duplex {
    this.check();
    return makeDuplex(this.#sink(), this.#source(), () => this.close(), options);
  }

  /** A Node stream of what comes; as a queue's `readable`. Destroying it leaves this end as it is. */
  readable(options?: ReadableOptions): Readable {
    this.#receiving();
    return makeReadable(this.#source()!, options);
  }

  /** A Node stream that sends what is written to it; as a queue's `writable`. Destroying it leaves this end as it is. */
  writable(options?: WritableOptions): Writable {
    this.#sending();
    return makeWritable(this.#sink()!, options);
  }

  /**
   * A Web stream of what comes, with back-pressure: nothing is received before it is read. By default it gives bytes;
   * with `objectMode` each message is one chunk. Cancelling it leaves this end as it is.
   */
  webReadable(options?: ReadableOptions): ReadableStream<Receive> {
    this.#receiving();
    return makeWebReadable(this.#source()!, options);
  }

  /**
   * A Web stream that sends what is written to it: a write is done when it was sent; closing the stream is {@link end}.
   * By default it takes bytes and strings and cuts chunks that are too large; with `objectMode` each chunk is one message.
   * Aborting it leaves this end as it is.
   */
  webWritable(options?: WritableOptions): WritableStream<Send> {
    this.#sending();
    return makeWebWritable(this.#sink()!, options);
  }

  /**
   * This end as a MessagePort: for libraries that are written for those. It takes this end over: do not receive from the
   * pipe as well, and close the port instead of the pipe.
   */
  port(): PipePort<Send, Receive> {
    return new PipePort<Send, Receive>(this, this.#sending(), this.#receiving());
  }

  /** Pending waits of this handle keep the process alive (the default). */
  ref(): this {
    return this.#keepAlive(true);
  }

  /** Pending waits of this handle do not keep the process alive. */
  unref(): this {
    return this.#keepAlive(false);
  }

  /** @internal */
  protected override facts(): Facts {
    return {
      sends: () => this.sends,
      receives: () => this.receives,
      capacity: () => this.capacity,
      codec: () => this.codec,
    };
  }

  /** @internal */
  protected override onClose(): void {
    for (const half of [this.#sender, this.#receiver]) half?.turns.failAll(() => closedError(this.name));
    // The order that pipe-layout.ts tells: if we die on the way, the owner word names a dead one.
    this.#sender?.end();
    this.#receiver?.leave();
    closeEnd(this.segment, this.#end);
  }

  #keepAlive(value: boolean): this {
    for (const half of [this.#sender, this.#receiver]) if (half !== undefined) half.turns.keepsAlive = value;
    return this;
  }

  /** For `waitAny`: ready when a message is there, or the end, or the other side is dead. */
  [WAITABLE](): Readiness {
    return { ...this.#receiving().readiness(() => this.check()), told: [this.closing] };
  }

  #sending(): PipeSender {
    this.check();
    if (this.#sender !== undefined) return this.#sender;
    throw new NotOwnerError(`this end of '${this.name}' only receives: it is a one-way pipe`);
  }

  #receiving(): PipeReceiver {
    this.check();
    if (this.#receiver !== undefined) return this.#receiver;
    throw new NotOwnerError(`this end of '${this.name}' only sends: it is a one-way pipe`);
  }

  #sink(): Sink | undefined {
    const { maxMessageBytes } = this;
    return (
      this.#sender && {
        maxMessageBytes,
        putMany: async (messages, wait) => this.#sending().sendMany(messages, wait),
        end: () => this.end(),
      }
    );
  }

  #source(): Source | undefined {
    return (
      this.#receiver && {
        getMany: async (max, wait) => this.#receiving().receiveMany(max ?? Number.POSITIVE_INFINITY, wait),
      }
    );
  }
}
