/** A list that processes share, under a name. */

import { invalidType, outOfRange } from '../errors.js';
import type { Facts } from '../memory/console-form.js';
import { registerDescriber } from '../memory/directory.js';
import { attachSegment, createSegment, openSegment, type Segment } from '../memory/segment.js';
import { closedError, SharedObject } from '../memory/shared-object.js';
import { codecFor } from '../messages/codec-agreement.js';
import type { InnerCodec } from '../messages/codecs.js';
import { keep, type Written } from '../messages/message.js';
import { type AttachOptions, checkFunction, checkObjectName, checkWait } from '../options.js';
import { Watch } from '../values/watch.js';
import { type ListCore, listCoreOf } from './list-core.js';
import { describeList, listActivity } from './list-description.js';
import { type Compare, sortedPositions } from './list-order.js';
import { clamp, type RawItem } from './list-reader.js';
import { LIST_TYPE, type ListAttachOptions, type ListCreateOptions } from './list-shape.js';
import { HELD } from './store.js';
import { STORE } from './store-layout.js';
import {
  agreeOnStore,
  checkStoreWish,
  type StoreShape,
  type StoreWish,
  storeShapeFor,
} from './store-shape.js';
import { readValue, writeValue } from './store-values.js';
import { refusePromise } from './users-code.js';

registerDescriber('list', describeList, listActivity);

/** Iteration copies up to so many values at a time. */
const CHUNK_MOST = 64;

/** Where so many values go and none stays, the whole memory is made new. */
const CLEAR_LEAST = 64;

/** What `stats()` gives. */
export interface ListStats {
  /** How many values there are. */
  readonly length: number;
  /** Bytes of values and of the references to them. */
  readonly usedBytes: number;
  /** Bytes of memory that the list has taken so far; it takes more as it needs it, and gives none back. */
  readonly reservedBytes: number;
  /** How many bytes it may take: its `maxBytes`. */
  readonly maxBytes: number;
}

/** Until when changes are told. */
export interface ListChangesOptions {
  /** Aborting rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * A list that unrelated processes share, with an Array's own methods. Values are numbers, bigints, strings and bytes as they
 * are, anything else through the codec: a copy, so that changing what `at` returned changes nothing in the list
 * (`update` does). There are no holes, and `undefined` is no value.
 *
 * ```js
 * const { SharedList, unlink } = require('isthmus');
 * const list = SharedList.open('example-list', { maxBytes: '16MB' });
 * list.push('a', { b: 1 }); // in as many processes at once as you like: none is lost
 * console.log(list.at(-1), list.length); // { b: 1 } 2
 * console.log(list.shift(), [...list]); // a [ { b: 1 } ]
 * list.close();
 * unlink('example-list');
 * ```
 *
 * Each call is atomic: others see all of it or nothing. Reading takes no lock and waits for nobody, unless the list is
 * changed all the time, or a process is stopped or killed in the microsecond of a change: then the reader takes the lock.
 * Changes take the lock; who is killed meanwhile leaves the old state or the new one, and the next one goes on from there.
 *
 * `push`, `pop`, `shift`, `unshift`, `at`, `set` take a time that does not depend on the length; `splice` moves the
 * references of the shorter side; `indexOf`, `slice`, `reverse`, `sort` look at all values they are about.
 *
 * Any call that changes the list throws, and has changed nothing then: FullError (`ERR_ISTHMUS_FULL`) if there is no room,
 * SystemError `ENOSPC` if /dev/shm is full, RangeError for a value that can never fit, TypeError for what cannot be a
 * value, TimeoutError (see `timeout`), DeadlockError from a function that is called with the lock held. Every call throws
 * ClosedError after `close()`, and CorruptError where the memory makes no sense.
 */
export class SharedList<T = unknown> extends SharedObject implements Iterable<T> {
  readonly #shape: StoreShape;
  readonly #core: ListCore;
  readonly #codec: InnerCodec;
  readonly #timeout: number;
  readonly #watch: Watch;

  private constructor(segment: Segment, shape: StoreShape, wish: StoreWish) {
    super(segment);
    this.#shape = shape;
    this.#core = listCoreOf(segment, shape);
    this.#codec = codecFor(shape, wish);
    this.#timeout = wish.timeout;
    this.#core.store.retain();
    this.#watch = new Watch(segment.words, STORE.CHANGED);
  }

  /**
   * Makes a new, empty list.
   *
   * @throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full; TypeError or RangeError for bad options
   */
  static create<T = unknown>(name: string, options?: ListCreateOptions<T>): SharedList<T> {
    const bare = checkObjectName(name);
    const wish = checkStoreWish(options as ListCreateOptions<never>, true, false);
    const shape = storeShapeFor(wish);
    return new SharedList<T>(createSegment(bare, LIST_TYPE, shape, wish.rest), shape, wish);
  }

  /** Attaches to a list that exists. Throws SystemError `ENOENT`, MismatchError, ForeignError, CorruptError. */
  static attach<T = unknown>(name: string, options?: ListAttachOptions<T>): SharedList<T> {
    const bare = checkObjectName(name);
    const wish = checkStoreWish(options as ListAttachOptions<never>, false, true);
    const { segment, shape } = attachSegment(bare, LIST_TYPE, wish.rest, (found) =>
      agreeOnStore(`/${bare}`, found, wish),
    );
    return new SharedList<T>(segment, shape, wish);
  }

  /** Attaches if the name exists (what the options say must agree), creates it otherwise; without a race. */
  static open<T = unknown>(name: string, options?: ListCreateOptions<T> & AttachOptions): SharedList<T> {
    const bare = checkObjectName(name);
    const wish = checkStoreWish(options as ListCreateOptions<never>, true, true);
    const { segment, shape } = openSegment(
      bare,
      LIST_TYPE,
      wish.rest,
      (found) => agreeOnStore(`/${bare}`, found, wish),
      () => storeShapeFor(wish),
    );
    return new SharedList<T>(segment, shape, wish);
  }

  // ---- reading

  /** How many values there are now. */
  get length(): number {
    this.check();
    return this.#core.reader.length(this.#timeout);
  }

  /** The value at an index, a whole number (negative: from the end); `undefined` if there is none. A copy. */
  at(index: number): T | undefined {
    this.check();
    const found = this.#core.reader.at(checkIndex('index', index), this.#timeout);
    return found === undefined ? undefined : this.#decode(found);
  }

  /** The values from `start` to before `end` (negative: from the end), all of one moment. Default: all. */
  slice(start = 0, end: number = Number.POSITIVE_INFINITY): T[] {
    this.check();
    checkIndex('start', start);
    checkIndex('end', end);
    return this.#core.reader.slice(start, end, this.#timeout).map((item) => this.#decode(item));
  }

  /** All values, of one moment. */
  toArray(): T[] {
    return this.slice();
  }

  /**
   * The index of a value, from `fromIndex` on (negative: from the end); -1: it is not there. Numbers, bigints, strings and
   * bytes are equal if they are the same; anything else if the codec makes the same bytes of it (of objects: the same
   * properties in the same order). Bytes are compared by their contents, unlike an Array's. NaN is nowhere, as in an Array.
   */
  indexOf(value: T, fromIndex = 0): number {
    return this.#find(value, fromIndex, 1, false);
  }

  /** As {@link indexOf}, backwards from `fromIndex` on. */
  lastIndexOf(value: T, fromIndex: number = Number.POSITIVE_INFINITY): number {
    return this.#find(value, fromIndex, -1, false);
  }

  /** Whether a value is there; as {@link indexOf}, but finds NaN. */
  includes(value: T, fromIndex = 0): boolean {
    return this.#find(value, fromIndex, 1, true) >= 0;
  }

  #find(value: T, fromIndex: number, step: 1 | -1, nan: boolean): number {
    this.check();
    checkIndex('fromIndex', fromIndex);
    if (value === undefined) return -1; // no list has it
    const written = writeValue(this.#codec, value);
    this.check(); // a codec may have closed the handle
    return this.#core.reader.find(written, fromIndex, step, nan, this.#timeout);
  }

  /**
   * Indexes and values. As an Array's: each step gives what is at the next index at that moment, until there is none. So
   * where others insert or remove values before that index meanwhile, some come twice, or not at all; each value is whole,
   * and nothing is locked between two steps. All values of one moment: {@link toArray}.
   */
  *entries(): IterableIterator<[number, T]> {
    let index = 0;
    let most = 2;
    for (;;) {
      this.check();
      const { items, moment } = this.#core.reader.chunk(index, most, this.#timeout);
      if (items.length === 0) return;
      let used = 0;
      for (const item of items) {
        if (used > 0 && !this.#core.reader.still(moment)) break;
        yield [index, this.#decode(item)];
        this.check();
        index++;
        used++;
      }
      // Copies that are out of date before their turn comes are in vain.
      most = used === items.length ? Math.min(2 * most, CHUNK_MOST) : 1;
    }
  }

  /** The values; as {@link entries}. */
  *values(): IterableIterator<T> {
    for (const [, value] of this.entries()) yield value;
  }

  /** As {@link values}. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.values();
  }

  /** The indexes; as {@link entries}. */
  *keys(): IterableIterator<number> {
    for (let index = 0; index < this.length; index++) yield index;
  }

  /** Calls `fn` for each value; as {@link entries}. */
  forEach(fn: (value: T, index: number, list: this) => void, thisArg?: unknown): void {
    checkFunction('fn', fn);
    for (const [index, value] of this.entries()) fn.call(thisArg, value, index, this);
  }

  // ---- changing

  /** Adds values at the end, in one step: all, or none. Returns the new length. */
  push(...values: T[]): number {
    const written = this.#write(values);
    return this.#change(() => {
      const { length } = this.#core;
      if (written.length > 0) this.#core.writer.splice(length, 0, written);
      return length + written.length;
    });
  }

  /** Adds values at the beginning, in one step: all, or none. Returns the new length. */
  unshift(...values: T[]): number {
    const written = this.#write(values);
    return this.#change(() => {
      const { length } = this.#core;
      if (written.length > 0) this.#core.writer.splice(0, 0, written);
      return length + written.length;
    });
  }

  /** Removes the last value and returns it; `undefined` if the list is empty. Of several that ask at once, one gets it. */
  pop(): T | undefined {
    return this.#take(-1);
  }

  /** Removes the first value and returns it; `undefined` if the list is empty. Of several that ask at once, one gets it. */
  shift(): T | undefined {
    return this.#take(0);
  }

  #take(index: 0 | -1): T | undefined {
    this.check();
    const { reader, writer, store } = this.#core;
    const taken = store.locked(this.#timeout, () => {
      const { length } = this.#core;
      if (length === 0) return undefined;
      const item = reader.at(index, HELD);
      writer.splice(index === 0 ? 0 : length - 1, 1, NOTHING);
      store.tell();
      return item;
    });
    return taken === undefined ? undefined : this.#decode(taken);
  }

  /** Changes the value at an index (negative: from the end). Throws a RangeError where there is none. */
  set(index: number, value: T): void {
    checkIndex('index', index);
    const [written] = this.#write([value]);
    this.#change(() => this.#core.writer.set(this.#position(index), written!));
  }

  /**
   * Changes a value in one step: others see the old one or the new one, and no change of theirs is lost. `fn` gets the value
   * at the index (negative: from the end) and returns the new one. It is called once, is synchronous, and must not change
   * this list. While it runs others can read, but not change the list.
   *
   * @returns the new value
   * @throws RangeError where there is no value, and what `fn` throws: nothing has changed then
   */
  update(index: number, fn: (value: T) => T): T {
    this.check();
    checkIndex('index', index);
    checkFunction('fn', fn);
    return this.#change(() => {
      const position = this.#position(index);
      const before = this.#core.reader.at(position, HELD)!;
      const { after, written } = this.#core.store.runUsers(() => {
        const result = fn(this.#decode(before));
        refusePromise(result);
        return { after: result, written: writeValue(this.#codec, result) };
      });
      this.check(); // it may have closed this handle
      this.#core.writer.set(position, written);
      return after;
    });
  }

  /**
   * Removes `deleteCount` values from `start` (negative: from the end) on, and puts others in their place, in one step.
   * Without `deleteCount`: all from `start` on.
   *
   * @returns the values that were removed
   */
  splice(start: number, deleteCount?: number): T[];
  splice(start: number, deleteCount: number, ...items: T[]): T[];
  splice(start: number, ...rest: [deleteCount?: number, ...items: T[]]): T[] {
    const [deleteCount, ...items] = rest as [number | undefined, ...T[]];
    checkIndex('start', start);
    const most = rest.length === 0 ? Number.POSITIVE_INFINITY : checkIndex('deleteCount', deleteCount);
    const written = this.#write(items);
    const removed = this.#change(() => {
      const { length } = this.#core;
      const from = clamp(start, length);
      const count = Math.min(Math.max(most, 0), length - from);
      const taken = this.#core.reader.slice(from, from + count, HELD);
      if (count > CLEAR_LEAST && count === length && written.length === 0) this.#core.writer.clear();
      else if (count > 0 || written.length > 0) this.#core.writer.splice(from, count, written);
      return taken;
    });
    return removed.map((item) => this.#decode(item));
  }

  /** Removes everything, at once. The memory stays with the list. */
  clear(): void {
    this.#change(() => this.#core.writer.clear());
  }

  /** Turns the order round, in one step. */
  reverse(): this {
    this.#change(() => this.#core.writer.reorder(this.#core.writer.references().reverse()));
    return this;
  }

  /**
   * Sorts, in one step, as an Array does: by `compare`, or in the order of the values as strings; equal ones stay in their
   * order. `compare` is synchronous and must not change this list. While it runs, in this process, others can read the old
   * order, but not change the list. All values are copied into this process for it.
   *
   * @throws what `compare` throws: nothing has changed then
   */
  sort(compare?: (a: T, b: T) => number): this {
    this.check();
    if (compare !== undefined) checkFunction('compare', compare);
    this.#change(() => {
      const items = this.#core.reader.slice(0, Number.POSITIVE_INFINITY, HELD);
      const order = this.#core.store.runUsers(() =>
        sortedPositions(
          items.map((item) => this.#decode(item)),
          compare as Compare<T> | undefined,
        ),
      );
      this.check(); // it may have closed this handle
      if (order.every((position, n) => position === n)) return;
      const refs = this.#core.writer.references();
      if (order.length !== refs.length)
        throw this.#core.store.heap.corrupt('its length changed with the lock held');
      this.#core.writer.reorder(Int32Array.from(order, (position) => refs[position]!));
    });
    return this;
  }

  // ---- news, size

  /**
   * Gives the length whenever something was changed, by whomever: `for await (const length of list.changes())`. Several
   * changes in a row may come as one. Rejects with the signal's reason, or ClosedError after `close()`.
   */
  changes(options?: ListChangesOptions): AsyncGenerator<number, void, undefined> {
    this.check();
    const { signal } = checkWait(options);
    const { store } = this.#core;
    let seen = store.sequences.begin(0); // now, not at the first next()
    const next = async function* (list: SharedList<T>): AsyncGenerator<number, void, undefined> {
      for (;;) {
        list.check();
        seen = await list.#watch.wait(
          () => {
            store.mend(); // who changed something may have died in the middle
            return store.sequences.begin(0);
          },
          (now) => now !== seen && (now & 1) === 0,
          { signal },
          `'${list.name}': no change`,
        );
        yield list.length;
      }
    };
    return next(this);
  }

  /** What the list holds. Two numbers may be of different moments. */
  stats(): ListStats {
    const { length } = this;
    const { heap } = this.#core.store;
    return {
      length,
      usedBytes: heap.usedBytes,
      reservedBytes: heap.bytes,
      maxBytes: this.#shape.maxBytes,
    };
  }

  /** The name of the codec. */
  get codec(): string {
    return this.#shape.codec;
  }

  /** How large it may become, in bytes. */
  get maxBytes(): number {
    return this.#shape.maxBytes;
  }

  /** Pending waits for changes keep the process alive (the default). */
  ref(): this {
    this.#watch.keepsAlive = true;
    return this;
  }

  /** Pending waits for changes do not keep the process alive. */
  unref(): this {
    this.#watch.keepsAlive = false;
    return this;
  }

  /** Runs a change with the lock, and tells those who wait for one. */
  #change<R>(work: () => R): R {
    this.check();
    const { store } = this.#core;
    return store.locked(this.#timeout, () => {
      const result = work();
      store.tell();
      return result;
    });
  }

  /** Values as bytes, before the lock is taken: a codec is code of others. */
  #write(values: readonly T[]): Written[] {
    this.check();
    if (values.length === 1) return [writeValue(this.#codec, values[0])];
    return values.map((value) => keep(writeValue(this.#codec, value)));
  }

  #decode(item: RawItem): T {
    if (typeof item === 'number') return item as T;
    return readValue(this.name, this.#codec, item.type, item.bytes, item.length) as T;
  }

  /** The position that an index means; the lock is held. */
  #position(index: number): number {
    const { length } = this.#core;
    const position = index < 0 ? index + length : index;
    if (position >= 0 && position < length) return position;
    throw outOfRange(
      'index',
      length === 0 ? 'none: the list is empty' : `a whole number from ${-length} to ${length - 1}`,
      index,
    );
  }

  /** @internal */
  protected override facts(): Facts {
    return {
      length: () => this.#core.reader.length(0),
      maxBytes: () => this.maxBytes,
      codec: () => this.codec,
    };
  }

  /** @internal */
  protected override onClose(): void {
    this.#watch.failAll(() => closedError(this.name));
    this.#core.store.leave();
  }
}

const NOTHING: readonly Written[] = [];

/** A whole number, or an infinite one: as far as it goes. */
function checkIndex(what: string, index: unknown): number {
  if (typeof index !== 'number') throw invalidType(what, 'a whole number', index);
  if (!Number.isInteger(index) && Math.abs(index) !== Number.POSITIVE_INFINITY)
    throw outOfRange(what, 'a whole number', index);
  return index;
}
