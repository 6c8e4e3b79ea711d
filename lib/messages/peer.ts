/** The other side of a queue: waiting for it, and for no longer than it lives. */

import { invalidType, outOfRange, PeerDiedError } from '../errors.js';
import { roleLooksDead, roleState } from '../memory/roles.js';
import { OWNER_MASK } from '../memory/roster-layout.js';
import type { Segment } from '../memory/segment.js';
import { areOptions, checkWait, type SyncWaitOptions, type WaitOptions } from '../options.js';
import { type Blocking, PENDING, type WaitPoint } from '../waiting/blocking.js';
import type { Readiness } from '../waiting/waitable.js';

/**
 * What a wait does when the other side has died: `'error'` (the default) rejects with PeerDiedError once everything that
 * it published has been delivered; `'wait'` waits for its successor.
 */
export type PeerDeath = 'error' | 'wait';

/** As WaitOptions, for waits that depend on another process. */
export interface PeerWaitOptions extends WaitOptions {
  /** Default: what the handle was opened with. */
  peerDeath?: PeerDeath | undefined;
}

/** As SyncWaitOptions, for waits that depend on another process. */
export interface PeerSyncWaitOptions extends SyncWaitOptions {
  /** Default: what the handle was opened with. */
  peerDeath?: PeerDeath | undefined;
}

export function checkPeerDeath(value: unknown): PeerDeath | undefined {
  if (value === undefined || value === 'error' || value === 'wait') return value;
  const expected = "'error' or 'wait'";
  throw typeof value === 'string'
    ? outOfRange('peerDeath', expected, value)
    : invalidType('peerDeath', expected, value);
}

export interface PeerWait {
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly peerDeath: PeerDeath;
}

/** How errors speak of the other side. */
interface PeerWords {
  /** "the producer", "the other end" */
  readonly who: string;
  /** What it should have done first: "ending the queue" */
  readonly leaving: string;
  /** "Another producer" */
  readonly successor: string;
}

const spscRole = (role: string): PeerWords => ({
  who: `the ${role}`,
  leaving: 'ending the queue',
  successor: `Another ${role}`,
});
export const PRODUCER_WORDS = spscRole('producer');
export const CONSUMER_WORDS = spscRole('consumer');

/** The role of the other side. */
export class Peer {
  readonly #segment: Segment;
  readonly #index: number;
  readonly #speech: PeerWords;
  /** For ever, unless the other side dies. */
  readonly #usual: PeerWait;

  /** `index`: its role word. */
  constructor(segment: Segment, index: number, speech: PeerWords, peerDeath: PeerDeath) {
    this.#segment = segment;
    this.#index = index;
    this.#speech = speech;
    this.#usual = { timeout: Number.POSITIVE_INFINITY, signal: undefined, peerDeath };
  }

  /** The options of a wait, checked. */
  checkWait(options: PeerWaitOptions | undefined): PeerWait {
    if (options === undefined) return this.#usual;
    // What is no object of options is refused by checkWait.
    if (!areOptions(options)) return { ...this.#usual, ...checkWait(options) };
    const { peerDeath, ...rest } = options;
    return { ...checkWait(rest), peerDeath: checkPeerDeath(peerDeath) ?? this.#usual.peerDeath };
  }

  /** Pairs with claimRole, releaseRole and the claim of a dead one's slot. */
  get #found(): number {
    return Atomics.load(this.#segment.words, this.#index);
  }

  /** The operation, given up when the other side is dead, unless the caller wants to wait for its successor. */
  guard<T>(operation: Blocking<T>, peerDeath: PeerDeath): Blocking<T> {
    if (peerDeath === 'wait') return operation;
    let died = false;
    return {
      attempt: () => {
        const result = operation.attempt();
        // Dead before this attempt: everything that it published has been seen. Asked again: there may be a successor.
        if (result === PENDING && died) this.#refuseDead(this.#found);
        return result;
      },
      arm: () => {
        died = roleState(this.#found, this.#segment.roster) === 'died';
        if (died) return undefined;
        const point = operation.arm();
        return point && this.#watched(point);
      },
    };
  }

  /**
   * For waitAny: ready when there is news, or when a wait would be given up because the other side is dead.
   *
   * @param news whether the operation would not wait, from memory alone
   */
  readiness(news: () => boolean, arm: () => WaitPoint | undefined): Pick<Readiness, 'ready' | 'arm'> {
    if (this.#usual.peerDeath === 'wait') return { ready: news, arm };
    const { roster } = this.#segment;
    /** What the role word says of one whose death only the kernel knows of; it never lives again. */
    let dead: number | undefined;
    return {
      ready: () => {
        if (news()) return true;
        const found = this.#found;
        return found === dead || roleLooksDead(found, roster);
      },
      arm: () => {
        const found = this.#found;
        if (roleState(found, roster) === 'died') {
          dead = found;
          return undefined;
        }
        const point = arm();
        return point && this.#watched(point);
      },
    };
  }

  /** The point, ending also with the life of the present holder of the role. */
  #watched(point: WaitPoint): WaitPoint | undefined {
    const { roster } = this.#segment;
    const found = this.#found;
    const holder = found & OWNER_MASK;
    if (holder === 0 || holder === roster.owner) return point; // nobody yet, or ourselves: who claims it wakes us
    const watched = roster.watch(found);
    return watched && { ...point, ...watched };
  }

  /** Throws if the one that the role word names died and has no successor. */
  #refuseDead(found: number): void {
    const { roster, path } = this.#segment;
    if (roleState(found, roster) !== 'died') return;
    const pid = (found & OWNER_MASK) === 0 ? undefined : roster.holderOf(found).pid;
    const { who, leaving, successor } = this.#speech;
    const process = pid === undefined ? '' : ` (process ${pid})`;
    throw new PeerDiedError(
      `${who} of '${path}'${process} died without ${leaving}; all that it did counts. ${successor} may go on: wait for it with { peerDeath: 'wait' }`,
      pid,
    );
  }
}
