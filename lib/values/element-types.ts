/** The element types of Value and SharedArray: how they are stored, what they accept, what they give back. */

import { describe, invalidType, outOfRange } from '../errors.js';

/** Element types by their size and sign. */
export type ElementTypeName =
  | 'i8'
  | 'u8'
  | 'i16'
  | 'u16'
  | 'i32'
  | 'u32'
  | 'i64'
  | 'u64'
  | 'f32'
  | 'f64'
  | 'bool';
/** Python's typecodes, as aliases; `'l'` and `'L'` have 64 bits as on Linux, `'c'` is `'u8'`. */
export type PythonTypecode = 'b' | 'B' | 'h' | 'H' | 'i' | 'I' | 'l' | 'L' | 'q' | 'Q' | 'f' | 'd' | 'c';
/** Anything `Value` and `SharedArray` take as an element type. */
export type ElementType = ElementTypeName | PythonTypecode;

/** Types of 64-bit integers, which are read as bigint. */
export type BigIntegerType = 'i64' | 'u64' | 'l' | 'L' | 'q' | 'Q';
/** Types with a fraction. */
export type FloatType = 'f32' | 'f64' | 'f' | 'd';
/** What reading an element gives: bigint for 64-bit integers, boolean for `bool`, number otherwise. */
export type ElementOf<E extends ElementType> = E extends BigIntegerType
  ? bigint
  : E extends 'bool'
    ? boolean
    : number;
/** What writing an element takes: 64-bit integers also accept safe integers. */
export type ElementInput<E extends ElementType> = E extends BigIntegerType ? bigint | number : ElementOf<E>;
/** Types that can be added to. */
export type NumericType = Exclude<ElementType, 'bool'>;
/** Types that have bits to operate on. */
export type IntegerType = Exclude<NumericType, FloatType>;

/** The TypedArray on the shared pages. */
export type ViewOf<E extends ElementType> = E extends 'i8' | 'b'
  ? Int8Array
  : E extends 'u8' | 'B' | 'c' | 'bool'
    ? Uint8Array
    : E extends 'i16' | 'h'
      ? Int16Array
      : E extends 'u16' | 'H'
        ? Uint16Array
        : E extends 'i32' | 'i'
          ? Int32Array
          : E extends 'u32' | 'I'
            ? Uint32Array
            : E extends 'i64' | 'l' | 'q'
              ? BigInt64Array
              : E extends 'u64' | 'L' | 'Q'
                ? BigUint64Array
                : E extends 'f32' | 'f'
                  ? Float32Array
                  : E extends 'f64' | 'd'
                    ? Float64Array
                    : never;

const ALIASES: { readonly [Code in PythonTypecode]: ElementTypeName } = {
  b: 'i8',
  B: 'u8',
  h: 'i16',
  H: 'u16',
  i: 'i32',
  I: 'u32',
  l: 'i64',
  L: 'u64',
  q: 'i64',
  Q: 'u64',
  f: 'f32',
  d: 'f64',
  c: 'u8',
};

/** How a type is stored: which cells (see cells.ts) serve it, and its limits. */
type Storage =
  | { readonly family: 'int'; readonly bytes: number; readonly least: number; readonly most: number }
  | { readonly family: 'big'; readonly bytes: 8; readonly least: bigint; readonly most: bigint }
  | { readonly family: 'float'; readonly bytes: 4 | 8 }
  | { readonly family: 'bool'; readonly bytes: 1 };

export const STORAGE: { readonly [Name in ElementTypeName]: Storage } = {
  i8: { family: 'int', bytes: 1, least: -128, most: 127 },
  u8: { family: 'int', bytes: 1, least: 0, most: 255 },
  i16: { family: 'int', bytes: 2, least: -32768, most: 32767 },
  u16: { family: 'int', bytes: 2, least: 0, most: 65535 },
  i32: { family: 'int', bytes: 4, least: -(2 ** 31), most: 2 ** 31 - 1 },
  u32: { family: 'int', bytes: 4, least: 0, most: 2 ** 32 - 1 },
  i64: { family: 'big', bytes: 8, least: -(2n ** 63n), most: 2n ** 63n - 1n },
  u64: { family: 'big', bytes: 8, least: 0n, most: 2n ** 64n - 1n },
  f32: { family: 'float', bytes: 4 },
  f64: { family: 'float', bytes: 8 },
  bool: { family: 'bool', bytes: 1 },
};

const NAMES = Object.keys(STORAGE) as ElementTypeName[];

/** True for a name as it stands in a schema. */
export function isElementTypeName(value: unknown): value is ElementTypeName {
  return typeof value === 'string' && Object.hasOwn(STORAGE, value);
}

/** The canonical name of a type or typecode. */
export function checkElementType(type: unknown): ElementTypeName {
  if (isElementTypeName(type)) return type;
  if (typeof type === 'string' && Object.hasOwn(ALIASES, type)) return ALIASES[type as PythonTypecode];
  if (type === 'u') {
    throw outOfRange(
      'type',
      "a number type; Python's 'u' (wide characters) has no counterpart: use a queue or 'u8' and TextEncoder",
      type,
    );
  }
  const expected = `one of ${NAMES.join(', ')} (or Python's ${Object.keys(ALIASES).join(', ')})`;
  throw typeof type === 'string' ? outOfRange('type', expected, type) : invalidType('type', expected, type);
}

/** A number for an integer type of at most 32 bits. */
export function checkInt(value: unknown, name: string, least: number, most: number): number {
  if (typeof value !== 'number') throw invalidType(`a value of type '${name}'`, 'a number', value);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw outOfRange(`a value of type '${name}'`, `a whole number from ${least} to ${most}`, value);
  }
  return value + 0; // -0 becomes 0
}

/** A bigint (or a safe integer) for a 64-bit type. */
export function checkBig(value: unknown, name: string, least: bigint, most: bigint): bigint {
  let big: bigint;
  if (typeof value === 'bigint') big = value;
  else if (typeof value !== 'number')
    throw invalidType(`a value of type '${name}'`, 'a bigint or a safe integer', value);
  else if (!Number.isSafeInteger(value)) {
    throw outOfRange(
      `a value of type '${name}'`,
      'a bigint or a safe integer (numbers beyond 2^53 are not exact)',
      value,
    );
  } else big = BigInt(value);
  if (big < least || big > most)
    throw outOfRange(`a value of type '${name}'`, `from ${least}n to ${most}n`, big);
  return big;
}

/** A number for a floating-point type; NaN and the infinities are values like any other. */
export function checkFloat(value: unknown, name: string): number {
  if (typeof value !== 'number') throw invalidType(`a value of type '${name}'`, 'a number', value);
  return value;
}

export function checkBool(value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidType("a value of type 'bool'", 'true or false', value);
  return value;
}

export function overflow(
  name: string,
  least: number | bigint,
  most: number | bigint,
  sum: number | bigint,
): RangeError {
  return outOfRange(
    `the result in type '${name}'`,
    `from ${describe(least)} to ${describe(most)} (the old value stays)`,
    sum,
  );
}
