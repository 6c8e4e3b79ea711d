/** The sending half of a pipe's end. */

import { ClosedError } from '../errors.js';
import type { Segment } from '../memory/segment.js';
import { type Blocking, PENDING } from '../waiting/blocking.js';
import { Turns } from '../waiting/turns.js';
import type { InnerCodec } from './codecs.js';
import { FrameWriter } from './framing.js';
import { tellAccepted } from './message.js';
import type { Peer, PeerSyncWaitOptions, PeerWaitOptions } from './peer.js';
import { directionsOf, type End, otherClosed } from './pipe-ends.js';
import { RingWriter } from './ring-writer.js';
import { putSome } from './transfers.js';

export class PipeSender {
  readonly turns = new Turns();
  readonly #segment: Segment;
  readonly #end: End;
  readonly #peer: Peer;
  readonly #ring: RingWriter;
  readonly #frames: FrameWriter;

  constructor(
    segment: Segment,
    end: End,
    direction: number,
    capacity: number,
    codec: InnerCodec,
    peer: Peer,
  ) {
    const { path } = segment;
    this.#segment = segment;
    this.#end = end;
    this.#peer = peer;
    this.#ring = new RingWriter(
      path,
      directionsOf(segment)[direction]!,
      segment.payloads[direction]!,
      capacity,
    );
    this.#frames = new FrameWriter(path, this.#ring, codec);
    if (!this.#ring.ended) this.#ring.introduce();
  }

  get ended(): boolean {
    return this.#ring.ended;
  }

  trySend(message: unknown): boolean {
    this.#checkOpen();
    if (!this.turns.served()) return false;
    if (!this.#frames.tryWrite(message)) return this.#full();
    this.#ring.publish();
    return true;
  }

  sendSync(message: unknown, wait: PeerSyncWaitOptions | undefined): void {
    const { timeout, peerDeath } = this.#peer.checkWait(wait);
    if (this.trySend(message)) return;
    this.turns.blockSync(this.#peer.guard(this.#sending(message), peerDeath), timeout, this.#noRoom());
  }

  /** Throws at once for what can never be sent; rejects for what could not be sent in time. */
  send(message: unknown, wait?: PeerWaitOptions): Promise<true> {
    const { timeout, signal, peerDeath } = this.#peer.checkWait(wait);
    signal?.throwIfAborted();
    this.#checkOpen();
    if (this.turns.mayTry(timeout) && this.trySend(message)) return Promise.resolve(true);
    const operation = this.#peer.guard(this.#sending(message), peerDeath);
    return this.turns.wait(operation, timeout, signal, this.#noRoom());
  }

  /** Sends all of them, in order. */
  async sendMany(messages: readonly unknown[], wait?: PeerWaitOptions): Promise<void> {
    const { timeout, signal, peerDeath } = this.#peer.checkWait(wait);
    this.#checkOpen();
    let accepted = 0;
    const operation: Blocking<true> = {
      attempt: () => {
        this.#checkOther();
        accepted += putSome(this.#ring, this.#frames, messages, accepted);
        return accepted === messages.length || this.#full() || PENDING;
      },
      arm: () => this.#ring.arm(),
    };
    try {
      await this.turns.wait(this.#peer.guard(operation, peerDeath), timeout, signal, this.#noRoom());
    } catch (error) {
      throw tellAccepted(error, accepted, messages.length, 'sent', signal);
    }
  }

  /** Nothing will follow. */
  end(): void {
    if (this.#ring.ended) return;
    this.#ring.end();
    this.turns.failAll(() => this.#endedError());
  }

  #sending(message: unknown): Blocking<true> {
    const prepared = this.#frames.prepare(message);
    return {
      attempt: () => {
        this.#checkOther();
        if (!this.#frames.tryWritePrepared(prepared)) return this.#full() || PENDING;
        this.#ring.publish();
        return true;
      },
      arm: () => this.#ring.arm(),
    };
  }

  #checkOpen(): void {
    if (this.#ring.ended) throw this.#endedError();
    this.#checkOther();
  }

  #checkOther(): void {
    if (otherClosed(this.#segment, this.#end)) throw this.#otherClosedError();
  }

  /** No room. Asked of the ring too: the other side may have died between saying so there and in its owner word. */
  #full(): false {
    if (this.#ring.refused) throw this.#otherClosedError();
    return false;
  }

  #endedError(): ClosedError {
    return new ClosedError(`this end of '${this.#segment.path}' has ended: nothing can follow`);
  }

  #otherClosedError(): ClosedError {
    return new ClosedError(
      `the other end of '${this.#segment.path}' is closed: nobody will ever receive the message`,
    );
  }

  #noRoom(): string {
    return `'${this.#segment.path}': no room for the message`;
  }
}
