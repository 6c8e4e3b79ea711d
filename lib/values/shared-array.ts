/** A fixed-length TypedArray on shared pages, under a name. */

import { damaged, invalidType, MismatchError, outOfRange } from '../errors.js';
import type { Facts } from '../memory/console-form.js';
import { MOST_SHOWN, registerDescriber } from '../memory/directory.js';
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
  checkInteger,
  checkObjectName,
  checkOptions,
  OPEN_KEYS,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import { type Cells, makeCells, privateCopy } from './cells.js';
import {
  checkElementType,
  type ElementInput,
  type ElementOf,
  type ElementType,
  type ElementTypeName,
  isElementTypeName,
  type NumericType,
  STORAGE,
  type ViewOf,
} from './element-types.js';
import { WATCH, WATCH_WORDS_BYTES } from './watch-layout.js';
import { WatchedObject, watchedActivity } from './watched-object.js';

interface ArrayShape {
  readonly type: ElementTypeName;
  readonly length: number;
  readonly values?: readonly unknown[];
}

const MAX_LENGTH = 2 ** 40;

const ARRAY: ObjectType<ArrayShape> = {
  kind: 'array',
  wordsBytes: () => WATCH_WORDS_BYTES,
  ownerWords: () => [WATCH.LOCK],
  payload: ({ type, length }) => ({ bytes: length * STORAGE[type].bytes, mirrored: false }),
  schema: ({ type, length }) => ({ type, length }),
  initialise({ type, length, values }, _words, payload) {
    if (values === undefined) return;
    const cells = makeCells(type, payload, length);
    values.forEach((value, index) => {
      cells.store(index, value);
    });
  },
  parse(schema, header: Header, path) {
    const { type, length } = schema;
    if (!isElementTypeName(type)) throw damaged(path, 'its schema names no element type');
    if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0)
      throw damaged(path, 'its schema has no length');
    const bytes = length * STORAGE[type].bytes;
    if (header.payloadBytes < bytes || header.wordsBytes < WATCH_WORDS_BYTES) {
      throw damaged(path, `${length} elements of type '${type}' do not fit its ${header.payloadBytes} bytes`);
    }
    return { type, length };
  },
};

/** How many elements a look from outside shows. */
const SHOWN = 16;

registerDescriber(
  'array',
  ({ header, payload, owner, limit = SHOWN }) => {
    const { type, length } = ARRAY.parse(header.schema, header, 'the object');
    const shown = Math.min(length, limit, MOST_SHOWN / STORAGE[type].bytes);
    const cells = makeCells(type, privateCopy(payload(0, shown * STORAGE[type].bytes)), shown);
    const elements = Array.from({ length: shown }, (_, index) => cells.load(index));
    return { elements, more: length - shown, holder: owner(WATCH.LOCK) };
  },
  watchedActivity,
);

/**
 * An array of numbers in shared memory, under a name. {@link view} is the TypedArray itself on the shared pages: reading
 * and writing it costs what an ordinary TypedArray costs. The methods do the same atomically and wake those who wait.
 *
 * ```js
 * const { SharedArray, unlink } = require('isthmus');
 * const totals = SharedArray.open('example-totals', 'f64', 3);
 * totals.view[0] = 1.5;   // a plain store: fast, wakes nobody
 * totals.add(1, 2.5);     // atomic: loses nothing, wakes waiters
 * console.log([...totals]);
 * totals.close();
 * unlink('example-totals');
 * ```
 *
 * Elements are independent: the death of a process leaves each one as its last completed store left it.
 */
export class SharedArray<E extends ElementType = ElementType>
  extends WatchedObject
  implements Iterable<ElementOf<E>>
{
  readonly #type: ElementTypeName;
  readonly #length: number;
  readonly #cells: Cells<ElementOf<E>>;

  private constructor(segment: Segment, shape: ArrayShape) {
    super(segment);
    this.#type = shape.type;
    this.#length = shape.length;
    this.#cells = makeCells(shape.type, segment.payload, shape.length) as Cells<ElementOf<E>>;
  }

  /**
   * Makes a new array.
   *
   * @param type an element type (`'i32'`, `'f64'`, …) or one of Python's typecodes
   * @param lengthOrValues how many elements (zeroed), or any iterable of first values, all checked before anything is made
   * @throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full; TypeError or RangeError for bad arguments
   */
  static create<E extends ElementType>(
    name: string,
    type: E,
    lengthOrValues: number | Iterable<ElementInput<E>>,
    options?: CreateOptions,
  ): SharedArray<E> {
    const bare = checkObjectName(name);
    const shape = checkShape(type, lengthOrValues);
    return new SharedArray<E>(createSegment(bare, ARRAY, shape, checkOptions(options, CREATE_KEYS)), shape);
  }

  /**
   * Attaches to an array that exists; its type and length come from the object.
   *
   * @throws SystemError `ENOENT` if there is none; MismatchError, ForeignError, CorruptError for what is no array of ours
   */
  static attach<E extends ElementType = ElementType>(name: string, options?: AttachOptions): SharedArray<E> {
    const bare = checkObjectName(name);
    const { segment, shape } = attachSegment(bare, ARRAY, checkOptions(options, ATTACH_KEYS));
    return new SharedArray<E>(segment, shape);
  }

  /**
   * Attaches if the name exists (type and length must agree), creates it otherwise; without a race. First values matter
   * only when the call creates. Throws as `create` and `attach` do.
   */
  static open<E extends ElementType>(
    name: string,
    type: E,
    lengthOrValues: number | Iterable<ElementInput<E>>,
    options?: CreateOptions & AttachOptions,
  ): SharedArray<E> {
    const bare = checkObjectName(name);
    const wanted = checkShape(type, lengthOrValues);
    const agree = (shape: ArrayShape): void => {
      if (shape.type === wanted.type && shape.length === wanted.length) return;
      throw new MismatchError(
        `'/${bare}' is an array of ${shape.length} elements of type '${shape.type}', not ${wanted.length} of type '${wanted.type}'; ` +
          'open it as that, attach() to take it as it is, or unlink it first',
      );
    };
    const { segment, shape } = openSegment(
      bare,
      ARRAY,
      checkOptions(options, OPEN_KEYS),
      agree,
      () => wanted,
    );
    return new SharedArray<E>(segment, shape);
  }

  /** The element type. */
  get type(): ElementTypeName {
    return this.#type;
  }

  /** How many elements; it never changes. */
  get length(): number {
    return this.#length;
  }

  /**
   * The TypedArray on the shared pages (`bool` is a Uint8Array). Plain reads and writes: not ordered against other
   * processes, and a write wakes nobody. Empty (length 0) once this environment's last handle is closed.
   */
  get view(): ViewOf<E> {
    this.check();
    return this.#cells.view as unknown as ViewOf<E>;
  }

  /** @internal */
  protected override facts(): Facts {
    return { type: () => this.#type, view: () => this.view };
  }

  /** The element, read atomically; negative indexes count from the end; `undefined` outside, as `Array.at`. */
  at(index: number): ElementOf<E> | undefined {
    this.check();
    const whole = checkInteger('index', index, -MAX_LENGTH, MAX_LENGTH);
    const place = whole < 0 ? whole + this.#length : whole;
    return place >= 0 && place < this.#length ? this.#cells.load(place) : undefined;
  }

  /** Stores an element atomically and wakes waiters. Negative indexes count from the end; outside is a RangeError. */
  set(index: number, value: ElementInput<E>): void {
    this.check();
    const place = this.#place(index);
    this.#cells.store(place, this.#cells.check(value));
    this.watch.changed();
  }

  /** Adds to an element and returns its previous value; a result that does not fit is a RangeError and changes nothing. */
  add(this: SharedArray<E & NumericType>, index: number, amount: ElementInput<E>): ElementOf<E> {
    return this.#add(index, amount, 1) as ElementOf<E>;
  }

  /** Subtracts from an element and returns its previous value; as {@link add}. */
  sub(this: SharedArray<E & NumericType>, index: number, amount: ElementInput<E>): ElementOf<E> {
    return this.#add(index, amount, -1) as ElementOf<E>;
  }

  /** Stores an element and returns its previous value. */
  exchange(index: number, value: ElementInput<E>): ElementOf<E> {
    this.check();
    const before = this.#cells.exchange(this.#place(index), this.#cells.check(value));
    this.watch.changed();
    return before;
  }

  /** Stores `value` if the element is `expected` (by `Object.is`, after rounding to the type); returns what it was. */
  compareExchange(index: number, expected: ElementInput<E>, value: ElementInput<E>): ElementOf<E> {
    this.check();
    const wanted = this.#cells.check(expected);
    const before = this.#cells.compareExchange(this.#place(index), wanted, this.#cells.check(value));
    if (Object.is(before, wanted)) this.watch.changed();
    return before;
  }

  /**
   * Resolves with the element once `predicate` returns true for it (at once if it does now). Woken by the atomic methods
   * of any process; plain writes through {@link view} are noticed within a second. Rejects as `Value.waitFor` does.
   */
  async waitFor(
    index: number,
    predicate: (value: ElementOf<E>) => boolean,
    wait?: WaitOptions,
  ): Promise<ElementOf<E>> {
    this.check();
    const place = this.#place(index);
    checkFunction('predicate', predicate);
    return this.watch.wait(
      () => this.#cells.load(place),
      predicate,
      wait,
      `'${this.name}': element ${place} was not as awaited`,
    );
  }

  /** As {@link waitFor}, but blocks this thread. */
  waitForSync(
    index: number,
    predicate: (value: ElementOf<E>) => boolean,
    wait?: SyncWaitOptions,
  ): ElementOf<E> {
    this.check();
    const place = this.#place(index);
    checkFunction('predicate', predicate);
    return this.watch.waitSync(
      () => this.#cells.load(place),
      predicate,
      wait,
      `'${this.name}': element ${place} was not as awaited`,
    );
  }

  /** The elements from first to last, each read atomically when its turn comes. */
  *[Symbol.iterator](): Generator<ElementOf<E>, void, undefined> {
    for (let index = 0; index < this.#length; index++) {
      this.check();
      yield this.#cells.load(index);
    }
  }

  #place(index: number): number {
    if (typeof index !== 'number') throw invalidType('index', 'a whole number', index);
    const place = index < 0 ? index + this.#length : index;
    if (Number.isInteger(place) && place >= 0 && place < this.#length) return place;
    throw outOfRange('index', `a whole number from ${-this.#length} to ${this.#length - 1}`, index);
  }

  #add(index: number, amount: unknown, sign: 1 | -1): ElementOf<E> {
    this.check();
    const before = this.#cells.add(this.#place(index), amount, sign);
    this.watch.changed();
    return before;
  }
}

function checkShape(type: ElementType, lengthOrValues: unknown): ArrayShape {
  const name = checkElementType(type);
  if (typeof lengthOrValues === 'number')
    return { type: name, length: checkInteger('length', lengthOrValues, 0, MAX_LENGTH) };
  const iterable = lengthOrValues as Iterable<unknown> | null | undefined;
  if (typeof iterable?.[Symbol.iterator] !== 'function') {
    throw invalidType('lengthOrValues', 'a length or an iterable of first values', lengthOrValues);
  }
  const cells = makeCells(name, new ArrayBuffer(0), 0);
  const values = Array.from(iterable, (value) => cells.check(value));
  return { type: name, length: values.length, values };
}
