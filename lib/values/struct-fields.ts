/** What `SharedStruct.fields` is made of: views of the payload, and the base of the classes that struct-access.ts makes. */

import { inspect } from 'node:util';
import type { Field } from './struct-shape.js';
import type { TextMemory, Texts } from './struct-text.js';
import type { Write } from './struct-writes.js';

const NOTHING = new ArrayBuffer(0);

/** The whole payload as elements of each type; of a handle that is closed, of nothing. */
export class StructViews implements TextMemory {
  i8!: Int8Array;
  u8!: Uint8Array;
  i16!: Int16Array;
  u16!: Uint16Array;
  i32!: Int32Array;
  u32!: Uint32Array;
  i64!: BigInt64Array;
  u64!: BigUint64Array;
  f32!: Float32Array;
  f64!: Float64Array;
  closed = false;
  /** Of a home (see struct-access.ts): whose views these are. */
  owner: Fields | undefined;
  parts: readonly object[] = [];
  readonly path: string;
  /** Those of the fields that are texts; set before the first one is used. */
  texts!: Texts;
  /** How values for arrays and nested structs are stored, once they have been checked. */
  readonly store: (writes: readonly Write[]) => void;

  constructor(path: string, buffer: ArrayBuffer, store: (writes: readonly Write[]) => void) {
    this.path = path;
    this.store = store;
    this.#cover(buffer);
  }

  #cover(buffer: ArrayBuffer): void {
    this.i8 = new Int8Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.i16 = new Int16Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i64 = new BigInt64Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }

  /** From now on every access to a number finds nothing, and says why: so that none has to ask first. */
  close(): void {
    this.closed = true;
    this.owner = undefined;
    this.parts = [];
    this.#cover(NOTHING);
  }

  /** Has the views of another one from now on. */
  adopt(views: StructViews, owner: Fields, parts: readonly object[]): void {
    this.owner = owner;
    this.parts = parts;
    this.i8 = views.i8;
    this.u8 = views.u8;
    this.i16 = views.i16;
    this.u16 = views.u16;
    this.i32 = views.i32;
    this.u32 = views.u32;
    this.i64 = views.i64;
    this.u64 = views.u64;
    this.f32 = views.f32;
    this.f64 = views.f64;
  }
}

/** The base of all classes of fields. */
export class Fields {
  readonly #views: StructViews;
  readonly #fields: readonly Field[];
  /** The arrays and nested structs among them, in their order. */
  readonly #parts: readonly object[];

  constructor(views: StructViews, fields: readonly Field[], parts: readonly object[]) {
    this.#views = views;
    this.#fields = fields;
    this.#parts = parts;
  }

  static viewsOf(of: Fields): StructViews {
    return of.#views;
  }

  static partsOf(of: Fields): readonly object[] {
    return of.#parts;
  }

  /** A copy as a plain object. */
  static copyOf(of: Fields): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    for (const { kind, name } of of.#fields) {
      const value = (of as unknown as Record<string, unknown>)[name];
      if (kind === 'struct') copy[name] = Fields.copyOf(value as Fields);
      else copy[name] = kind === 'array' ? (value as Uint8Array).slice() : value;
    }
    return copy;
  }

  /** For JSON.stringify: 64-bit integers as strings, arrays as arrays. */
  toJSON(): Record<string, unknown> {
    return jsonOf(Fields.copyOf(this));
  }

  [inspect.custom](): Record<string, unknown> {
    return Fields.copyOf(this);
  }
}
Object.defineProperty(Fields.prototype, 'toJSON', { enumerable: false });

/** What a copy of fields is in JSON, which has no bigints. */
export function jsonOf(copy: Record<string, unknown>): Record<string, unknown> {
  const plain = (value: unknown): unknown => {
    if (typeof value === 'bigint') return String(value);
    if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain);
    return typeof value === 'object' ? jsonOf(value as Record<string, unknown>) : value;
  };
  return Object.fromEntries(Object.entries(copy).map(([name, value]) => [name, plain(value)]));
}
