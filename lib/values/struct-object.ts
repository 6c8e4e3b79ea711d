/** What a SharedStruct is as an object in /dev/shm, and what tools see of it. */

import { damaged } from '../errors.js';
import { queued } from '../memory/activity.js';
import { MOST_SHOWN, registerDescriber } from '../memory/directory.js';
import type { Header } from '../memory/header.js';
import type { ObjectType } from '../memory/segment.js';
import { makeCells, privateCopy } from './cells.js';
import { STORAGE } from './element-types.js';
import { STRUCT, STRUCT_WORDS_BYTES } from './struct-layout.js';
import { schemaOf, shapeFromSchema } from './struct-schema.js';
import { type Field, type Shape, textFieldBytes } from './struct-shape.js';
import { peekText, writeText } from './struct-text.js';
import { AllCells, store, type Write } from './struct-writes.js';

/** A shape, and what the fields of a new object hold. */
export interface StructPlan {
  readonly shape: Shape;
  readonly initial: readonly Write[];
}

/** So that elements of every type can be laid over all of it. */
function payloadBytes({ bytes }: Shape): number {
  return Math.ceil(bytes / 8) * 8;
}

export const STRUCT_TYPE: ObjectType<StructPlan> = {
  kind: 'struct',
  wordsBytes: () => STRUCT_WORDS_BYTES,
  ownerWords: () => [STRUCT.LOCK, STRUCT.TEXT_LOCK],
  payload: ({ shape }) => ({ bytes: payloadBytes(shape), mirrored: false }),
  schema: ({ shape }) => schemaOf(shape),
  initialise({ initial }, _words, payload) {
    const memory = { u8: new Uint8Array(payload), u32: new Uint32Array(payload) };
    store(initial, new AllCells(payload), (field, encoded) => writeText(memory, field, encoded));
  },
  parse(schema, header: Header, path) {
    const shape = shapeFromSchema(schema);
    if (shape === undefined) throw damaged(path, 'its schema describes no fields, or not where they must be');
    const bytes = payloadBytes(shape);
    if (header.payloadBytes !== bytes || header.mirrored || header.wordsBytes < STRUCT_WORDS_BYTES) {
      throw damaged(path, `its fields take ${bytes} bytes and it has ${header.payloadBytes}`);
    }
    return { shape, initial: [] };
  },
};

/** How many elements, and how many bytes of a text, a look from outside shows. */
const SHOWN = 16;
const SHOWN_TEXT = 1024;
/** So often a text that changes meanwhile is read. */
const LOOKS = 8;

registerDescriber(
  'struct',
  ({ header, payload, owner, limit = SHOWN }) => {
    const { shape } = STRUCT_TYPE.parse(header.schema, header, 'the object');
    return {
      fields: describeAll(shape.fields, { read: payload, limit, left: MOST_SHOWN }),
      holder: owner(STRUCT.LOCK),
    };
  },
  ({ words }) => ({ waits: queued(words, STRUCT.LOCK) }),
);

interface Look {
  readonly read: (offset: number, bytes: number) => Buffer;
  readonly limit: number;
  /** Bytes that may still be read for arrays. */
  left: number;
}

function describeAll(fields: readonly Field[], look: Look): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field.name, describeOne(field, look)]));
}

function describeOne(field: Field, look: Look): unknown {
  if (field.kind === 'struct') return describeAll(field.fields, look);
  if (field.kind === 'text') return describeText(field, look);
  const { type, offset } = field;
  const each = STORAGE[type].bytes;
  const shown = field.kind === 'array' ? Math.min(field.length, look.limit, Math.floor(look.left / each)) : 1;
  if (field.kind === 'array') look.left -= shown * each;
  const cells = makeCells(type, privateCopy(look.read(offset, shown * each)), shown);
  if (field.kind === 'number') return cells.load(0);
  const elements = Array.from({ length: shown }, (_, index) => cells.load(index));
  return field.length > shown ? { elements, more: field.length - shown } : elements;
}

/** Read twice: a `read` does not promise to see one moment. */
function describeText(field: Field & { kind: 'text' }, { read }: Look): string {
  const own = { ...field, offset: 0 };
  const take = (): string => {
    const copy = privateCopy(read(field.offset, textFieldBytes(field.bytes)));
    const memory = { u8: new Uint8Array(copy), u32: new Uint32Array(copy) };
    const bytes = peekText(memory, own, 'the object', SHOWN_TEXT);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  };
  let text = take();
  for (let look = 1; look < LOOKS; look++) {
    const again = take();
    if (again === text) break;
    text = again;
  }
  return text;
}
