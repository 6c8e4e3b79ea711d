/**
 * Atomic cells: a TypedArray on the shared pages and the operations on its elements, one class per family of types.
 * Everything is checked before anything is changed; every read-modify-write is a compare-exchange loop on the element
 * itself, so that processes that use the same element never lose an update.
 */

import { invalidType } from '../errors.js';
import {
  checkBig,
  checkBool,
  checkFloat,
  checkInt,
  type ElementTypeName,
  overflow,
  STORAGE,
} from './element-types.js';

/** Bit operations, by the name of the method. */
export type BitOperation = 'and' | 'or' | 'xor';

/** The operations on elements that all families share. `T` is what reading gives. */
export interface Cells<T = unknown> {
  readonly view: ArrayBufferView & { readonly length: number };
  /** Throws unless `value` can be stored; returns it as it will read. */
  check(value: unknown): T;
  load(index: number): T;
  /** `value` has been checked, here and below. */
  store(index: number, value: T): void;
  exchange(index: number, value: T): T;
  /** Stores `value` if the element is (`Object.is`) `expected`; returns what it was. */
  compareExchange(index: number, expected: T, value: T): T;
  /** Adds (sign 1) or subtracts (sign -1) an unchecked amount; returns what the element was. */
  add(index: number, amount: unknown, sign: 1 | -1): T;
  bits(index: number, operation: BitOperation, operand: unknown): T;
}

type IntView = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

class IntCells implements Cells<number> {
  private readonly amountName: string;
  /** The element that was added to last, and what it was then. */
  private latestIndex = -1;
  private latest = 0;

  constructor(
    readonly view: IntView,
    private readonly name: ElementTypeName,
    private readonly least: number,
    private readonly most: number,
  ) {
    this.amountName = `${name} (amount)`;
  }

  check(value: unknown): number {
    return checkInt(value, this.name, this.least, this.most);
  }
  load(index: number): number {
    return Atomics.load(this.view, index);
  }
  store(index: number, value: number): void {
    Atomics.store(this.view, index, value);
  }
  exchange(index: number, value: number): number {
    return Atomics.exchange(this.view, index, value);
  }
  compareExchange(index: number, expected: number, value: number): number {
    return Atomics.compareExchange(this.view, index, expected, value);
  }
  add(index: number, amount: unknown, sign: 1 | -1): number {
    // The amount may be larger than the type (-200 for a u8 that holds 250); the sum may not.
    const checked = checkInt(amount, this.amountName, -(2 ** 32), 2 ** 32);
    const delta = sign === 1 ? checked : -checked;
    const { view, least, most } = this;
    // What the latest sum left is mostly still there, and saves a load; where it is not, the exchange says what is.
    let guessed = index === this.latestIndex;
    let before = guessed ? this.latest : Atomics.load(view, index);
    for (;;) {
      const after = before + delta;
      if (after < least || after > most) {
        if (!guessed) throw overflow(this.name, least, most, after);
        guessed = false;
        before = Atomics.load(view, index);
        continue;
      }
      const found = Atomics.compareExchange(view, index, before, after);
      if (found === before) {
        this.latestIndex = index;
        this.latest = after;
        return before;
      }
      guessed = false;
      before = found;
    }
  }
  bits(index: number, operation: BitOperation, operand: unknown): number {
    return Atomics[operation](this.view, index, this.check(operand));
  }
}

class BigCells implements Cells<bigint> {
  constructor(
    readonly view: BigInt64Array | BigUint64Array,
    private readonly name: ElementTypeName,
    private readonly least: bigint,
    private readonly most: bigint,
  ) {}

  check(value: unknown): bigint {
    return checkBig(value, this.name, this.least, this.most);
  }
  load(index: number): bigint {
    return Atomics.load(this.view, index);
  }
  store(index: number, value: bigint): void {
    Atomics.store(this.view, index, value);
  }
  exchange(index: number, value: bigint): bigint {
    return Atomics.exchange(this.view, index, value);
  }
  compareExchange(index: number, expected: bigint, value: bigint): bigint {
    return Atomics.compareExchange(this.view, index, expected, value);
  }
  add(index: number, amount: unknown, sign: 1 | -1): bigint {
    const delta = BigInt(sign) * checkBig(amount, `${this.name}`, -(2n ** 64n), 2n ** 64n);
    for (;;) {
      const before = Atomics.load(this.view, index);
      const after = before + delta;
      if (after < this.least || after > this.most) throw overflow(this.name, this.least, this.most, after);
      if (Atomics.compareExchange(this.view, index, before, after) === before) return before;
    }
  }
  bits(index: number, operation: BitOperation, operand: unknown): bigint {
    return Atomics[operation](this.view, index, this.check(operand));
  }
}

/** Floats are exchanged as the integers that have their bits; one conversion buffer serves all, synchronously. */
const convert = new DataView(new ArrayBuffer(8));

class FloatCells implements Cells<number> {
  readonly #small: Int32Array | undefined;
  readonly #large: BigInt64Array | undefined;

  constructor(
    readonly view: Float32Array | Float64Array,
    private readonly name: ElementTypeName,
  ) {
    const { buffer, byteOffset, length } = view;
    if (view instanceof Float32Array) this.#small = new Int32Array(buffer, byteOffset, length);
    else this.#large = new BigInt64Array(buffer, byteOffset, length);
  }

  /** As it will read: rounded to the type. */
  check(value: unknown): number {
    const number = checkFloat(value, this.name);
    return this.#small === undefined ? number : Math.fround(number);
  }
  load(index: number): number {
    if (this.#small !== undefined) return float32(Atomics.load(this.#small, index));
    return float64(Atomics.load(this.#large!, index));
  }
  store(index: number, value: number): void {
    if (this.#small !== undefined) Atomics.store(this.#small, index, bits32(value));
    else Atomics.store(this.#large!, index, bits64(value));
  }
  exchange(index: number, value: number): number {
    if (this.#small !== undefined) return float32(Atomics.exchange(this.#small, index, bits32(value)));
    return float64(Atomics.exchange(this.#large!, index, bits64(value)));
  }
  compareExchange(index: number, expected: number, value: number): number {
    return this.#change(index, (before) => (Object.is(before, expected) ? value : undefined));
  }
  add(index: number, amount: unknown, sign: 1 | -1): number {
    const delta = sign * checkFloat(amount, this.name);
    return this.#change(index, (before) => before + delta);
  }
  bits(): number {
    throw invalidType('the element type of a bit operation', 'an integer type', this.name);
  }

  /** `next` gives the new value, or undefined to leave it. */
  #change(index: number, next: (before: number) => number | undefined): number {
    for (;;) {
      if (this.#small !== undefined) {
        const raw = Atomics.load(this.#small, index);
        const before = float32(raw);
        const after = next(before);
        if (after === undefined) return before;
        if (Atomics.compareExchange(this.#small, index, raw, bits32(after)) === raw) return before;
      } else {
        const raw = Atomics.load(this.#large!, index);
        const before = float64(raw);
        const after = next(before);
        if (after === undefined) return before;
        if (Atomics.compareExchange(this.#large!, index, raw, bits64(after)) === raw) return before;
      }
    }
  }
}

function float32(raw: number): number {
  convert.setInt32(0, raw);
  return convert.getFloat32(0);
}
function bits32(value: number): number {
  convert.setFloat32(0, value);
  return convert.getInt32(0);
}
function float64(raw: bigint): number {
  convert.setBigInt64(0, raw);
  return convert.getFloat64(0);
}
function bits64(value: number): bigint {
  convert.setFloat64(0, value);
  return convert.getBigInt64(0);
}

class BoolCells implements Cells<boolean> {
  constructor(readonly view: Uint8Array) {}

  check(value: unknown): boolean {
    return checkBool(value);
  }
  load(index: number): boolean {
    return Atomics.load(this.view, index) !== 0;
  }
  store(index: number, value: boolean): void {
    Atomics.store(this.view, index, value ? 1 : 0);
  }
  exchange(index: number, value: boolean): boolean {
    return Atomics.exchange(this.view, index, value ? 1 : 0) !== 0;
  }
  compareExchange(index: number, expected: boolean, value: boolean): boolean {
    // Any byte but 0 reads as true, so the byte found decides, not 1.
    for (;;) {
      const raw = Atomics.load(this.view, index);
      if ((raw !== 0) !== expected) return raw !== 0;
      if (Atomics.compareExchange(this.view, index, raw, value ? 1 : 0) === raw) return expected;
    }
  }
  add(): boolean {
    throw invalidType('the element type of an addition', 'a number type', 'bool');
  }
  bits(): boolean {
    throw invalidType('the element type of a bit operation', 'an integer type', 'bool');
  }
}

/** The TypedArray of each type. */
export const VIEWS = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  f32: Float32Array,
  f64: Float64Array,
  bool: Uint8Array,
} as const;

/** Cells for `length` elements at the start of the buffer. */
export function makeCells(name: ElementTypeName, buffer: ArrayBuffer, length: number): Cells {
  const storage = STORAGE[name];
  const view = new VIEWS[name](buffer, 0, length);
  switch (storage.family) {
    case 'int':
      return new IntCells(view as IntView, name, storage.least, storage.most) as Cells;
    case 'big':
      return new BigCells(view as BigInt64Array, name, storage.least, storage.most) as Cells;
    case 'float':
      return new FloatCells(view as Float64Array, name) as Cells;
    case 'bool':
      return new BoolCells(view as Uint8Array) as Cells;
  }
}

/** The bytes in a buffer of their own, aligned for every element type. */
export function privateCopy(bytes: Buffer): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}
