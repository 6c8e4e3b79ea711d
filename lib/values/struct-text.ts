/**
 * Text in shared memory that is never seen torn: two copies and a version whose lowest bit says which one is the text. A
 * writer fills the other copy, then publishes it with one store; killed before that, it leaves the old text. Writers exclude
 * each other by a robust lock that is held for a microsecond, never while user code runs. Readers take no lock: they look
 * whether the version has moved meanwhile (a sequence lock; see H.-J. Boehm, Can Seqlocks Get Along With Programming
 * Language Memory Models?, MSPC 2012), which takes two whole writes, for the first one leaves their copy alone.
 */

import { isUtf8 } from 'node:buffer';
import { type CorruptError, damaged, invalidType, outOfRange } from '../errors.js';
import { onePer } from '../memory/one-per.js';
import type { Segment } from '../memory/segment.js';
import { type RobustLock, robustLockOf } from '../sync/robust-lock.js';
import { type Blocking, ELSEWHERE, PENDING, type WaitPoint } from '../waiting/blocking.js';
import { AdaptiveSpin, SYNC_LOOKS } from '../waiting/spin.js';
import { blockSync } from '../waiting/sync.js';
import { STRUCT, TEXT } from './struct-layout.js';
import { type TextField, textCopyBytes } from './struct-shape.js';

/** So often the text is read without the lock; a reader that two writers overtake every time takes it then. */
const READS = 8;
/** So often a lock that is held is looked at before the caller waits for it. */
const LOOKS = 8;
/** ms after which a writer gives up: the lock is held for a microsecond, unless its holder was stopped in that very one. */
const PATIENCE = 10_000;
/** Up to so many bytes, a loop in JavaScript is faster than a call. */
const SHORT = 32;

/** Stores into it order the plain loads before them with the load behind them, on every processor. Nobody reads it. */
const FENCE = new Int32Array(1);

/** The text as UTF-8. Throws TypeError for what is no string or has none, RangeError if it is too long. */
export function checkText(field: TextField, value: unknown): Uint8Array {
  const what = `the text '${field.path}'`;
  if (typeof value !== 'string') throw invalidType(what, 'a string', value);
  if (!value.isWellFormed())
    throw invalidType(what, 'a string without lone surrogates (they have no UTF-8)', value);
  const encoded = Buffer.from(value, 'utf8');
  if (encoded.length <= field.bytes) return encoded;
  throw outOfRange(what, `at most ${field.bytes} bytes of UTF-8`, `${encoded.length} bytes`);
}

/** The bytes and the 32-bit words of one payload. */
export interface TextMemory {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
}

/** Where in the payload a copy begins. */
function copyAt(field: TextField, copy: number): number {
  return field.offset + 4 * TEXT.COPIES + copy * textCopyBytes(field.bytes);
}

/** Writes one copy and publishes it. Of those who do this at most one at a time may. */
export function writeText({ u8, u32 }: TextMemory, field: TextField, encoded: Uint8Array): void {
  const word = field.offset / 4;
  const version = Atomics.load(u32, word + TEXT.VERSION); // pairs with the store below, of whoever had the lock before
  const other = (version & 1) ^ 1;
  u8.set(encoded, copyAt(field, other));
  u32[word + TEXT.LENGTHS + other] = encoded.length;
  // Publishes. Pairs with both loads of `read`: what was written above is seen by who sees this.
  Atomics.store(u32, word + TEXT.VERSION, version + 1);
}

/** A text as bytes, from memory that nobody changes; cut at `most` bytes. */
export function peekText({ u8, u32 }: TextMemory, field: TextField, path: string, most: number): Uint8Array {
  const word = field.offset / 4;
  const copy = u32[word + TEXT.VERSION]! & 1;
  const length = u32[word + TEXT.LENGTHS + copy]!;
  if (length > field.bytes) throw tooLong(path, field, length);
  const at = copyAt(field, copy);
  return u8.slice(at, at + Math.min(length, most));
}

function tooLong(path: string, field: TextField, length: number): CorruptError {
  return damaged(path, `its text '${field.path}' of at most ${field.bytes} bytes is said to have ${length}`);
}

/** Texts of one attachment. */
export class Texts {
  readonly #memory: TextMemory;
  readonly #lock: TextLock;
  readonly #path: string;
  /** What was read, before anybody decides what it is: a decoder must not see bytes change under its hands. */
  #scratch = Buffer.allocUnsafe(SHORT);

  constructor(segment: Segment, memory: TextMemory) {
    this.#memory = memory;
    this.#lock = textLockOf(segment);
    this.#path = segment.path;
  }

  /** Replaces the text. `encoded` has been checked. */
  write(field: TextField, encoded: Uint8Array): void {
    this.#lock.enter();
    let sound = false;
    try {
      writeText(this.#memory, field, encoded);
      sound = true;
    } finally {
      this.#lock.leave(sound);
    }
  }

  read(field: TextField): string {
    if (this.#scratch.length < field.bytes) this.#scratch = Buffer.allocUnsafe(field.bytes);
    const { u32 } = this.#memory;
    const word = field.offset / 4;
    for (let round = 0; round < READS; round++) {
      const version = Atomics.load(u32, word + TEXT.VERSION); // pairs with writeText
      const length = this.#copy(field, version & 1);
      Atomics.store(FENCE, 0, 0); // an acquiring load alone would let the copying slip behind it
      if (Atomics.load(u32, word + TEXT.VERSION) === version) return this.#decode(field, length);
    }
    this.#lock.enter();
    let length: number;
    try {
      length = this.#copy(field, Atomics.load(u32, word + TEXT.VERSION) & 1);
    } finally {
      this.#lock.leave(true);
    }
    return this.#decode(field, length);
  }

  /** A handle is about to be closed. */
  close(): void {
    this.#lock.recover();
  }

  /** Takes a copy to ourselves; its length, as it is said to be. */
  #copy(field: TextField, copy: number): number {
    const { u8, u32 } = this.#memory;
    const scratch = this.#scratch;
    const length = Atomics.load(u32, field.offset / 4 + TEXT.LENGTHS + copy);
    if (length > field.bytes) return length;
    const at = copyAt(field, copy);
    if (length <= SHORT) for (let i = 0; i < length; i++) scratch[i] = u8[at + i]!;
    else scratch.set(u8.subarray(at, at + length));
    return length;
  }

  #decode(field: TextField, length: number): string {
    if (length > field.bytes) throw tooLong(this.#path, field, length);
    const scratch = this.#scratch;
    if (length <= SHORT) {
      let all = 0;
      for (let i = 0; i < length; i++) all |= scratch[i]!;
      if (all < 0x80) return scratch.toString('latin1', 0, length);
    }
    if (!isUtf8(scratch.subarray(0, length)))
      throw damaged(this.#path, `its text '${field.path}' is not UTF-8`);
    return scratch.toString('utf8', 0, length);
  }
}

/** The lock on all texts of one attachment. */
class TextLock {
  readonly #lock: RobustLock;
  readonly #path: string;
  readonly #spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);
  /** This thread has the lock, or is about to get it or to give it back. */
  #inside = false;

  constructor(segment: Segment) {
    this.#lock = robustLockOf(segment, STRUCT.TEXT_LOCK);
    this.#path = segment.path;
  }

  /** Takes the lock. Whoever died with it has published its text or not: there is nothing to repair. */
  enter(): void {
    this.recover();
    for (let look = 0; look < LOOKS; look++) if (this.#seize() !== PENDING) return;
    const what = `'${this.#path}': somebody was writing a text all the time (is that process stopped?), so nothing was changed`;
    blockSync(this.#waiting, this.#spin, PATIENCE, what);
  }

  /** Gives it back. `sound`: nothing was left half done. */
  leave(sound: boolean): void {
    this.#lock.release(!sound);
    this.#inside = false;
  }

  readonly #waiting: Blocking<true> = {
    attempt: () => this.#seize(),
    arm: () => this.#arm(),
  };

  #seize(): true | typeof PENDING {
    this.#inside = true;
    if (this.#lock.seize() !== PENDING) return true;
    this.#inside = false;
    return PENDING;
  }

  /**
   * Nothing that runs with the lock runs code of others, so that it comes to its end; unless the script is broken off, by
   * the timeout of `vm` or Ctrl-C in the REPL, which skip every `finally`.
   */
  recover(): void {
    if (!this.#inside) return;
    this.#inside = false;
    if (this.#lock.heldHere) this.#lock.release(true);
  }

  #arm(): WaitPoint | undefined {
    const point = this.#lock.arm();
    if (point === ELSEWHERE)
      throw damaged(this.#path, 'the lock word of its texts names this process, which does not hold it');
    return point;
  }
}

/** One for each attachment: all its handles are one thread. */
const textLockOf = onePer((segment: Segment) => new TextLock(segment));
