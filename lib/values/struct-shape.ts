/**
 * The shape of a SharedStruct: fields in their order, placed as a C compiler would place them. Made of what the user
 * declares, or of a header's schema (struct-schema.ts); both are checked by the same rules.
 */

import { invalidType, outOfRange } from '../errors.js';
import { checkInteger } from '../options.js';
import { checkElementType, type ElementTypeName, STORAGE } from './element-types.js';
import { TEXT } from './struct-layout.js';
import { isTextType, MAX_TEXT_BYTES, type StructShape } from './struct-types.js';

interface Place {
  readonly name: string;
  /** With the names of the structs that it is in: `pos.x`. */
  readonly path: string;
  /** Bytes from the beginning of the payload. */
  readonly offset: number;
}
export interface NumberField extends Place {
  readonly kind: 'number';
  readonly type: ElementTypeName;
}
export interface ArrayField extends Place {
  readonly kind: 'array';
  readonly type: ElementTypeName;
  readonly length: number;
}
export interface TextField extends Place {
  readonly kind: 'text';
  /** The longest text. */
  readonly bytes: number;
}
interface NestedField extends Place {
  readonly kind: 'struct';
  readonly fields: readonly Field[];
}
export type Field = NumberField | ArrayField | TextField | NestedField;

export interface Shape {
  readonly fields: readonly Field[];
  /** The size as C's `sizeof` has it. */
  readonly bytes: number;
}

/** So the schema always fits the header, and a shape can be compiled in no time. Nested structs count as fields. */
const MAX_FIELDS = 1024;
const MAX_NAME = 128;
const MAX_DEPTH = 16;
/** Offsets are 32-bit numbers with room to spare. */
const MAX_BYTES = 2 ** 30;

/** A field as it is declared, before it has a place. */
export type Declared =
  | { readonly kind: 'number'; readonly type: ElementTypeName }
  | { readonly kind: 'array'; readonly type: ElementTypeName; readonly length: number }
  | { readonly kind: 'text'; readonly bytes: number }
  | { readonly kind: 'struct'; readonly entries: Iterable<readonly [unknown, unknown]> };

/** A declared field with its nested ones, its size and its alignment. */
type Sized = Declared & { readonly name: string; readonly path: string; readonly size: number } & {
  readonly alignment: number;
  readonly inner: readonly Sized[];
};

/** Bytes that `text(n)` takes: see struct-layout.ts. */
export function textFieldBytes(bytes: number): number {
  return 4 * TEXT.COPIES + 2 * textCopyBytes(bytes);
}

/** From one copy of a text to the other. */
export function textCopyBytes(bytes: number): number {
  return alignUp(bytes, 4);
}

function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** What is counted over all levels. */
class Census {
  readonly #paths = new Set<string>();

  enter(path: string): void {
    if (this.#paths.has(path)) throw outOfRange('fields', 'names that differ, nested ones too', path);
    this.#paths.add(path);
    if (this.#paths.size > MAX_FIELDS)
      throw outOfRange('fields', `at most ${MAX_FIELDS} of them`, 'more than that');
  }
}

function checkFieldName(name: unknown): string {
  const rule = `a string of 1 to ${MAX_NAME} characters other than '__proto__'`;
  if (typeof name !== 'string') throw invalidType("a field's name", rule, name);
  if (name === '' || name.length > MAX_NAME || name === '__proto__')
    throw outOfRange("a field's name", rule, name);
  return name;
}

function size(
  entries: Iterable<readonly [unknown, unknown]>,
  read: (spec: unknown, path: string) => Declared,
  prefix: string,
  depth: number,
  census: Census,
): readonly Sized[] {
  if (depth > MAX_DEPTH)
    throw outOfRange('fields', `at most ${MAX_DEPTH} levels of structs`, 'more than that');
  const sized: Sized[] = [];
  for (const [key, spec] of entries) {
    const name = checkFieldName(key);
    const path = prefix + name;
    census.enter(path);
    const declared = read(spec, path);
    const inner =
      declared.kind === 'struct' ? size(declared.entries, read, `${path}.`, depth + 1, census) : [];
    sized.push({ ...declared, name, path, inner, ...measure(declared, inner) });
  }
  if (sized.length === 0)
    throw outOfRange(
      prefix === '' ? 'fields' : `the field '${prefix.slice(0, -1)}'`,
      'at least one field',
      '{}',
    );
  return sized;
}

function measure(declared: Declared, inner: readonly Sized[]): { size: number; alignment: number } {
  switch (declared.kind) {
    case 'number':
      return { size: STORAGE[declared.type].bytes, alignment: STORAGE[declared.type].bytes };
    case 'array':
      return {
        size: declared.length * STORAGE[declared.type].bytes,
        alignment: STORAGE[declared.type].bytes,
      };
    case 'text':
      return { size: textFieldBytes(declared.bytes), alignment: 4 };
    case 'struct':
      return extent(inner);
  }
}

/** Size and alignment of a struct: as wide as its widest member, and padded to that at its end. */
function extent(fields: readonly Sized[]): { size: number; alignment: number } {
  let end = 0;
  let alignment = 1;
  for (const field of fields) {
    end = alignUp(end, field.alignment) + field.size;
    alignment = Math.max(alignment, field.alignment);
  }
  return { size: alignUp(end, alignment), alignment };
}

function place(sized: readonly Sized[], start: number): Field[] {
  let end = start;
  return sized.map((field) => {
    const offset = alignUp(end, field.alignment);
    end = offset + field.size;
    return placed(field, offset);
  });
}

function placed(field: Sized, offset: number): Field {
  const { name, path } = field;
  switch (field.kind) {
    case 'number':
      return { kind: 'number', name, path, offset, type: field.type };
    case 'array':
      return { kind: 'array', name, path, offset, type: field.type, length: field.length };
    case 'text':
      return { kind: 'text', name, path, offset, bytes: field.bytes };
    case 'struct':
      return { kind: 'struct', name, path, offset, fields: place(field.inner, offset) };
  }
}

/** By whatever reads what stands for a field. Throws TypeError or RangeError. */
export function shapeOf(
  entries: Iterable<readonly [unknown, unknown]>,
  read: (spec: unknown, path: string) => Declared,
): Shape {
  const sized = size(entries, read, '', 1, new Census());
  const bytes = extent(sized).size;
  if (bytes > MAX_BYTES) throw outOfRange('fields', `at most ${MAX_BYTES} bytes in all`, bytes);
  return { fields: place(sized, 0), bytes };
}

/** The shape that a user declares. Throws TypeError or RangeError that names the field. */
export function checkShape(fields: StructShape): Shape {
  if (!isRecord(fields)) throw invalidType('fields', 'an object of field names and types', fields);
  return shapeOf(Object.entries(fields), readDeclaration);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readDeclaration(spec: unknown, path: string): Declared {
  if (typeof spec === 'string') return { kind: 'number', type: named(path, () => checkElementType(spec)) };
  if (Array.isArray(spec)) {
    const [type, length, ...more] = spec as unknown[];
    if (more.length > 0) throw invalidType(`the field '${path}'`, '[type, length]', spec);
    const element = named(path, () => checkElementType(type));
    return { kind: 'array', type: element, length: checkLength(path, length) };
  }
  if (!isRecord(spec)) {
    const rule = 'a type, [type, length], text(bytes) or an object of nested fields';
    throw invalidType(`the field '${path}'`, rule, spec);
  }
  if (isTextType(spec))
    return { kind: 'text', bytes: checkInteger(`the bytes of '${path}'`, spec.bytes, 1, MAX_TEXT_BYTES) };
  return { kind: 'struct', entries: Object.entries(spec) };
}

export function checkLength(path: string, length: unknown): number {
  return checkInteger(`the length of '${path}'`, length, 1, MAX_BYTES);
}

/** Runs a check; what it throws says which field it is about. */
export function named<T>(path: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    const { message, code } = error as Error & { code: string };
    const Kind = error instanceof RangeError ? RangeError : TypeError;
    // A new one, for the message is also in the stack that Node prints.
    throw Object.assign(new Kind(`the field '${path}': ${message}`), { code });
  }
}

// ---- comparing

/** In words, as it is declared. */
function describeField(field: Field): string {
  const { path } = field;
  switch (field.kind) {
    case 'number':
      return `'${path}': '${field.type}'`;
    case 'array':
      return `'${path}': ['${field.type}', ${field.length}]`;
    case 'text':
      return `'${path}': text(${field.bytes})`;
    case 'struct':
      return `'${path}': { … }`;
  }
}

/** The first field in which two shapes differ, as each has it. */
export function firstDifference(
  found: readonly Field[],
  wanted: readonly Field[],
): { found: string; wanted: string } | undefined {
  for (let i = 0; i < Math.max(found.length, wanted.length); i++) {
    const [a, b] = [found[i], wanted[i]];
    const [is, should] = [a, b].map((one) => (one === undefined ? 'no further field' : describeField(one)));
    if (is !== should) return { found: is!, wanted: should! };
    if (a?.kind !== 'struct' || b?.kind !== 'struct') continue;
    const inner = firstDifference(a.fields, b.fields);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** Every field of every level, in order. */
export function* allOf(fields: readonly Field[]): Generator<Field> {
  for (const field of fields) {
    yield field;
    if (field.kind === 'struct') yield* allOf(field.fields);
  }
}
