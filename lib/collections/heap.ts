/**
 * Blocks of memory inside a segment, of any size: allocated and freed in bounded time, joined with their free neighbours.
 * Called by who holds the lock, within a change: every word is noted in the undo log before it is touched.
 *
 * Source: TLSF (M. Masmano, I. Ripoll, A. Crespo, J. Real, ECRTS 2004): free blocks of similar size form a list; two levels
 * of bitmaps find one that fits. A block that is free tells its neighbours so (Knuth's boundary tags).
 */

import { type CorruptError, damaged } from '../errors.js';
import {
  AFTER_FREE,
  BLOCK,
  FREE,
  HEAP_COLUMNS,
  HEAP_ROWS,
  LEAST_UNITS,
  PAGE_BYTES,
  ROOT,
  SIZE_SHIFT,
  UNIT_WORDS,
} from './store-layout.js';
import type { UndoLog } from './undo-log.js';

/** The heap grows by an eighth of itself, but by no less and no more than this. */
const LEAST_STEP = 16 * PAGE_BYTES;
const MOST_STEP = 2 ** 24;
/** The mark at the heap's end: a block of no size that is in use. */
const END_WORDS = UNIT_WORDS;
/** So many blocks that may be too small are looked at before the heap grows or is full. */
const LOOKS = 16;

/** The row and column of the free lists for a size: powers of two, each in 16 steps; row 0: exact sizes. */
function listOf(units: number): number {
  if (units < HEAP_COLUMNS) return units;
  const power = 31 - Math.clz32(units);
  return (power - 3) * HEAP_COLUMNS + ((units >>> (power - 4)) & (HEAP_COLUMNS - 1));
}

export class Heap {
  readonly #path: string;
  readonly #memory: Int32Array;
  readonly #log: UndoLog;
  readonly #reserve: (offset: number, bytes: number) => void;
  /** The first block, and the furthest end, as word indexes. */
  readonly start: number;
  readonly #most: number;
  /** Why it could not grow when it last tried; undefined: it has reached its limit. */
  refusal: unknown;

  constructor(
    path: string,
    memory: Int32Array,
    log: UndoLog,
    start: number,
    reserve: (offset: number, bytes: number) => void,
  ) {
    this.#path = path;
    this.#memory = memory;
    this.#log = log;
    this.start = start;
    this.#most = memory.length;
    this.#reserve = reserve;
  }

  /** The end of what has pages, as a word index; checked. */
  get end(): number {
    const end = this.#memory[ROOT.HEAP_END]!;
    if (end > this.start && end <= this.#most && (end & 1) === 0) return end;
    throw this.corrupt('its heap ends nowhere');
  }

  /** Bytes in blocks that are in use. */
  get usedBytes(): number {
    return this.#memory[ROOT.HEAP_USED]! * 4;
  }

  /** Bytes that are backed by pages. */
  get bytes(): number {
    return (this.end - this.start) * 4;
  }

  corrupt(what: string): CorruptError {
    return damaged(this.#path, what);
  }

  /** A reference read from shared memory, checked. */
  check(ref: number): number {
    if (ref >= this.start && ref < this.#most && (ref & 1) === 0) return ref;
    throw this.corrupt(`it refers to a block at word ${ref}`);
  }

  /** The size of a block, in units; checked: it ends within the heap. */
  #units(ref: number): number {
    const units = this.#memory[ref]! >>> SIZE_SHIFT;
    if (units >= LEAST_UNITS && ref + units * UNIT_WORDS <= this.#most) return units;
    throw this.corrupt(`a block says that it has ${units * 8} bytes`);
  }

  /** How many words a block in use has, its first one included. */
  wordsOf(ref: number): number {
    return this.#units(ref) * UNIT_WORDS;
  }

  /**
   * A block of at least so many words, the first of which is the heap's own. What is in it is undefined; nobody else sees
   * it, so that it may be filled without a note.
   *
   * @returns 0 if there is none: `refusal` says why
   */
  allocate(words: number): number {
    const units = Math.max(LEAST_UNITS, Math.ceil(words / UNIT_WORDS));
    let ref = this.#find(units);
    if (ref === 0) {
      if (!this.#grow(units)) return 0;
      ref = this.#find(units);
      if (ref === 0) return 0;
    }
    const memory = this.#memory;
    const has = this.#units(ref);
    this.#unlink(ref, has);
    const after = ref + has * UNIT_WORDS;
    this.#log.save(ref, 3); // its links: the caller writes over them
    this.#log.save(after - 1, 1); // its own reference at its end, too
    const rest = has - units;
    let taken = units;
    if (rest >= LEAST_UNITS) {
      this.#link(ref + units * UNIT_WORDS, rest);
    } else {
      taken = has;
      this.#log.write(after, memory[after]! & ~AFTER_FREE);
    }
    memory[ref] = taken << SIZE_SHIFT; // the block before a free one is in use
    this.#log.write(ROOT.HEAP_USED, memory[ROOT.HEAP_USED]! + taken * UNIT_WORDS);
    return ref;
  }

  /**
   * Frees a block. Within one change nothing may be allocated after the first block was freed: what was in it would be
   * gone, and could not be put back.
   */
  free(ref: number): void {
    const memory = this.#memory;
    let first = this.check(ref);
    const head = memory[first]!;
    let units = this.#units(first);
    if ((head & FREE) !== 0) throw this.corrupt(`the block at word ${ref} is free already`);
    this.#log.write(ROOT.HEAP_USED, memory[ROOT.HEAP_USED]! - units * UNIT_WORDS);
    const next = first + units * UNIT_WORDS;
    if ((memory[next]! & FREE) !== 0) {
      const more = this.#units(next);
      this.#unlink(next, more);
      units += more;
    } else {
      this.#log.write(next, memory[next]! | AFTER_FREE);
    }
    if ((head & AFTER_FREE) !== 0) {
      const more = this.#freeBefore(first);
      const before = memory[first - 1]!;
      this.#unlink(before, more);
      first = before;
      units += more;
    }
    this.#log.save(first, 3);
    this.#log.save(first + units * UNIT_WORDS - 1, 1);
    this.#link(first, units);
  }

  /** A free block that is large enough; 0 if there is none. */
  #find(units: number): number {
    const memory = this.#memory;
    // Rounded up, so that whatever is in the list fits.
    const power = 31 - Math.clz32(units);
    const list = listOf(units < HEAP_COLUMNS ? units : units + (1 << (power - 4)) - 1);
    let row = list >>> 4;
    if (row < HEAP_ROWS) {
      let columns = memory[ROOT.FREE_COLUMNS + row]! & (-1 << (list & 15));
      if (columns === 0) {
        const rows = memory[ROOT.FREE_ROWS]! & (-2 << row);
        if (rows !== 0) {
          row = 31 - Math.clz32(rows & -rows);
          columns = memory[ROOT.FREE_COLUMNS + row]!;
        }
      }
      if (columns !== 0) {
        const column = 31 - Math.clz32(columns & -columns);
        const ref = this.check(memory[ROOT.FREE_LISTS + row * HEAP_COLUMNS + column]!);
        if (this.#units(ref) < units) throw this.corrupt('a free block is in the wrong list');
        return ref;
      }
    }
    // One of the same size as what is wanted may be large enough.
    let ref = memory[ROOT.FREE_LISTS + listOf(units)]!;
    for (let look = 0; ref !== 0 && look < LOOKS; look++) {
      if (this.#units(this.check(ref)) >= units) return ref;
      ref = memory[ref + BLOCK.NEXT]!;
    }
    return 0;
  }

  /** Makes `units` from `ref` on a free block. Its first three words and its last one are noted, or nobody's. */
  #link(ref: number, units: number): void {
    const memory = this.#memory;
    const log = this.#log;
    const list = listOf(units);
    const head = ROOT.FREE_LISTS + list;
    const first = memory[head]!;
    memory[ref] = (units << SIZE_SHIFT) | FREE;
    memory[ref + BLOCK.NEXT] = first;
    memory[ref + BLOCK.PREVIOUS] = 0;
    memory[ref + units * UNIT_WORDS - 1] = ref;
    if (first !== 0) log.write(this.check(first) + BLOCK.PREVIOUS, ref);
    log.write(head, ref);
    if (first !== 0) return;
    const row = list >>> 4;
    const columns = memory[ROOT.FREE_COLUMNS + row]!;
    log.write(ROOT.FREE_COLUMNS + row, columns | (1 << (list & 15)));
    if (columns === 0) log.write(ROOT.FREE_ROWS, memory[ROOT.FREE_ROWS]! | (1 << row));
  }

  #unlink(ref: number, units: number): void {
    const memory = this.#memory;
    const log = this.#log;
    const next = memory[ref + BLOCK.NEXT]!;
    const previous = memory[ref + BLOCK.PREVIOUS]!;
    const list = listOf(units);
    if (next !== 0) log.write(this.check(next) + BLOCK.PREVIOUS, previous);
    if (previous !== 0) {
      log.write(this.check(previous) + BLOCK.NEXT, next);
      return;
    }
    if (memory[ROOT.FREE_LISTS + list] !== ref) throw this.corrupt('a free block is in no list');
    log.write(ROOT.FREE_LISTS + list, next);
    if (next !== 0) return;
    const row = list >>> 4;
    const columns = memory[ROOT.FREE_COLUMNS + row]! & ~(1 << (list & 15));
    log.write(ROOT.FREE_COLUMNS + row, columns);
    if (columns === 0) log.write(ROOT.FREE_ROWS, memory[ROOT.FREE_ROWS]! & ~(1 << row));
  }

  /** The size of the free block that ends before a word, in units; its reference is the word before that. */
  #freeBefore(end: number): number {
    const ref = this.check(this.#memory[end - 1]!);
    const units = this.#units(ref);
    if (ref + units * UNIT_WORDS === end && (this.#memory[ref]! & FREE) !== 0) return units;
    throw this.corrupt('a free block does not end where it says');
  }

  /** Adds pages at the end, for a block of so many units at least. */
  #grow(units: number): boolean {
    const memory = this.#memory;
    const { end } = this;
    const needed = (units * UNIT_WORDS + END_WORDS) * 4;
    const step = Math.min(Math.max(LEAST_STEP, ((end - this.start) * 4) >>> 3), MOST_STEP);
    const wanted = Math.ceil(Math.max(needed, step) / PAGE_BYTES) * PAGE_BYTES;
    const bytes = Math.min(wanted, (this.#most - end) * 4);
    this.refusal = undefined;
    // The last block may be free: then less would do.
    const tail = end - END_WORDS;
    const before = (memory[tail]! & AFTER_FREE) !== 0 ? this.#freeBefore(tail) : 0;
    if (bytes <= 0 || bytes + before * UNIT_WORDS * 4 < units * UNIT_WORDS * 4) return false;
    try {
      this.#reserve(end * 4, bytes);
    } catch (error) {
      this.refusal = error;
      return false;
    }
    this.#log.write(ROOT.HEAP_END, end + bytes / 4);
    memory[end + bytes / 4 - END_WORDS] = AFTER_FREE; // beyond the old end: nobody's
    memory[end + bytes / 4 - 1] = 0;
    this.#log.save(tail - 1, END_WORDS + 1); // with the reference at the end of the last block, if it is free
    let first = tail;
    let all = bytes / 4 / UNIT_WORDS;
    if (before > 0) {
      first = memory[tail - 1]!;
      this.#unlink(first, before);
      this.#log.save(first, 3);
      all += before;
    }
    this.#link(first, all);
    return true;
  }

  /**
   * Empties the heap: all of it is free again, and no reference is valid any more. Within a change, noted. A block of
   * `first` words may be allocated next, and nothing else.
   */
  reset(first: number): void {
    const log = this.#log;
    const { end } = this;
    log.save(ROOT.HEAP_USED, ROOT.FREE_LISTS + HEAP_ROWS * HEAP_COLUMNS - ROOT.HEAP_USED);
    log.save(this.start, first + UNIT_WORDS + 3); // and the head of the free block behind it
    log.save(end - END_WORDS - 1, 2);
    this.#fill(end);
  }

  /** A new heap, which nobody sees yet, up to `end`. */
  initialise(end: number): void {
    this.#memory[ROOT.HEAP_END] = end;
    this.#fill(end);
  }

  #fill(end: number): void {
    const memory = this.#memory;
    memory.fill(0, ROOT.HEAP_USED, ROOT.FREE_LISTS + HEAP_ROWS * HEAP_COLUMNS);
    const units = (end - END_WORDS - this.start) / UNIT_WORDS;
    const list = listOf(units);
    memory[this.start] = (units << SIZE_SHIFT) | FREE;
    memory[this.start + BLOCK.NEXT] = 0;
    memory[this.start + BLOCK.PREVIOUS] = 0;
    memory[end - END_WORDS - 1] = this.start;
    memory[end - END_WORDS] = AFTER_FREE;
    memory[ROOT.FREE_LISTS + list] = this.start;
    memory[ROOT.FREE_COLUMNS + (list >>> 4)] = 1 << (list & 15);
    memory[ROOT.FREE_ROWS] = 1 << (list >>> 4);
  }

  /** The block behind one; 0 at the end of the heap. `ref` is a block. */
  after(ref: number): number {
    const next = ref + this.#units(ref) * UNIT_WORDS;
    return next >= this.end - END_WORDS ? 0 : next;
  }

  isFree(ref: number): boolean {
    return (this.#memory[ref]! & FREE) !== 0;
  }
}
