/**
 * The properties of `SharedStruct.fields`: getters and setters on a class that is made once for each shape. Each costs what
 * an element of a TypedArray costs: docs/decisions.md says how that comes about, and what was measured.
 *
 * Numbers are plain loads and stores of naturally aligned elements. One of 8 bytes is one access of 64 bits on every
 * 64-bit machine (V8 compiles it to one instruction, and its runtime copies aligned words whole), so that nobody sees half
 * of one. The language promises that only for the atomic methods of SharedStruct.
 */

import { movedAway } from '../memory/checks.js';
import { closedError } from '../memory/shared-object.js';
import { VIEWS } from './cells.js';
import { checkBig, checkBool, checkFloat, checkInt, type ElementTypeName, STORAGE } from './element-types.js';
import { Fields, StructViews } from './struct-fields.js';
import { schemaOf } from './struct-schema.js';
import type { Field, Shape, TextField } from './struct-shape.js';
import { checkText } from './struct-text.js';
import { checkField } from './struct-writes.js';

const { viewsOf, partsOf } = Fields;
const MOST_64 = { i64: 2n ** 63n - 1n, u64: 2n ** 64n - 1n } as const;

interface Accessor {
  get(this: Fields): unknown;
  set(this: Fields, value: unknown): void;
}

function gone(of: Fields): never {
  const { closed, path } = viewsOf(of);
  throw closed ? closedError(path) : movedAway(path);
}

/**
 * `home` has the views of the first handle of that shape. An accessor could always ask `this`; but the engine keeps one
 * record of what `this` was for the accessors of all shapes, and beyond four shapes that costs some 10 ns. And each is
 * written out, for the engine must see one kind of view in each.
 */
const NUMBERS: { readonly [Type in ElementTypeName]: (home: StructViews, at: number) => Accessor } = {
  i8: (home, at) => ({
    get() {
      return (this === home.owner ? home : viewsOf(this)).i8[at] ?? gone(this);
    },
    set(value) {
      const view = (this === home.owner ? home : viewsOf(this)).i8;
      if (at >= view.length) gone(this);
      view[at] = checkInt(value, 'i8', -128, 127);
    },
  }),
  u8: (home, at) => ({
    get() {
      return (this === home.owner ? home : viewsOf(this)).u8[at] ?? gone(this);
    },
    set(value) {
      const view = (this === home.owner ? home : viewsOf(this)).u8;
      if (at >= view.length) gone(this);
      view[at] = checkInt(value, 'u8', 0, 255);
    },
  }),
  i16: (home, at) => ({
    get() {
      return (this === home.owner ? home : viewsOf(this)).i16[at] ?? gone(this);
    },
    set(value) {
      const view = (this === home.owner ? home : viewsOf(this)).i16;
      if (at >= view.length) gone(this);
      view[at] = checkInt(value, 'i16', -32768, 32767);
    },
  }),
  u16: (home, at) => ({
    get() {
      return (this === home.owner ? home : viewsOf(this)).u16[at] ?? gone(this);
    },
    set(value) {
      const view = (this === home.owner ? home : viewsOf(this)).u16;
      if (at >= view.length) gone(this);
      view[at] = checkInt(value, 'u16', 0, 65535);
    },
  }),
  i32: (home, at) => ({
    get() {
      return (this === home.owner ? home : viewsOf(this)).i32[at] ?? gone(this);
    },
    set(value) {
      const view = (this === home.owner ? home : viewsOf(this)).i32;
      if (at >= view.length) gone(this);
      view[at] = checkInt(value, 'i32', -2147483648, 2147483647);
    },
  }),
  u32: (home, at) => ({
    get() {
      return (this === home.owner ? home : viewsOf(this)).u32[at] ?? gone(this);
    },
    set(value) {
      const view = (this === home.owner ? home : viewsOf(this)).u32;
      if (at >= view.length) gone(this);
      view[at] = checkInt(value, 'u32', 0, 4294967295);
    },
  }),
  i64: (home, at) => ({
    get() {
      return (this === home.owner ? home : viewsOf(this)).i64[at] ?? gone(this);
    },
    set(value) {
      const view = (this === home.owner ? home : viewsOf(this)).i64;
      if (at >= view.length) gone(this);
      // Asked first in a way that the engine compiles to nothing.
      const fits = typeof value === 'bigint' && BigInt.asIntN(64, value) === value;
      view[at] = fits ? value : checkBig(value, 'i64', -MOST_64.i64 - 1n, MOST_64.i64);
    },
  }),
  u64: (home, at) => ({
    get() {
      return (this === home.owner ? home : viewsOf(this)).u64[at] ?? gone(this);
    },
    set(value) {
      const view = (this === home.owner ? home : viewsOf(this)).u64;
      if (at >= view.length) gone(this);
      const fits = typeof value === 'bigint' && BigInt.asUintN(64, value) === value;
      view[at] = fits ? value : checkBig(value, 'u64', 0n, MOST_64.u64);
    },
  }),
  f32: (home, at) => ({
    get() {
      return (this === home.owner ? home : viewsOf(this)).f32[at] ?? gone(this);
    },
    set(value) {
      const view = (this === home.owner ? home : viewsOf(this)).f32;
      if (at >= view.length) gone(this);
      view[at] = checkFloat(value, 'f32');
    },
  }),
  f64: (home, at) => ({
    get() {
      return (this === home.owner ? home : viewsOf(this)).f64[at] ?? gone(this);
    },
    set(value) {
      const view = (this === home.owner ? home : viewsOf(this)).f64;
      if (at >= view.length) gone(this);
      view[at] = checkFloat(value, 'f64');
    },
  }),
  bool: (home, at) => ({
    get() {
      return ((this === home.owner ? home : viewsOf(this)).u8[at] ?? gone(this)) !== 0;
    },
    set(value) {
      const view = (this === home.owner ? home : viewsOf(this)).u8;
      if (at >= view.length) gone(this);
      view[at] = checkBool(value) ? 1 : 0;
    },
  }),
};

function checkOpen(of: Fields, { u8 }: StructViews): void {
  if (u8.length === 0) gone(of);
}

function textAccessor(field: TextField): Accessor {
  return {
    get() {
      const views = viewsOf(this);
      checkOpen(this, views);
      return views.texts.read(field);
    },
    set(value) {
      const views = viewsOf(this);
      checkOpen(this, views);
      views.texts.write(field, checkText(field, value));
    },
  };
}

/** Of an array or a nested struct, the n-th of them. */
function partAccessor(home: StructViews, field: Field, n: number): Accessor {
  return {
    get() {
      if (this === home.owner) return home.parts[n];
      return viewsOf(this).closed ? gone(this) : partsOf(this)[n];
    },
    set(value) {
      const views = viewsOf(this);
      checkOpen(this, views);
      const writes = checkField(field, value, true);
      checkOpen(this, views); // looked at again: a getter of the value's may have closed the handle
      views.store(writes);
    },
  };
}

// ---- classes

/** What is made of a shape, once. */
export interface CompiledFields {
  /** The fields of one handle. */
  make(views: StructViews): Fields;
  /** The handle with these views is closed. */
  forget(views: StructViews): void;
}

function compile(fields: readonly Field[]): CompiledFields {
  class Level extends Fields {}
  const home = new StructViews('', new ArrayBuffer(0), () => undefined);
  const inner: CompiledFields[] = [];
  const parts: ((views: StructViews) => object)[] = [];
  const accessorOf = (field: Field): Accessor => {
    switch (field.kind) {
      case 'number':
        return NUMBERS[field.type](home, field.offset / STORAGE[field.type].bytes);
      case 'text':
        return textAccessor(field);
      case 'array':
        parts.push(({ u8 }) => new VIEWS[field.type](u8.buffer as ArrayBuffer, field.offset, field.length));
        return partAccessor(home, field, parts.length - 1);
      case 'struct': {
        const compiled = compile(field.fields);
        inner.push(compiled);
        parts.push((views) => compiled.make(views));
        return partAccessor(home, field, parts.length - 1);
      }
    }
  };
  for (const field of fields) {
    const accessor = accessorOf(field);
    Object.defineProperty(Level.prototype, field.name, { ...accessor, enumerable: true, configurable: true });
  }
  return {
    make(views) {
      const made = parts.map((part) => part(views));
      // A misspelt name is an error of strict mode, not a property that nobody shares.
      const level = Object.preventExtensions(new Level(views, fields, made));
      if (home.owner === undefined) home.adopt(views, level, made);
      return level;
    },
    forget(views) {
      if (home.owner !== undefined && viewsOf(home.owner) === views) home.close();
      for (const one of inner) one.forget(views);
    },
  };
}

/** By their schemas. Bounded: a program may attach to objects of ever new shapes. */
const compiled = new Map<string, CompiledFields>();
const MOST_COMPILED = 256;

/** The class of a shape's fields, made at the first call. */
export function compiledFields(shape: Shape): CompiledFields {
  const key = JSON.stringify(schemaOf(shape));
  let found = compiled.get(key);
  if (found === undefined) {
    found = compile(shape.fields);
    if (compiled.size >= MOST_COMPILED) compiled.delete(compiled.keys().next().value!);
    compiled.set(key, found);
  }
  return found;
}
