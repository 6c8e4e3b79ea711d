/** Reading a store from outside, without mapping it: words and bytes by `pread`, every reference checked before it is followed. */

import { CorruptError } from '../errors.js';
import type { Looked } from '../memory/directory.js';
import { show } from '../messages/showing.js';
import { ROOT, ROOT_BYTES, SEQUENCE_WORDS, SIZE_SHIFT, STORE } from './store-layout.js';
import { readValue } from './store-values.js';

/** So often a part that is being changed is looked at again. */
const LOOKS = 8;

export class StoreLook {
  readonly #object: Looked;
  readonly #roots: Buffer;
  readonly #heap: number;
  readonly #end: number;

  /** @param heap where the heap begins, in bytes */
  constructor(object: Looked, heap: number) {
    this.#object = object;
    this.#roots = object.payload(0, ROOT_BYTES);
    this.#heap = heap;
    this.#end = Math.min(this.root(ROOT.HEAP_END) * 4, object.header.payloadBytes);
  }

  corrupt(what: string): CorruptError {
    return new CorruptError(`the object is damaged: ${what}`);
  }

  /** A word at a fixed place, as it was when this look began: within `atOneMoment`, take a new one. */
  root(index: number): number {
    return this.#roots.readUInt32LE(4 * index);
  }

  /** Whether so many bytes from a word on lie within the heap. */
  has(word: number, bytes: number): boolean {
    return word * 4 >= this.#heap && word * 4 + bytes <= this.#end;
  }

  /** So many bytes of the heap from a word on; refused outside it. */
  bytes(word: number, bytes: number): Buffer {
    const at = word * 4;
    if (!this.has(word, bytes))
      throw this.corrupt(`it refers to ${bytes} bytes at word ${word}, outside its heap`);
    return this.#object.payload(at, bytes);
  }

  word(index: number): number {
    return this.bytes(index, 4).readUInt32LE();
  }

  /** Checks that a block at `ref`, whose first word is given, has so many bytes. */
  checkBlock(ref: number, head: number, bytes: number): void {
    if ((ref & 1) !== 0 || (head >>> SIZE_SHIFT) * 8 < bytes)
      throw this.corrupt(`the block at word ${ref} is smaller than what is said to be in it`);
  }

  /** A value, decoded: `length` bytes from byte `at` of the payload on, which lie within a checked block. */
  value(type: number, length: number, word: number, skip: number): unknown {
    const copy = (): Buffer => this.bytes(word, skip + length).subarray(skip);
    return show(this.#object.header.schema['codec'], type, length, copy, (codec, bytes) =>
      readValue('the object', codec, type, bytes, length),
    );
  }

  /**
   * Reads at one moment, as far as changes of this part go: again if it was changed meanwhile. `undefined`: it is being
   * changed all the time, or whoever changed it died half-way.
   */
  atOneMoment<R>(part: number, read: () => R): R | undefined {
    const index = STORE.SEQUENCES + part * SEQUENCE_WORDS;
    for (let look = 0; look < LOOKS; look++) {
      const begun = this.#object.word(index);
      if ((begun & 1) !== 0) continue;
      let result: { value: R } | { error: unknown };
      try {
        result = { value: read() };
      } catch (error) {
        result = { error };
      }
      if (this.#object.word(index) !== begun) continue;
      if ('error' in result) throw result.error;
      return result.value;
    }
    return undefined;
  }
}
