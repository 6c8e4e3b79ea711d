/** A record of named, typed fields on shared pages, under a name. */

import { invalidType, MismatchError, outOfRange } from '../errors.js';
import type { Facts } from '../memory/console-form.js';
import { attachSegment, createSegment, openSegment, type Segment } from '../memory/segment.js';
import { SharedObject } from '../memory/shared-object.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkObjectName,
  checkOptions,
  OPEN_KEYS,
} from '../options.js';
import { Lock } from '../sync/lock.js';
import type { BitOperation, Cells } from './cells.js';
import { STORAGE } from './element-types.js';
import { type CompiledFields, compiledFields } from './struct-access.js';
import { Fields, jsonOf, StructViews } from './struct-fields.js';
import { STRUCT } from './struct-layout.js';
import { STRUCT_TYPE, type StructPlan } from './struct-object.js';
import { allOf, checkShape, type Field, firstDifference, type Shape } from './struct-shape.js';
import { Texts } from './struct-text.js';
import type {
  StructCopy,
  StructFields,
  StructInputAt,
  StructIntegerPath,
  StructNumberPath,
  StructOutputAt,
  StructPath,
  StructShape,
  StructValues,
} from './struct-types.js';
import { AllCells, checkValues, store } from './struct-writes.js';

/** Options for making a {@link SharedStruct}. */
export interface StructCreateOptions<S extends StructShape> extends CreateOptions {
  /** First values, of as many fields as you like; the others begin as 0, `false` or `''`. Used only by the call that creates. */
  initial?: StructValues<S>;
}

/**
 * Named, typed fields in shared memory, under a name: numbers, booleans, texts, arrays, nested structs. {@link fields} has
 * them as properties, each of which reads or writes the shared pages. They lie as in a C struct, so that C, or Python's
 * `ctypes.Structure`, can describe them, too.
 *
 * ```js
 * const { SharedStruct, text, unlink } = require('isthmus');
 * const stats = SharedStruct.open('example-stats', {
 *   hits: 'u64',
 *   ratio: 'f64',
 *   label: text(32),
 *   samples: ['f32', 16],
 *   pos: { x: 'f64', y: 'f64' },
 * });
 * stats.fields.ratio = 0.5; //      a plain store, as to an element of a TypedArray
 * stats.fields.pos.x = 3;
 * stats.fields.label = 'idle'; //   never seen half written
 * stats.fields.samples[3] = 1.5; // a Float32Array on the shared pages
 * stats.add('hits', 1); //          atomic: returns the previous value, loses nothing
 * console.log(stats.snapshot().hits); // 1n
 * stats.close();
 * unlink('example-stats');
 * ```
 *
 * Each number and each text is whole at every moment, and so it is when a process dies: as its last completed store left
 * it. Several fields together are not: change them under {@link lock}, whose next holder is told when one died with it.
 *
 * @typeParam S the fields, as they are declared
 */
export class SharedStruct<const S extends StructShape = StructShape> extends SharedObject {
  readonly #shape: Shape;
  readonly #views: StructViews;
  readonly #texts: Texts;
  readonly #cells: AllCells;
  readonly #compiled: CompiledFields;
  readonly #fields: Fields;
  readonly #places = new Map<string, { readonly cells: Cells; readonly index: number }>();
  #lock: Lock | undefined;

  private constructor(segment: Segment, shape: Shape) {
    super(segment);
    this.#shape = shape;
    this.#cells = new AllCells(segment.payload);
    this.#views = new StructViews(segment.path, segment.payload, (writes) => this.#store(writes));
    this.#texts = new Texts(segment, this.#views);
    this.#views.texts = this.#texts;
    this.#compiled = compiledFields(shape);
    this.#fields = this.#compiled.make(this.#views);
  }

  /**
   * Makes a new struct. Does not block.
   *
   * @param fields names and types, in their order: an element type (`'u64'`, `'f64'`, `'bool'`, … or one of Python's
   *   typecodes), `[type, length]`, {@link text}, or an object of further fields. At most 1,024 fields, 16 levels, 1 GiB
   * @throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full; TypeError or RangeError for bad
   *   arguments, first values included, before anything is made
   */
  static create<const S extends StructShape>(
    name: string,
    fields: S,
    options?: StructCreateOptions<S>,
  ): SharedStruct<S> {
    const bare = checkObjectName(name);
    const plan = planOf(fields, checkOptions(options, [...CREATE_KEYS, 'initial']).initial);
    return new SharedStruct<S>(createSegment(bare, STRUCT_TYPE, plan, options ?? {}), plan.shape);
  }

  /**
   * Attaches to a struct that exists. Does not block.
   *
   * @param fields what it must have: the same names and types in the same order. Left out, the fields come from the object,
   *   and their types are loose
   * @throws SystemError `ENOENT` if there is none; MismatchError that names the first field that differs; MismatchError,
   *   ForeignError, CorruptError for what is no struct of ours
   */
  static attach<const S extends StructShape = StructShape>(
    name: string,
    fields?: S,
    options?: AttachOptions,
  ): SharedStruct<S> {
    const bare = checkObjectName(name);
    const wanted = fields === undefined ? undefined : checkShape(fields);
    const { segment, shape } = attachSegment(
      bare,
      STRUCT_TYPE,
      checkOptions(options, ATTACH_KEYS),
      (found) => wanted === undefined || agree(bare, found.shape, wanted),
    );
    return new SharedStruct<S>(segment, shape.shape);
  }

  /** Attaches if the name exists (the fields must agree), creates it otherwise; without a race. Throws as both do. */
  static open<const S extends StructShape>(
    name: string,
    fields: S,
    options?: StructCreateOptions<S> & AttachOptions,
  ): SharedStruct<S> {
    const bare = checkObjectName(name);
    const plan = planOf(fields, checkOptions(options, [...OPEN_KEYS, 'initial']).initial);
    const { segment, shape } = openSegment(
      bare,
      STRUCT_TYPE,
      options ?? {},
      (found) => agree(bare, found.shape, plan.shape),
      () => plan,
    );
    return new SharedStruct<S>(segment, shape.shape);
  }

  /**
   * The fields as properties, the same object every time.
   *
   * - Numbers and booleans: plain loads and stores, whole but not ordered against other processes; one that does not fit
   *   is a RangeError (TypeError if it is of the wrong type) and the old one stays. To count together use {@link add}; to
   *   tell others that something is complete, {@link exchange}, which they see with {@link load}.
   * - `text(n)`: a string that is never seen torn. Longer than n bytes of UTF-8: RangeError; lone surrogates: TypeError.
   *   Writers of texts exclude each other for a microsecond; if one was stopped in that very moment, another one waits,
   *   and after 10 s throws TimeoutError. If it was killed there, the old text stays and nobody waits.
   * - Arrays: the TypedArray on the shared pages. Assigning copies from an array of the same length.
   * - Nested structs: as this. Assigning assigns all of its fields, after checking them.
   *
   * Any access after {@link close} throws ClosedError; a kept array is empty once this environment's last handle is closed.
   */
  get fields(): StructFields<S> {
    this.check();
    return this.#fields as unknown as StructFields<S>;
  }

  /**
   * The struct's own lock, for changes that take more than one operation. It excludes only those who take it, too. It
   * survives a killed holder; see {@link Lock}. Closed with this handle.
   */
  get lock(): Lock {
    this.check();
    if (this.#lock === undefined || this.#lock.closed)
      this.#lock = new Lock(this.segment.retain(), STRUCT.LOCK);
    return this.#lock;
  }

  /**
   * Assigns some of the fields: all values are checked first, then stored one after the other. Hold {@link lock} if others
   * must not see some of them before the others.
   *
   * @throws TypeError or RangeError that names the field; then nothing has changed
   */
  assign(values: StructValues<S>): void {
    this.check();
    const writes = checkValues(this.#shape.fields, values, false, 'values');
    this.check(); // a getter of theirs may have closed the handle
    this.#store(writes);
  }

  /** A copy of all fields as a plain object: each is whole; for one moment's view of all of them hold {@link lock}. */
  snapshot(): StructCopy<S> {
    this.check();
    return Fields.copyOf(this.#fields) as StructCopy<S>;
  }

  /** As {@link snapshot}, for `JSON.stringify`: 64-bit integers as strings, arrays as arrays. */
  toJSON(): Record<string, unknown> {
    return jsonOf(this.snapshot());
  }

  /** The number or boolean at a dotted name (`'hits'`, `'pos.x'`), read atomically: in order with all atomic operations. */
  load<P extends StructPath<S>>(path: P): StructOutputAt<S, P> {
    const { cells, index } = this.#at(path);
    return cells.load(index) as StructOutputAt<S, P>;
  }

  /**
   * Adds to the number at a dotted name and returns the previous value. Atomic. A result that does not fit the type is a
   * RangeError and changes nothing.
   */
  add<P extends StructNumberPath<S>>(path: P, amount: StructInputAt<S, P>): StructOutputAt<S, P> {
    const { cells, index } = this.#at(path);
    return cells.add(index, amount, 1) as StructOutputAt<S, P>;
  }

  /** Subtracts from the number at a dotted name and returns the previous value; as {@link add}. */
  sub<P extends StructNumberPath<S>>(path: P, amount: StructInputAt<S, P>): StructOutputAt<S, P> {
    const { cells, index } = this.#at(path);
    return cells.add(index, amount, -1) as StructOutputAt<S, P>;
  }

  /** Bitwise AND; returns the previous value. Integer fields only. Atomic. */
  and<P extends StructIntegerPath<S>>(path: P, operand: StructInputAt<S, P>): StructOutputAt<S, P> {
    return this.#bits(path, 'and', operand) as StructOutputAt<S, P>;
  }

  /** Bitwise OR; returns the previous value. Integer fields only. Atomic. */
  or<P extends StructIntegerPath<S>>(path: P, operand: StructInputAt<S, P>): StructOutputAt<S, P> {
    return this.#bits(path, 'or', operand) as StructOutputAt<S, P>;
  }

  /** Bitwise XOR; returns the previous value. Integer fields only. Atomic. */
  xor<P extends StructIntegerPath<S>>(path: P, operand: StructInputAt<S, P>): StructOutputAt<S, P> {
    return this.#bits(path, 'xor', operand) as StructOutputAt<S, P>;
  }

  /** Stores a number or boolean and returns the previous value. Atomic. */
  exchange<P extends StructPath<S>>(path: P, value: StructInputAt<S, P>): StructOutputAt<S, P> {
    const { cells, index } = this.#at(path);
    return cells.exchange(index, cells.check(value)) as StructOutputAt<S, P>;
  }

  /**
   * Stores `value` if the field is `expected` (by `Object.is`, after rounding to the type). Returns the previous value: it
   * was stored exactly if that is `expected`. Atomic.
   */
  compareExchange<P extends StructPath<S>>(
    path: P,
    expected: StructInputAt<S, P>,
    value: StructInputAt<S, P>,
  ): StructOutputAt<S, P> {
    const { cells, index } = this.#at(path);
    return cells.compareExchange(index, cells.check(expected), cells.check(value)) as StructOutputAt<S, P>;
  }

  #bits(path: string, operation: BitOperation, operand: unknown): unknown {
    const { cells, index } = this.#at(path);
    return cells.bits(index, operation, operand);
  }

  /** Where the number at a dotted name is. */
  #at(path: string): { readonly cells: Cells; readonly index: number } {
    this.check();
    return this.#places.get(path) ?? this.#find(path);
  }

  #find(path: unknown): { readonly cells: Cells; readonly index: number } {
    if (typeof path !== 'string') throw invalidType('path', "a field's dotted name", path);
    const field = [...allOf(this.#shape.fields)].find((one) => one.path === path);
    if (field === undefined)
      throw outOfRange('path', "the dotted name of a number or boolean, such as 'pos.x'", path);
    if (field.kind !== 'number')
      throw invalidType(`the field '${path}'`, 'a number or a boolean', KINDS[field.kind]);
    const found = { cells: this.#cells.of(field.type), index: field.offset / STORAGE[field.type].bytes };
    this.#places.set(path, found);
    return found;
  }

  #store(writes: Parameters<typeof store>[0]): void {
    store(writes, this.#cells, (field, encoded) => this.#texts.write(field, encoded));
  }

  /** @internal */
  protected override facts(): Facts {
    return { fields: () => this.#shape.fields.map(({ name }) => name) };
  }

  /** @internal */
  protected override onClose(): void {
    this.#texts.close();
    this.#views.close();
    this.#compiled.forget(this.#views);
    this.#lock?.close();
  }
}

const KINDS: { readonly [Kind in Exclude<Field['kind'], 'number'>]: string } = {
  array: 'an array (its elements are in `fields`)',
  text: 'a text',
  struct: 'a nested struct',
};

function planOf(fields: StructShape, initial: unknown): StructPlan {
  const shape = checkShape(fields);
  return {
    shape,
    initial: initial === undefined ? [] : checkValues(shape.fields, initial, false, 'initial'),
  };
}

function agree(name: string, found: Shape, wanted: Shape): void {
  const difference = firstDifference(found.fields, wanted.fields);
  if (difference === undefined) return;
  throw new MismatchError(
    `'/${name}' is a struct of other fields: it has ${difference.found}, not ${difference.wanted}; ` +
      'open it with the same fields, attach() to take it as it is, or unlink it first',
  );
}
