/**
 * A barrier in one 64-bit word: arriving, ending a round, breaking and resetting are each one compare-exchange, so there
 * is nothing to repair when somebody dies. Who waits remembers its round, and learns how that ended even if others are
 * rounds ahead by then.
 */

import { onePer } from '../memory/one-per.js';
import type { Segment } from '../memory/segment.js';
import { SlotTable } from '../memory/slot-table.js';
import { native } from '../native/load.js';
import type { WaitPoint } from '../waiting/blocking.js';
import {
  ARRIVED_MASK,
  BARRIER,
  BARRIER_ACTING,
  BARRIER_ASLEEP,
  BARRIER_BROKEN,
  ENDS_BITS,
  ROUND_SHIFT,
} from './barrier-layout.js';

const ROUNDS = 2 ** (32 - ROUND_SHIFT);

/** The two words, taken apart. */
interface State {
  readonly arrived: number;
  readonly asleep: boolean;
  readonly broken: boolean;
  readonly acting: boolean;
  readonly round: number;
  readonly ends: number;
}

/** How a round stands, or ended. */
type RoundState = 'open' | 'passed' | 'broken' | 'reset';

/** One arrival: in which round, and as which. */
export interface Arrival {
  readonly round: number;
  readonly index: number;
}

function unpack(word: bigint): State {
  const low = Number(BigInt.asUintN(32, word));
  return {
    arrived: low & ARRIVED_MASK,
    asleep: (low & BARRIER_ASLEEP) !== 0,
    broken: (low & BARRIER_BROKEN) !== 0,
    acting: (low & BARRIER_ACTING) !== 0,
    round: low >>> ROUND_SHIFT,
    ends: Number(BigInt.asUintN(32, word >> 32n)),
  };
}

function low({ arrived, asleep, broken, acting, round }: State): number {
  return (
    (arrived |
      (asleep ? BARRIER_ASLEEP : 0) |
      (broken ? BARRIER_BROKEN : 0) |
      (acting ? BARRIER_ACTING : 0) |
      (round << ROUND_SHIFT)) >>>
    0
  );
}

function pack(state: State): bigint {
  return BigInt.asIntN(64, (BigInt(state.ends) << 32n) | BigInt(low(state)));
}

/** The state after a round: the next one, empty. */
function next({ round, ends }: State, reset: boolean): State {
  return {
    arrived: 0,
    asleep: false,
    broken: false,
    acting: false,
    round: (round + 1) % ROUNDS,
    ends: ((ends << 1) | (reset ? 1 : 0)) >>> 0,
  };
}

export class BarrierWords {
  readonly #words: Int32Array;
  readonly #state: BigInt64Array;
  readonly #parties: SlotTable;
  readonly #segment: Segment;
  readonly #count: number;
  /** Those of this environment that have waited and are not closed. */
  readonly #handles = new Set<object>();
  /** Rounds whose action runs here. */
  readonly acting = new Set<number>();
  /** Whether those who slept when we joined know of us. */
  #announced = false;

  /** `parties`: how many make a round. */
  constructor(segment: Segment, parties: number) {
    const { words, header, roster } = segment;
    this.#segment = segment;
    this.#words = words;
    this.#state = new BigInt64Array(words.buffer, words.byteOffset, 1);
    this.#parties = new SlotTable(words, BARRIER.PARTIES, header.participants, roster);
    this.#count = parties;
  }

  #load(): State {
    return unpack(Atomics.load(this.#state, 0));
  }

  /** One step from a state that was loaded; wakes those who slept on it if the new one has nobody asleep. */
  #step(from: State, to: State): boolean {
    const before = pack(from);
    // Pairs with every other step and with arm(). If we die before the wake-up, our mark wakes them, for we are a party;
    // else they look again within a second.
    if (Atomics.compareExchange(this.#state, 0, before, pack(to)) !== before) return false;
    if (from.asleep && !to.asleep) native.futexWake(this.#words, BARRIER.STATE);
    return true;
  }

  /** From now on this environment's death breaks the barrier. A dead one that had its slot breaks it now. */
  join(handle: object): void {
    this.#handles.add(handle);
    const { predecessor } = this.#parties;
    if (this.#parties.isMine(predecessor)) return;
    if (predecessor !== 0 && this.#parties.isDead(predecessor)) this.break();
    this.#parties.claim();
    this.#announced = false;
  }

  /** The handle is closed; with the last one this environment is no party any more. */
  leave(handle: object): void {
    if (this.#handles.delete(handle) && this.#handles.size === 0) this.#parties.leave();
  }

  /** Takes a place in the round, or says why there is none. `acts`: the last one runs an action before all go on. */
  arrive(acts: boolean): Arrival | 'full' | 'broken' {
    for (;;) {
      this.#breakIfDead();
      const state = this.#load();
      if (state.broken) return 'broken';
      if (state.acting || state.arrived >= this.#count) return 'full';
      const index = state.arrived;
      const last = index + 1 === this.#count;
      const full = { ...state, arrived: index + 1 };
      // Those who sleep do not watch a newcomer yet: they wake and look whom to watch.
      const arrived = { ...full, asleep: state.asleep && this.#announced };
      const after = last ? (acts ? { ...arrived, acting: true } : next(state, false)) : arrived;
      if (!this.#step(state, after)) continue;
      this.#announced = true;
      return { round: state.round, index };
    }
  }

  /** The action of the last one has been run: everybody goes on. False if the barrier was broken meanwhile. */
  pass(round: number): boolean {
    for (;;) {
      const state = this.#load();
      if (state.round !== round || state.broken) return false;
      if (this.#step(state, next(state, false))) return true;
    }
  }

  /** How the round stands; asks for the dead. */
  look(round: number): RoundState {
    const found = this.#outcome(round, this.#load());
    if (found !== 'open' || !this.#breakIfDead()) return found;
    return this.#outcome(round, this.#load()); // it may have passed before it broke
  }

  #outcome(round: number, state: State): RoundState {
    const behind = (state.round - round + ROUNDS) % ROUNDS;
    if (behind === 0) return state.broken ? 'broken' : 'open';
    // Further behind than is remembered, which takes more parties than make a round: better to say too much.
    return behind > ENDS_BITS || ((state.ends >>> (behind - 1)) & 1) === 1 ? 'reset' : 'passed';
  }

  /** Announces that somebody sleeps until the round ends (`round` undefined: until there is room to arrive). */
  arm(round: number | undefined): WaitPoint | undefined {
    const state = this.#load();
    const open =
      round === undefined
        ? !state.broken && (state.acting || state.arrived >= this.#count)
        : this.#outcome(round, state) === 'open';
    if (!open) return undefined;
    const asleep = { ...state, asleep: true };
    // Pairs with #step of others: they find the bit and wake us, or this fails because the state has moved.
    if (!state.asleep && !this.#step(state, asleep)) return undefined;
    const { roster } = this.#segment;
    const others: number[] = [];
    const dead = this.#parties.some((owner) => {
      if (this.#parties.isDead(owner)) return true;
      if (!this.#parties.isMine(owner)) others.push(owner);
      return false;
    });
    if (dead) {
      this.break();
      return undefined;
    }
    const watched = roster.watch(...others);
    return watched && { words: this.#words, index: BARRIER.STATE, expected: low(asleep) | 0, ...watched };
  }

  /** Breaks the barrier. */
  break(): void {
    for (;;) {
      const state = this.#load();
      if (state.broken || this.#step(state, { ...state, broken: true, asleep: false })) return;
    }
  }

  /**
   * One that arrived in the round goes away: breaks the barrier, unless the round has ended. How it ended, in one step with
   * that: either all of the round pass, or nobody does.
   */
  giveUp(round: number): RoundState {
    for (;;) {
      const state = this.#load();
      const outcome = this.#outcome(round, state);
      if (outcome !== 'open') return outcome;
      if (this.#step(state, { ...state, broken: true, asleep: false })) return 'broken';
    }
  }

  /** A party that is dead breaks the barrier. Whether one is. */
  #breakIfDead(): boolean {
    if (!this.#parties.some((owner) => this.#parties.looksDead(owner))) return false;
    this.break();
    return true;
  }

  /** Whether it is broken, or a party is dead. */
  get broken(): boolean {
    if (this.#parties.some((owner) => this.#parties.isDead(owner))) this.break();
    return this.#load().broken;
  }

  /** How many have arrived and wait. */
  get waiting(): number {
    const { arrived, broken, acting } = this.#load();
    return broken || acting ? 0 : arrived;
  }

  /** Those who wait learn that it was reset; whoever died is forgotten; the barrier can be used. */
  reset(): void {
    this.#parties.forgetDead();
    for (;;) {
      const state = this.#load();
      if (!state.broken && !state.acting && state.arrived === 0) return;
      if (this.#step(state, next(state, true))) return;
    }
  }
}

/** One for each attachment: handles of one environment are one party to each other's deaths. */
export const barrierWordsOf = onePer(
  (segment: Segment, parties: number) => new BarrierWords(segment, parties),
);
