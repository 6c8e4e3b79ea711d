/** Values for several fields at once: all of them are checked, and copied, before the first one is stored. */

import { describe, invalidType, outOfRange } from '../errors.js';
import { type Cells, makeCells } from './cells.js';
import { type ElementTypeName, STORAGE } from './element-types.js';
import { type ArrayField, type Field, type NumberField, named, type TextField } from './struct-shape.js';
import { checkText } from './struct-text.js';

/** One value that is ready to be stored. */
export type Write =
  | { readonly field: NumberField; readonly value: unknown }
  | { readonly field: ArrayField; readonly values: readonly unknown[] }
  | { readonly field: TextField; readonly encoded: Uint8Array };

/** Atomic cells over a payload, by type; made when they are needed. */
export class AllCells {
  readonly #buffer: ArrayBuffer;
  readonly #made = new Map<ElementTypeName, Cells>();

  /** The buffer's size is a multiple of 8. */
  constructor(buffer: ArrayBuffer) {
    this.#buffer = buffer;
  }

  of(type: ElementTypeName): Cells {
    let cells = this.#made.get(type);
    if (cells === undefined) {
      cells = makeCells(type, this.#buffer, this.#buffer.byteLength / STORAGE[type].bytes);
      this.#made.set(type, cells);
    }
    return cells;
  }
}

/** So many names a message shows. */
const SHOWN = 8;

/** Cells of nothing, for their checks. */
const CHECKS = new AllCells(new ArrayBuffer(0));

/**
 * Checks values by the names of their fields.
 *
 * @param whole every field must have one
 * @param where the struct that it is about, in a message
 */
export function checkValues(
  fields: readonly Field[],
  values: unknown,
  whole: boolean,
  where: string,
): Write[] {
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    throw invalidType(where, 'an object of field names and values', values);
  const known = new Set(fields.map(({ name }) => name));
  for (const key of Object.keys(values)) {
    if (known.has(key)) continue;
    const some = fields.slice(0, SHOWN).map(({ name }) => describe(name));
    const more = fields.length > SHOWN ? ', …' : '';
    throw outOfRange(where, `an object with no fields but ${some.join(', ')}${more}`, key);
  }
  const given = values as Readonly<Record<string, unknown>>;
  return fields.flatMap((field) => {
    // What every object inherits ('constructor') is no value; a struct's own fields are inherited, from its class.
    const value = field.name in Object.prototype && !isOwn(given, field.name) ? undefined : given[field.name];
    if (value === undefined && !whole) return [];
    return checkField(field, value, whole);
  });
}

function isOwn(values: object, name: string): boolean {
  for (let at: object | null = values; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at))
    if (Object.hasOwn(at, name)) return true;
  return false;
}

/** Checks one value, which may be that of a whole nested struct. */
export function checkField(field: Field, value: unknown, whole: boolean): Write[] {
  switch (field.kind) {
    case 'number':
      return [{ field, value: named(field.path, () => CHECKS.of(field.type).check(value)) }];
    case 'text':
      return [{ field, encoded: checkText(field, value) }];
    case 'array':
      return [{ field, values: checkArray(field, value) }];
    case 'struct':
      return checkValues(field.fields, value, whole, `the field '${field.path}'`);
  }
}

function checkArray(field: ArrayField, value: unknown): readonly unknown[] {
  const what = `the field '${field.path}'`;
  const rule = `an array of ${field.length} elements`;
  if (typeof value !== 'object' || value === null) throw invalidType(what, rule, value);
  const { length } = value as ArrayLike<unknown>;
  if (typeof length !== 'number') throw invalidType(what, rule, value);
  if (length !== field.length) throw outOfRange(what, rule, `an array of ${length}`);
  const cells = CHECKS.of(field.type);
  // A view of bools is a Uint8Array, and so is what another struct gives.
  const bytes = field.type === 'bool' && value instanceof Uint8Array;
  return Array.from({ length }, (_, index) => {
    const element = (value as ArrayLike<unknown>)[index];
    return bytes ? element !== 0 : named(field.path, () => cells.check(element));
  });
}

/** Stores what was checked, each number by itself, atomically. */
export function store(
  writes: readonly Write[],
  cells: AllCells,
  write: (field: TextField, encoded: Uint8Array) => void,
): void {
  for (const one of writes) {
    if ('encoded' in one) {
      write(one.field, one.encoded);
      continue;
    }
    const { type, offset } = one.field;
    const first = offset / STORAGE[type].bytes;
    const values = 'values' in one ? one.values : [one.value];
    for (const [index, value] of values.entries()) cells.of(type).store(first + index, value);
  }
}
