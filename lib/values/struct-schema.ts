/** The shape of a SharedStruct as it stands in the header, for tools and other languages. */

import { invalidType } from '../errors.js';
import { checkInteger } from '../options.js';
import { isElementTypeName } from './element-types.js';
import { checkLength, type Declared, type Field, isRecord, type Shape, shapeOf } from './struct-shape.js';
import { MAX_TEXT_BYTES } from './struct-types.js';

/** The fields as they stand in the header, for other languages: each with its offset in the payload. */
export function schemaOf({ fields, bytes }: Shape): Record<string, unknown> {
  return { bytes, fields: fields.map(entryOf) };
}

function entryOf(field: Field): Record<string, unknown> {
  const { name, offset } = field;
  switch (field.kind) {
    case 'number':
      return { name, type: field.type, offset };
    case 'array':
      return { name, type: field.type, length: field.length, offset };
    case 'text':
      return { name, type: 'text', bytes: field.bytes, offset };
    case 'struct':
      return { name, type: 'struct', offset, fields: field.fields.map(entryOf) };
  }
}

/** The shape that a schema describes; undefined if it is none, or its fields do not lie where they must. */
export function shapeFromSchema(schema: Readonly<Record<string, unknown>>): Shape | undefined {
  let shape: Shape;
  try {
    shape = shapeOf(entriesIn(schema['fields']), readEntry);
  } catch (error) {
    // TypeError or RangeError of the rules above, or of an entry that is nothing like one.
    if (error instanceof TypeError || error instanceof RangeError) return undefined;
    throw error;
  }
  return isSame(schemaOf(shape), { bytes: schema['bytes'], fields: schema['fields'] }) ? shape : undefined;
}

function entriesIn(entries: unknown): (readonly [unknown, unknown])[] {
  if (!Array.isArray(entries)) throw invalidType('fields', 'an array', entries);
  return entries.map((entry: unknown) => {
    if (!isRecord(entry)) throw invalidType('a field', 'an object', entry);
    return [entry['name'], entry] as const;
  });
}

function readEntry(entry: unknown, path: string): Declared {
  const { type, length, bytes, fields } = entry as Record<string, unknown>;
  if (type === 'text') return { kind: 'text', bytes: checkInteger('bytes', bytes, 1, MAX_TEXT_BYTES) };
  if (type === 'struct') return { kind: 'struct', entries: entriesIn(fields) };
  if (!isElementTypeName(type)) throw invalidType('type', 'a type', type);
  if (length === undefined) return { kind: 'number', type };
  return { kind: 'array', type, length: checkLength(path, length) };
}

/** Of what JSON can hold. */
function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((one, i) => isSame(one, b[i]));
  if (!isRecord(a)) return a === b;
  if (!isRecord(b)) return false;
  return Object.entries(a).every(([key, one]) => Object.hasOwn(b, key) && isSame(one, b[key]));
}
