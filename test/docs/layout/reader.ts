// Objects in /dev/shm as plain files, read by docs/layout.md alone: no offset comes from the code.

import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { unlink } from 'isthmus';
import { afterEach, expect } from 'vitest';
import { numbers, table } from './document.js';

const made: { name: string; close(): void }[] = [];
export const freshName = (): string => `doc-layout-${process.pid}-${randomBytes(4).toString('hex')}`;
export function keep<T extends { name: string; close(): void }>(object: T): T {
  made.push(object);
  return object;
}
afterEach(() => {
  const names = new Set(made.map(({ name }) => name));
  for (const object of made.splice(0)) object.close();
  // An 'attached' object is gone by now.
  for (const name of names) if (existsSync(`/dev/shm${name}`)) unlink(name);
});

export const HEADER = table('offsets: HEADER');
const CONSTANTS = {
  ...numbers('constants of lib/memory/header-layout.ts'),
  ...numbers('constants of lib/memory/roster-layout.ts'),
  ...numbers('constants of lib/memory/slot-table-layout.ts'),
  ...numbers('constants of lib/messages/pipe-layout.ts'),
  ...numbers('constants of lib/messages/ring-layout.ts'),
  ...numbers('constants of lib/sync/barrier-layout.ts'),
  ...numbers('constants of lib/sync/condition-layout.ts'),
  ...numbers('constants of lib/sync/event-layout.ts'),
} as Record<string, number>;
export const constant = (name: string): number => {
  const value = CONSTANTS[name];
  if (value === undefined) throw new Error(`the document has no constant ${name}`);
  return value;
};

/** A file in /dev/shm, read as plain bytes. */
export class Reader {
  readonly bytes: Buffer;

  constructor(name: string) {
    this.bytes = readFileSync(`/dev/shm${name}`);
    expect(this.bytes.subarray(0, 8).toString('latin1')).toBe('isthmus\0');
    expect(this.field('BYTE_ORDER')).toBe(constant('BYTE_ORDER_MARK'));
    expect(this.field('MAJOR')).toBe(constant('LAYOUT_MAJOR'));
    expect(this.field('MINOR')).toBe(constant('LAYOUT_MINOR'));
    expect(this.field('FILE_BYTES')).toBe(this.bytes.length);
    expect(this.field('PAYLOAD_OFFSET') + this.field('PAYLOAD_BYTES')).toBe(this.bytes.length);
    expect(this.field('STATE')).toBe(constant('STATE_OPEN'));
    for (const area of ['WORDS_OFFSET', 'ROSTER_OFFSET', 'MARKS_OFFSET'])
      expect(this.field(area) % constant('CONTROL_ALIGNMENT')).toBe(0);
    expect(this.field('PAYLOAD_OFFSET') % constant('PAYLOAD_ALIGNMENT')).toBe(0);
    const zero = [...this.bytes.subarray(108, 128), ...this.bytes.subarray(132, 256)];
    expect(zero.every((byte) => byte === 0)).toBe(true);
  }

  field(name: string): number {
    const row = HEADER.find(([field]) => field === name)!;
    const [offset, size] = [Number(row[1]), Number(row[2])];
    return size === 8 ? Number(this.bytes.readBigUInt64LE(offset)) : this.bytes.readUIntLE(offset, size);
  }

  get kind(): string {
    return Object.entries(numbers('names: KINDS')).find(([, number]) => number === this.field('KIND'))![0];
  }

  get schema(): Record<string, unknown> {
    const at = this.field('SCHEMA_OFFSET');
    return JSON.parse(this.bytes.toString('utf8', at, at + this.field('SCHEMA_BYTES')));
  }

  word(area: string, index: number): number {
    return this.bytes.readUInt32LE(this.field(area) + 4 * index);
  }

  slot(slot: number, name: string): number {
    const { [name]: word } = numbers('words: SLOT');
    const at = this.field('ROSTER_OFFSET') + slot * constant('SLOT_BYTES') + 4 * word!;
    const words = table('words: SLOT').find(([field]) => field === name)![2];
    return words === '2' ? Number(this.bytes.readBigUInt64LE(at)) : this.bytes.readUInt32LE(at);
  }

  /** A field of a slot's entry in a slot table that begins at a control word. */
  entry(first: number, slot: number, name: string): number {
    return this.word('WORDS_OFFSET', first + slot * constant('ENTRY_WORDS') + numbers('words: ENTRY')[name]!);
  }

  /** The owner word of the participant that has a slot now. */
  ownerOf(slot: number): number {
    return (this.slot(slot, 'GENERATION') << 10) | slot;
  }

  mark(slot: number): number {
    const page = this.field('MARKS_OFFSET') + slot * constant('MARK_PAGE_BYTES');
    return this.bytes.readUInt32LE(page + constant('MARK_OFFSET'));
  }

  get payload(): Buffer {
    return this.bytes.subarray(this.field('PAYLOAD_OFFSET'));
  }

  /** An element by the name of its type and its size in the document. */
  element(type: string, index: number): unknown {
    const bytes = numbers('element types')[type]!;
    const at = index * bytes;
    const { payload } = this;
    switch (type[0]) {
      case 'i':
        return bytes === 8 ? payload.readBigInt64LE(at) : payload.readIntLE(at, bytes);
      case 'u':
        return bytes === 8 ? payload.readBigUInt64LE(at) : payload.readUIntLE(at, bytes);
      case 'f':
        return bytes === 8 ? payload.readDoubleLE(at) : payload.readFloatLE(at);
      default:
        return payload[at] !== 0;
    }
  }
}

export const SAMPLES: Record<string, unknown> = {
  i8: -100,
  u8: 200,
  i16: -30_000,
  u16: 60_000,
  i32: -2_000_000_000,
  u32: 4_000_000_000,
  i64: -(2n ** 62n) - 1n,
  u64: 2n ** 63n + 1n,
  f32: 0.5,
  f64: Math.PI,
  bool: true,
};

export function schemaKeys(kind: string): string[] {
  return table('schemas')
    .filter(([of]) => of === kind)
    .map(([, key]) => key!)
    .sort();
}
