/**
 * The participants of one object. An environment (main thread, worker) claims one slot; an owner anywhere in shared
 * memory is {slot, generation}.
 *
 * Two proofs of death, both the kernel's. The slot's death mark changes the moment its thread is gone, and wakes who
 * watches it. The slot's lock byte is given back when the process is gone entirely: later, but whatever the mark says.
 */

import { threadId } from 'node:worker_threads';
import { FullError } from '../errors.js';
import type { NativeSegment } from '../native/binding.js';
import type { Header } from './header.js';
import { SLOT_BYTE } from './header-layout.js';
import {
  MARK_DIED,
  MARK_OFFSET,
  MARK_PAGE_BYTES,
  MAX_GENERATION,
  OWNER_ABANDONED,
  OWNER_MASK,
  OWNER_SLEEPERS,
  SLOT,
  SLOT_CLAIMED,
  SLOT_FREE,
  SLOT_WORDS,
} from './roster-layout.js';

/** Who somebody is, for error messages and tools. */
export interface Participant {
  /** Which slot of the object's roster it has. */
  readonly slot: number;
  /** As the participant sees itself; another pid namespace may number it differently. */
  readonly pid: number;
  /** 0: the main thread; else the worker's `threadId`. */
  readonly thread: number;
  /** When it attached. */
  readonly attachedAt: Date;
  /** False: it was killed, and its slot has not been used again. */
  readonly alive: boolean;
}

/** Who holds a lock or a role. */
export interface Holder {
  /** As the holder sees itself; another pid namespace may number it differently. */
  readonly pid: number;
  /** 0: the main thread; else the worker's `threadId`. */
  readonly thread: number;
}

/** How to notice the deaths of living participants while asleep. */
interface Watched {
  /** Their death marks: words that change, and wake, when they die. As pairs of index and value. */
  readonly marks?: { readonly words: Int32Array; readonly pairs: Int32Array };
  /** Where one has no mark: ask again after so many ms. */
  readonly slice?: number;
}

/** So many marks the addon watches in one sleep (kMostMarks in native/futex.h). */
const MOST_MARKS = 62;

/** ms between two looks at an owner whose death nothing tells of. */
export const UNWATCHED_SLICE = 50;

/** The slot that an owner word names. */
export function slotOf(ownerWord: number): number {
  return ownerWord & 0x3ff;
}

/** This environment's view of the table, and its own slot in it. */
export class Roster {
  readonly #segment: NativeSegment;
  readonly #words: Int32Array;
  readonly #participants: number;
  readonly #rosterOffset: number;
  readonly #marksOffset: number;
  /** All control pages, for the marks. Only those of slots that say so may be touched: the others are holes. */
  readonly #control: Int32Array;
  /** 1 for each slot whose mark page is known to be backed with memory. */
  readonly #backed: Uint8Array;
  #slot = -1;
  /** This environment's owner token: slot and generation in one positive number. 0 before `claim`. */
  owner = 0;

  constructor(segment: NativeSegment, control: ArrayBuffer, header: Header) {
    this.#segment = segment;
    this.#participants = header.participants;
    this.#rosterOffset = header.rosterOffset;
    this.#marksOffset = header.marksOffset;
    this.#control = new Int32Array(control);
    this.#backed = new Uint8Array(header.participants);
    this.#words = new Int32Array(control, header.rosterOffset, header.participants * SLOT_WORDS);
  }

  /**
   * Claims a slot. `ownerWords`: the object's words that may still name the slot's former, dead holder; they are marked
   * abandoned before the generation moves on, so that a wrapped generation can never lie.
   */
  claim(path: string, objectWords: Int32Array, ownerWords: readonly number[]): void {
    // Slots that look free first: a claimed one costs a system call to find out.
    if (
      !this.#claimAmong(SLOT_FREE, objectWords, ownerWords) &&
      !this.#claimAmong(undefined, objectWords, ownerWords)
    ) {
      const pids = this.list().map((participant) => participant.pid);
      throw new FullError(
        `'${path}' has room for ${this.#participants} participants and all are attached (pids ${pids.join(', ')}); ` +
          'close some, or create it anew with a larger participants option',
      );
    }
  }

  #claimAmong(state: number | undefined, objectWords: Int32Array, ownerWords: readonly number[]): boolean {
    for (let slot = 0; slot < this.#participants; slot++) {
      const at = slot * SLOT_WORDS;
      if (state !== undefined && Atomics.load(this.#words, at + SLOT.STATE) !== state) continue;
      if (!this.#segment.tryLock(SLOT_BYTE + slot)) continue;
      // From here on the slot is ours: the kernel frees the byte if we die, and the next claimer starts over.
      const before = Atomics.load(this.#words, at + SLOT.GENERATION) & MAX_GENERATION;
      if (before !== 0) abandonWords(objectWords, ownerWords, (before << 10) | slot);
      const generation = before === MAX_GENERATION ? 1 : before + 1;
      const attachedAt = BigInt(Date.now());
      Atomics.store(this.#words, at + SLOT.PID, process.pid);
      Atomics.store(this.#words, at + SLOT.THREAD, threadId);
      Atomics.store(this.#words, at + SLOT.ATTACHED_AT, Number(attachedAt & 0xffffffffn) | 0);
      Atomics.store(this.#words, at + SLOT.ATTACHED_AT + 1, Number(attachedAt >> 32n) | 0);
      // Before the generation: whoever reads the new one must not take the old one's mark for it. Pairs with #mark.
      Atomics.store(this.#words, at + SLOT.MARK, 0);
      Atomics.store(this.#words, at + SLOT.GENERATION, generation); // pairs with isDead: the old holder is dead from here on
      Atomics.store(this.#words, at + SLOT.STATE, SLOT_CLAIMED);
      this.#slot = slot;
      const stateOffset = this.#rosterOffset + 4 * (at + SLOT.STATE);
      if (this.#segment.takeSlot(this.#marksOffset + slot * MARK_PAGE_BYTES, stateOffset))
        Atomics.store(this.#words, at + SLOT.MARK, 1); // pairs with #mark: the mark is set
      this.owner = (generation << 10) | slot;
      return true;
    }
    return false;
  }

  /** Gives the slot back (a normal leave). The caller has released roles and locks before. */
  release(): void {
    if (this.#slot < 0) return;
    Atomics.store(this.#words, this.#slot * SLOT_WORDS + SLOT.STATE, SLOT_FREE);
    this.#segment.leaveSlot();
    this.#segment.unlock(SLOT_BYTE + this.#slot);
    this.#slot = -1;
    this.owner = 0;
  }

  /** True when the participant that an owner word names is certainly gone. Asks the kernel: about 1 µs. */
  isDead(ownerWord: number): boolean {
    if (this.looksDead(ownerWord)) return true;
    const owner = ownerWord & OWNER_MASK;
    if (owner === this.owner) return false; // a description does not see its own lock
    const slot = slotOf(owner);
    // A free byte, or one that was locked anew while we asked: either way this generation's holder is gone.
    return !this.#segment.heldByOther(SLOT_BYTE + slot) || this.looksDead(ownerWord);
  }

  /** As isDead, from memory alone: its generation is over, or its mark says so. False may only mean "not yet known". */
  looksDead(ownerWord: number): boolean {
    const owner = ownerWord & OWNER_MASK;
    if (owner === this.owner) return false;
    const slot = slotOf(owner);
    if (slot >= this.#participants || slot === this.#slot) return true; // nobody's slot, or ours in another's time
    if (this.#generation(slot) !== owner >>> 10) return true;
    // Read after the generation: this mark is that generation's, or a later one's.
    return ((this.#mark(slot) ?? 0) & MARK_DIED) !== 0;
  }

  /** What to watch of living owners beside the word they hold; undefined if one is dead. Never this environment itself. */
  watch(...ownerWords: number[]): Watched | undefined {
    const pairs: number[] = [];
    let unmarked = false;
    for (const ownerWord of ownerWords) {
      const slot = slotOf(ownerWord);
      if (slot >= this.#participants) return undefined;
      const expected = this.#mark(slot);
      if (this.looksDead(ownerWord)) return undefined; // asked after the mark was read: so it is this owner's
      if (expected === undefined || pairs.length === 2 * MOST_MARKS) unmarked = true;
      else pairs.push(this.#markIndex(slot), expected);
    }
    return {
      ...(pairs.length > 0 && { marks: { words: this.#control, pairs: Int32Array.from(pairs) } }),
      ...(unmarked && { slice: UNWATCHED_SLICE }),
    };
  }

  #markIndex(slot: number): number {
    return (this.#marksOffset + slot * MARK_PAGE_BYTES + MARK_OFFSET) / 4;
  }

  /** The slot's mark, if it has one. */
  #mark(slot: number): number | undefined {
    // Pairs with claim(): set before the slot says that there is one.
    if (Atomics.load(this.#words, slot * SLOT_WORDS + SLOT.MARK) !== 1) return undefined;
    if (this.#backed[slot] === 0 && !this.#back(slot)) return undefined;
    return Atomics.load(this.#control, this.#markIndex(slot)); // written by its owner, and by the kernel at its death
  }

  /** A slot that wrongly says it has a mark: its page may be a hole, which is a SIGBUS when /dev/shm is full. */
  #back(slot: number): boolean {
    try {
      this.#segment.reserve(this.#marksOffset + slot * MARK_PAGE_BYTES, MARK_PAGE_BYTES);
    } catch {
      return false;
    }
    this.#backed[slot] = 1;
    return true;
  }

  #generation(slot: number): number {
    return Atomics.load(this.#words, slot * SLOT_WORDS + SLOT.GENERATION) & MAX_GENERATION;
  }

  /** True when anybody but this environment is attached. */
  anyoneElse(): boolean {
    for (let slot = 0; slot < this.#participants; slot++) {
      if (slot !== this.#slot && this.#segment.heldByOther(SLOT_BYTE + slot)) return true;
    }
    return false;
  }

  /** What the slot of an owner word records of its holder. */
  holderOf(ownerWord: number): Holder {
    const slot = slotOf(ownerWord);
    const field = (offset: number): number =>
      slot < this.#participants ? Atomics.load(this.#words, slot * SLOT_WORDS + offset) : 0;
    return { pid: field(SLOT.PID), thread: field(SLOT.THREAD) };
  }

  /** Everybody who is attached now. */
  list(): Participant[] {
    const all = readRoster(this.#words, this.#segment, (slot) => this.#mark(slot));
    return all
      .map((one) => (one.slot === this.#slot ? { ...one, alive: true } : one))
      .filter((one) => one.alive);
  }
}

/**
 * Reads a table, live or copied by `pread`: claimed slots only. `markOf` reads the mark of a slot that has one.
 */
export function readRoster(
  words: Int32Array,
  segment: NativeSegment,
  markOf: (slot: number) => number | undefined,
): Participant[] {
  const found: Participant[] = [];
  for (let slot = 0; slot * SLOT_WORDS < words.length; slot++) {
    const at = slot * SLOT_WORDS;
    if (words[at + SLOT.STATE] !== SLOT_CLAIMED) continue;
    const low = BigInt(words[at + SLOT.ATTACHED_AT]! >>> 0);
    const high = BigInt(words[at + SLOT.ATTACHED_AT + 1]! >>> 0);
    const marked = words[at + SLOT.MARK] === 1;
    found.push({
      slot,
      pid: words[at + SLOT.PID]!,
      thread: words[at + SLOT.THREAD]!,
      attachedAt: new Date(Number((high << 32n) | low)),
      alive: segment.heldByOther(SLOT_BYTE + slot) && !(marked && ((markOf(slot) ?? 0) & MARK_DIED) !== 0),
    });
  }
  return found;
}

/** Marks every listed word that names `owner` as abandoned; keeps the sleepers' bit, so that a later release still wakes. */
function abandonWords(words: Int32Array, indexes: readonly number[], owner: number): void {
  for (const index of indexes) {
    const found = Atomics.load(words, index);
    if ((found & OWNER_MASK) !== owner) continue;
    // Pairs with every CAS on owner words: if somebody else took it over in between, there is nothing left to mark.
    Atomics.compareExchange(words, index, found, OWNER_ABANDONED | (found & OWNER_SLEEPERS));
  }
}
