/** The types of SharedStruct: how fields are declared, and what follows from it. */

import { checkInteger } from '../options.js';
import type {
  ElementInput,
  ElementOf,
  ElementType,
  IntegerType,
  NumericType,
  ViewOf,
} from './element-types.js';

/** Tells a {@link TextType} from a nested struct, across two copies of the package. */
const TEXT_TYPE = Symbol.for('isthmus.text');

/** The longest text, in bytes. */
export const MAX_TEXT_BYTES = 1024 * 1024;

/** A field of text, as {@link text} makes it. */
export interface TextType {
  /** The longest text in bytes of UTF-8. */
  readonly bytes: number;
  /** @internal */
  readonly [TEXT_TYPE]: true;
}

/**
 * Declares a field of text in a {@link SharedStruct}.
 *
 * @param bytes the longest text, in bytes of UTF-8: 1 to 1,048,576. A longer one is refused, never cut.
 * @throws TypeError or RangeError for anything else. Does not block.
 */
export function text(bytes: number): TextType {
  checkInteger('the bytes of a text', bytes, 1, MAX_TEXT_BYTES);
  return Object.freeze({ bytes, [TEXT_TYPE]: true as const });
}

export function isTextType(spec: object): spec is TextType {
  return (spec as Partial<TextType>)[TEXT_TYPE] === true;
}

/** One field: a number type, `[type, length]` for an array, {@link text}, or the fields of a nested struct. */
export type StructField = ElementType | readonly [type: ElementType, length: number] | TextType | StructShape;

/** The fields of a {@link SharedStruct} by their names, in their order. */
export interface StructShape {
  readonly [name: string]: StructField;
}

/** What reading a field gives. */
export type StructValue<F extends StructField> = F extends ElementType
  ? ElementOf<F>
  : F extends TextType
    ? string
    : F extends readonly [infer E extends ElementType, number]
      ? ViewOf<E>
      : F extends StructShape
        ? StructFields<F>
        : never;

/** `SharedStruct.fields`: the fields as properties. */
export type StructFields<S extends StructShape> = { -readonly [K in keyof S]: StructValue<S[K]> };

/** What a field may be given: 64-bit integers also as safe integers, arrays as anything of the same length. */
export type StructInput<F extends StructField> = F extends ElementType
  ? ElementInput<F>
  : F extends TextType
    ? string
    : F extends readonly [infer E extends ElementType, number]
      ? ArrayLike<ElementInput<E>> | ViewOf<E>
      : F extends StructShape
        ? StructValues<F>
        : never;

/** Values for some of the fields: of `initial` and `assign`. */
export type StructValues<S extends StructShape> = { readonly [K in keyof S]?: StructInput<S[K]> };

/** What a field is in a copy: see `SharedStruct.snapshot`. */
export type StructCopy<S extends StructShape> = {
  -readonly [K in keyof S]: S[K] extends ElementType | TextType | readonly [ElementType, number]
    ? StructValue<S[K]>
    : S[K] extends StructShape
      ? StructCopy<S[K]>
      : StructValue<S[K]>;
};

/** The dotted names of the fields whose type is one of `E`: `'hits'`, `'pos.x'`. Any string for a struct of unknown fields. */
export type StructPath<S extends StructShape, E extends ElementType = ElementType> = string extends keyof S
  ? string
  : {
      [K in keyof S & string]: S[K] extends ElementType
        ? S[K] extends E
          ? K
          : never
        : S[K] extends TextType | readonly [ElementType, number]
          ? never
          : S[K] extends StructShape
            ? `${K}.${StructPath<S[K], E>}`
            : never;
    }[keyof S & string];

/** The type of the field that has a dotted name. */
export type StructTypeAt<S extends StructShape, P extends string> = string extends keyof S
  ? ElementType
  : P extends keyof S
    ? S[P] & ElementType
    : P extends `${infer Head}.${infer Rest}`
      ? Head extends keyof S
        ? S[Head] extends StructShape
          ? StructTypeAt<S[Head], Rest>
          : never
        : never
      : never;

/** What the field with a dotted name may be given. */
export type StructInputAt<S extends StructShape, P extends string> = ElementInput<StructTypeAt<S, P>>;
/** What reading the field with a dotted name gives. */
export type StructOutputAt<S extends StructShape, P extends string> = ElementOf<StructTypeAt<S, P>>;

/** The dotted names of fields that can be added to. */
export type StructNumberPath<S extends StructShape> = StructPath<S, NumericType>;
/** The dotted names of fields that have bits to operate on. */
export type StructIntegerPath<S extends StructShape> = StructPath<S, IntegerType>;
