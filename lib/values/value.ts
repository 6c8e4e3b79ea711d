/** One number (or boolean) that unrelated processes share, change atomically, and wait for. */

import { damaged, invalidType, MismatchError } from '../errors.js';
import type { Facts } from '../memory/console-form.js';
import { registerDescriber } from '../memory/directory.js';
import type { Header } from '../memory/header.js';
import {
  attachSegment,
  createSegment,
  type ObjectType,
  openSegment,
  type Segment,
} from '../memory/segment.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkFunction,
  checkObjectName,
  checkOptions,
  checkWait,
  OPEN_KEYS,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import { type Readiness, WAITABLE, type Waitable } from '../waiting/waitable.js';
import { type BitOperation, type Cells, makeCells, privateCopy } from './cells.js';
import {
  checkElementType,
  type ElementInput,
  type ElementOf,
  type ElementType,
  type ElementTypeName,
  type IntegerType,
  isElementTypeName,
  type NumericType,
} from './element-types.js';
import { WATCH, WATCH_WORDS_BYTES } from './watch-layout.js';
import { WatchedObject, watchedActivity } from './watched-object.js';

/** Options for making a {@link Value}. */
export interface ValueCreateOptions<E extends ElementType> extends CreateOptions {
  /** The first value; default 0 (or `false`). Used only by the call that creates the object. */
  initial?: ElementInput<E>;
}

interface ValueShape {
  readonly type: ElementTypeName;
  readonly initial?: unknown;
}

const PAYLOAD_BYTES = 8;

const VALUE: ObjectType<ValueShape> = {
  kind: 'value',
  wordsBytes: () => WATCH_WORDS_BYTES,
  ownerWords: () => [WATCH.LOCK],
  payload: () => ({ bytes: PAYLOAD_BYTES, mirrored: false }),
  schema: ({ type }) => ({ type }),
  initialise({ type, initial }, _words, payload) {
    if (initial === undefined) return;
    const cells = makeCells(type, payload, 1);
    cells.store(0, cells.check(initial));
  },
  parse(schema, header: Header, path) {
    const { type } = schema;
    if (!isElementTypeName(type)) throw damaged(path, 'its schema names no element type');
    if (header.payloadBytes < PAYLOAD_BYTES || header.wordsBytes < WATCH_WORDS_BYTES)
      throw damaged(path, 'it is too small for a Value');
    return { type };
  },
};

registerDescriber(
  'value',
  ({ header, payload, owner }) => {
    const { type } = VALUE.parse(header.schema, header, 'the object');
    const value = makeCells(type, privateCopy(payload(0, PAYLOAD_BYTES)), 1).load(0);
    return { value, holder: owner(WATCH.LOCK) };
  },
  watchedActivity,
);

/**
 * One number or boolean in shared memory, under a name. Reading and writing are atomic and take no lock; every method
 * that changes it wakes those who wait for a change, in whatever process.
 *
 * ```js
 * const { Value, unlink } = require('isthmus');
 * const visits = Value.open('example-visits', 'i32', { initial: 0 });
 * visits.add(1); // returns the previous value; loses nothing however many processes do the same
 * console.log(visits.value);
 * visits.close();
 * unlink('example-visits');
 * ```
 *
 * The death of another process changes nothing: every operation is one atomic instruction that happened or did not.
 */
export class Value<E extends ElementType = ElementType> extends WatchedObject implements Waitable {
  readonly #type: ElementTypeName;
  readonly #cells: Cells<ElementOf<E>>;

  private constructor(segment: Segment, shape: ValueShape) {
    super(segment);
    this.#type = shape.type;
    this.#cells = makeCells(shape.type, segment.payload, 1) as Cells<ElementOf<E>>;
  }

  /**
   * Makes a new value.
   *
   * @param type an element type (`'i32'`, `'f64'`, `'bool'`, …) or one of Python's typecodes
   * @throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full; TypeError or RangeError for bad arguments
   */
  static create<E extends ElementType>(name: string, type: E, options?: ValueCreateOptions<E>): Value<E> {
    const bare = checkObjectName(name);
    const shape = checkShape(type, checkOptions(options, [...CREATE_KEYS, 'initial']).initial);
    return new Value<E>(createSegment(bare, VALUE, shape, options ?? {}), shape);
  }

  /**
   * Attaches to a value that exists; its type comes from the object.
   *
   * @throws SystemError `ENOENT` if there is none; MismatchError, ForeignError, CorruptError for what is no Value of ours
   */
  static attach<E extends ElementType = ElementType>(name: string, options?: AttachOptions): Value<E> {
    const bare = checkObjectName(name);
    const { segment, shape } = attachSegment(bare, VALUE, checkOptions(options, ATTACH_KEYS));
    return new Value<E>(segment, shape);
  }

  /** Attaches if the name exists (its type must agree), creates it otherwise; without a race. Throws as both do. */
  static open<E extends ElementType>(
    name: string,
    type: E,
    options?: ValueCreateOptions<E> & AttachOptions,
  ): Value<E> {
    const bare = checkObjectName(name);
    const wanted = checkShape(type, checkOptions(options, [...OPEN_KEYS, 'initial']).initial);
    const agree = (shape: ValueShape): void => {
      if (shape.type === wanted.type) return;
      throw new MismatchError(
        `'/${bare}' is a Value of type '${shape.type}', not '${wanted.type}'; open it as that, or unlink it first`,
      );
    };
    const { segment, shape } = openSegment(bare, VALUE, options ?? {}, agree, () => wanted);
    return new Value<E>(segment, shape);
  }

  /** The element type. */
  get type(): ElementTypeName {
    return this.#type;
  }

  /** @internal */
  protected override facts(): Facts {
    return { type: () => this.#type, value: () => this.value };
  }

  /** The value now; assigning stores atomically. A value that does not fit throws, and the old one stays. */
  get value(): ElementOf<E> {
    this.check();
    return this.#cells.load(0);
  }

  set value(value: ElementInput<E>) {
    this.check();
    this.#cells.store(0, this.#cells.check(value));
    this.watch.changed();
  }

  /**
   * Adds `amount` and returns the previous value. A result that does not fit the type is a RangeError and changes
   * nothing; there is no silent wrap-around.
   */
  add(this: Value<E & NumericType>, amount: ElementInput<E>): ElementOf<E> {
    return this.#add(amount, 1) as ElementOf<E>;
  }

  /** Subtracts `amount` and returns the previous value; as {@link add}. */
  sub(this: Value<E & NumericType>, amount: ElementInput<E>): ElementOf<E> {
    return this.#add(amount, -1) as ElementOf<E>;
  }

  /** Bitwise AND; returns the previous value. Integer types only. */
  and(this: Value<E & IntegerType>, operand: ElementInput<E>): ElementOf<E> {
    return this.#bits('and', operand) as ElementOf<E>;
  }

  /** Bitwise OR; returns the previous value. Integer types only. */
  or(this: Value<E & IntegerType>, operand: ElementInput<E>): ElementOf<E> {
    return this.#bits('or', operand) as ElementOf<E>;
  }

  /** Bitwise XOR; returns the previous value. Integer types only. */
  xor(this: Value<E & IntegerType>, operand: ElementInput<E>): ElementOf<E> {
    return this.#bits('xor', operand) as ElementOf<E>;
  }

  /** Stores `value` and returns the previous one. */
  exchange(value: ElementInput<E>): ElementOf<E> {
    this.check();
    const before = this.#cells.exchange(0, this.#cells.check(value));
    this.watch.changed();
    return before;
  }

  /**
   * Stores `value` if the present one is `expected` (by `Object.is`, after rounding to the type). Returns the previous
   * value: it was stored exactly if that is `expected`.
   */
  compareExchange(expected: ElementInput<E>, value: ElementInput<E>): ElementOf<E> {
    this.check();
    const wanted = this.#cells.check(expected);
    const before = this.#cells.compareExchange(0, wanted, this.#cells.check(value));
    if (Object.is(before, wanted)) this.watch.changed();
    return before;
  }

  /**
   * Replaces the value with `fn(value)` and returns the new value. `fn` is synchronous and may run again when another
   * process was faster; it must have no other effects.
   */
  update(fn: (value: ElementOf<E>) => ElementInput<E>): ElementOf<E> {
    this.check();
    checkFunction('fn', fn);
    for (;;) {
      const before = this.#cells.load(0);
      const next: unknown = fn(before);
      if (next instanceof Promise)
        throw invalidType('the result of fn', 'a value, not a promise (fn must be synchronous)', next);
      const after = this.#cells.check(next);
      this.check(); // fn may have closed the handle
      if (!Object.is(this.#cells.compareExchange(0, before, after), before)) continue;
      this.watch.changed();
      return after;
    }
  }

  /**
   * Resolves with the first value seen for which `predicate` returns true (at once if it does now). Values that come
   * and go between two looks may be missed. The event loop runs on; the process stays alive while waiting.
   *
   * Rejects with TimeoutError, the signal's reason, ClosedError when this handle is closed, or what `predicate` throws.
   */
  async waitFor(predicate: (value: ElementOf<E>) => boolean, wait?: WaitOptions): Promise<ElementOf<E>> {
    this.check();
    checkFunction('predicate', predicate);
    return this.watch.wait(
      () => this.#cells.load(0),
      predicate,
      wait,
      `'${this.name}': the value was not as awaited`,
    );
  }

  /** As {@link waitFor}, but blocks this thread: spins briefly, then sleeps in the kernel. */
  waitForSync(predicate: (value: ElementOf<E>) => boolean, wait?: SyncWaitOptions): ElementOf<E> {
    this.check();
    checkFunction('predicate', predicate);
    return this.watch.waitSync(
      () => this.#cells.load(0),
      predicate,
      wait,
      `'${this.name}': the value was not as awaited`,
    );
  }

  /**
   * The new value after each change, starting with the first change from now on. A reader that is slower than the
   * writers sees the latest value, not every one. Ends when the signal aborts (throwing its reason) or with ClosedError.
   */
  async *changes(options?: { signal?: AbortSignal }): AsyncGenerator<ElementOf<E>, void, undefined> {
    this.check();
    const { signal } = checkWait(checkOptions(options, ['signal']) as WaitOptions);
    let last = this.#cells.load(0);
    for (;;) {
      last = await this.waitFor((value) => !Object.is(value, last), { signal });
      yield last;
    }
  }

  /** For waitAny: ready when the value is another one than now. */
  [WAITABLE](): Readiness {
    this.check();
    const before = this.#cells.load(0);
    return {
      keepsAlive: this.watch.keepsAlive,
      ready: () => {
        this.check();
        return !Object.is(this.#cells.load(0), before);
      },
      arm: () => this.watch.arm(),
      told: [this.closing],
    };
  }

  #add(amount: unknown, sign: 1 | -1): ElementOf<E> {
    this.check();
    const before = this.#cells.add(0, amount, sign);
    this.watch.changed();
    return before;
  }

  #bits(operation: BitOperation, operand: unknown): ElementOf<E> {
    this.check();
    const before = this.#cells.bits(0, operation, operand);
    this.watch.changed();
    return before;
  }
}

function checkShape(type: ElementType, initial: unknown): ValueShape {
  const name = checkElementType(type);
  if (initial !== undefined) makeCells(name, new ArrayBuffer(PAYLOAD_BYTES), 1).check(initial);
  return { type: name, initial };
}
