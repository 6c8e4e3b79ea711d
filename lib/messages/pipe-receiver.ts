/** The receiving half of a pipe's end. */

import { TimeoutError } from '../errors.js';
import type { Segment } from '../memory/segment.js';
import { areOptions } from '../options.js';
import { type Blocking, PENDING } from '../waiting/blocking.js';
import { Turns } from '../waiting/turns.js';
import type { Readiness } from '../waiting/waitable.js';
import type { InnerCodec } from './codecs.js';
import { FrameReader } from './framing.js';
import type { Peer, PeerSyncWaitOptions, PeerWaitOptions } from './peer.js';
import { directionsOf } from './pipe-ends.js';
import { RingReader } from './ring-reader.js';
import { takeMany, takeOne } from './transfers.js';

export class PipeReceiver {
  readonly turns = new Turns();
  readonly #path: string;
  readonly #peer: Peer;
  readonly #ring: RingReader;
  readonly #frames: FrameReader;
  readonly #take: Blocking<unknown> = {
    attempt: () => takeOne(this.#ring, this.#frames),
    arm: () => this.#ring.arm(),
  };
  readonly #look: Blocking<true> = {
    attempt: () => this.#ring.next() || this.#ring.ended || PENDING,
    arm: () => this.#ring.arm(),
  };

  constructor(segment: Segment, direction: number, capacity: number, codec: InnerCodec, peer: Peer) {
    const { path } = segment;
    this.#path = path;
    this.#peer = peer;
    this.#ring = new RingReader(
      path,
      directionsOf(segment)[direction]!,
      segment.payloads[direction]!,
      capacity,
    );
    this.#frames = new FrameReader(path, this.#ring, codec);
    this.#ring.introduce();
  }

  /** The other side has ended, and everything has been taken. */
  get ended(): boolean {
    return this.#ring.ended;
  }

  /** Moves with everything that is consumed. */
  get position(): number {
    return this.#ring.position;
  }

  tryReceive(): unknown {
    if (!this.turns.served()) return undefined;
    const message = takeOne(this.#ring, this.#frames);
    return message === PENDING ? undefined : message;
  }

  receiveSync(wait: PeerSyncWaitOptions | undefined): unknown {
    if (wait === undefined && this.turns.served()) {
      const message = takeOne(this.#ring, this.#frames);
      if (message !== PENDING) return message;
    }
    return this.#blockSync(this.#take, wait);
  }

  async receive(wait?: PeerWaitOptions): Promise<unknown> {
    return this.#wait(this.#take, wait);
  }

  async receiveMany(most: number, wait?: PeerWaitOptions): Promise<unknown[]> {
    const operation: Blocking<unknown[]> = {
      attempt: () => takeMany(this.#ring, this.#frames, most),
      arm: () => this.#ring.arm(),
    };
    return this.#wait(operation, wait);
  }

  pollSync(wait: PeerSyncWaitOptions | undefined): boolean {
    try {
      return this.#blockSync(this.#look, atOnce(wait));
    } catch (error) {
      if (error instanceof TimeoutError) return false;
      throw error;
    }
  }

  async poll(wait: PeerWaitOptions | undefined): Promise<boolean> {
    try {
      return await this.#wait(this.#look, atOnce(wait));
    } catch (error) {
      // A signal's reason may be a TimeoutError, too, but not ours.
      if (error instanceof TimeoutError && error !== wait?.signal?.reason) return false;
      throw error;
    }
  }

  /** For waitAny. `check` throws for a closed handle. */
  readiness(check: () => void): Omit<Readiness, 'told'> {
    const news = (): boolean => {
      check();
      return !this.#ring.waits;
    };
    return { ...this.#peer.readiness(news, () => this.#ring.arm()), keepsAlive: this.turns.keepsAlive };
  }

  /** Takes nothing any more: the other side's sends are refused. */
  leave(): void {
    this.#ring.leave();
  }

  #blockSync<R>(operation: Blocking<R>, wait: PeerSyncWaitOptions | undefined): R {
    const { timeout, peerDeath } = this.#peer.checkWait(wait);
    return this.turns.blockSync(this.#peer.guard(operation, peerDeath), timeout, this.#nothing());
  }

  async #wait<R>(operation: Blocking<R>, wait: PeerWaitOptions | undefined): Promise<R> {
    const { timeout, signal, peerDeath } = this.#peer.checkWait(wait);
    return this.turns.wait(this.#peer.guard(operation, peerDeath), timeout, signal, this.#nothing());
  }

  #nothing(): string {
    return `'${this.#path}': no message came`;
  }
}

/** The wait of a poll: without a timeout it does not wait. */
function atOnce<W extends PeerWaitOptions>(wait: W | undefined): W {
  // What is no object of options is refused where it is checked.
  if (wait !== undefined && !areOptions(wait)) return wait;
  return { ...wait, timeout: wait?.timeout === undefined ? 0 : wait.timeout } as W;
}
