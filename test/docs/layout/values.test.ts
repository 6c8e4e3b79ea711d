// Value, SharedArray and SharedStruct in /dev/shm as docs/layout.md says.

import { type ElementType, SharedArray, SharedStruct, text as textField, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { numbers, table } from './document.js';
import { freshName, keep, Reader, SAMPLES, schemaKeys } from './reader.js';

describe('values as the document says', () => {
  test('every element type has a sample here', () => {
    expect(Object.keys(SAMPLES)).toEqual(table('element types').map(([name]) => name));
  });

  test.each(Object.entries(SAMPLES))('a Value of type %s', (type, sample) => {
    const value = keep(Value.create(freshName(), type as ElementType, { initial: sample as never }));
    const file = new Reader(value.name);
    expect(file.kind).toBe('value');
    expect(Object.keys(file.schema).sort()).toEqual(schemaKeys('value'));
    expect(file.schema).toEqual({ type });
    expect(file.payload.length).toBe(8);
    expect(file.element(type, 0)).toBe(sample);
    expect(file.field('FLAGS')).toBe(0);
  });

  test.each(Object.entries(SAMPLES))('a SharedArray of type %s', (type, sample) => {
    const array = keep(SharedArray.create(freshName(), type as ElementType, 5));
    array.set(3, sample as never);
    const file = new Reader(array.name);
    expect(file.kind).toBe('array');
    expect(Object.keys(file.schema).sort()).toEqual(schemaKeys('array'));
    expect(file.schema).toEqual({ type, length: 5 });
    expect(file.payload.length).toBe(5 * numbers('element types')[type]!);
    const zero = sample === true ? false : typeof sample === 'bigint' ? 0n : 0;
    for (let index = 0; index < 5; index++)
      expect(file.element(type, index)).toBe(index === 3 ? sample : zero);
  });

  test('a SharedStruct: fields where the schema says, texts in two copies', () => {
    const types = Object.fromEntries(Object.keys(SAMPLES).map((type) => [type, type as ElementType]));
    const struct = keep(
      SharedStruct.create(
        freshName(),
        { ...types, t: textField(9), many: ['u16', 3], in: { a: 'u8', t: textField(4), z: 'f64' } },
        { initial: { ...SAMPLES, t: 'grün' } as never },
      ),
    );
    struct.fields.many.set([7, 8, 9]);
    struct.fields.in.z = 0.5;
    const file = new Reader(struct.name);
    expect(file.kind).toBe('struct');
    expect(Object.keys(file.schema).sort()).toEqual(schemaKeys('struct'));
    expect(file.payload.length).toBe(Math.ceil((file.schema['bytes'] as number) / 8) * 8);
    type Entry = { name: string; type: string; offset: number; bytes?: number; fields?: Entry[] };
    const entries = file.schema['fields'] as Entry[];
    const entry = (name: string): Entry => entries.find((one) => one.name === name)!;
    for (const [type, sample] of Object.entries(SAMPLES)) {
      const { offset } = entry(type);
      expect(file.element(type, offset / numbers('element types')[type]!), type).toBe(sample);
    }
    expect(entry('many')).toMatchObject({ type: 'u16', length: 3 });
    expect([0, 1, 2].map((n) => file.element('u16', entry('many').offset / 2 + n))).toEqual([7, 8, 9]);
    const inner = entry('in');
    expect([inner.type, inner.fields!.map(({ name }) => name)]).toEqual(['struct', ['a', 't', 'z']]);
    expect(inner.offset).toBe(inner.fields![0]!.offset);
    expect(inner.offset % 8).toBe(0);
    expect(inner.fields![2]!.offset).toBe(inner.offset + 4 + 12 + 2 * 4 + 0);
    expect(file.element('f64', inner.fields![2]!.offset / 8)).toBe(0.5);

    const { VERSION, LENGTHS, COPIES } = numbers('words: TEXT') as Record<
      'VERSION' | 'LENGTHS' | 'COPIES',
      number
    >;
    const read = (from: Reader): { version: number; text: string } => {
      const { offset, bytes } = entry('t');
      const word = (n: number): number => from.payload.readUInt32LE(offset + 4 * n);
      const copy = word(VERSION) & 1;
      const at = offset + 4 * COPIES + copy * Math.ceil(bytes! / 4) * 4;
      return {
        version: word(VERSION),
        text: from.payload.toString('utf8', at, at + word(LENGTHS + copy)),
      };
    };
    expect(read(file)).toEqual({ version: 1, text: 'grün' });
    struct.fields.t = 'blau';
    expect(read(new Reader(struct.name))).toEqual({ version: 2, text: 'blau' });
    struct.fields.t = '';
    expect(read(new Reader(struct.name))).toEqual({ version: 3, text: '' });

    const { LOCK, TEXT_LOCK } = numbers('words: STRUCT') as { LOCK: number; TEXT_LOCK: number };
    struct.lock.withLockSync(() => {
      const held = new Reader(struct.name);
      expect(held.word('WORDS_OFFSET', LOCK)).toBe(held.ownerOf(0));
      expect(held.word('WORDS_OFFSET', TEXT_LOCK)).toBe(0);
    });
  });
});
