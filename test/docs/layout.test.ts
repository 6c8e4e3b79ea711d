// docs/layout.md against the code: every constant is in a table and every row of a table is in the code; and real
// objects, read from /dev/shm as plain files, are what the document says, with no offset that is not in its tables.

import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import {
  Barrier,
  Condition,
  type ElementType,
  Event,
  Lock,
  PermitPool,
  Pipe,
  Queue,
  RLock,
  RwLock,
  SharedArray,
  SharedList,
  SharedMap,
  SharedStruct,
  SpscQueue,
  text as textField,
  unlink,
  Value,
} from 'isthmus';
import { afterEach, describe, expect, test } from 'vitest';
import * as listLayout from '../../dist/collections/list-layout.js';
import * as mapLayout from '../../dist/collections/map-layout.js';
import * as storeLayout from '../../dist/collections/store-layout.js';
import * as header from '../../dist/memory/header-layout.js';
import * as roster from '../../dist/memory/roster-layout.js';
import * as slots from '../../dist/memory/slot-table-layout.js';
import * as pipe from '../../dist/messages/pipe-layout.js';
import * as queueLayout from '../../dist/messages/queue-layout.js';
import * as ring from '../../dist/messages/ring-layout.js';
import * as barrier from '../../dist/sync/barrier-layout.js';
import * as condition from '../../dist/sync/condition-layout.js';
import * as event from '../../dist/sync/event-layout.js';
import * as lock from '../../dist/sync/lock-layout.js';
import * as pool from '../../dist/sync/pool-layout.js';
import * as rwlock from '../../dist/sync/rwlock-layout.js';
import * as elements from '../../dist/values/element-types.js';
import * as structLayout from '../../dist/values/struct-layout.js';
import * as watch from '../../dist/values/watch-layout.js';
import { start } from '../processes/start.js';

const text = readFileSync(new URL('../../docs/layout.md', import.meta.url), 'utf8');

// ---- the document

/** The rows of the table that follows a marker comment, cells without their backticks. */
function table(marker: string): string[][] {
  const lines = text.split('\n');
  const at = lines.indexOf(`<!-- ${marker} -->`);
  if (at < 0) throw new Error(`docs/layout.md has no table '${marker}'`);
  const begin = lines.findIndex((line, index) => index > at && line.startsWith('|'));
  if (lines.slice(at + 1, begin).some((line) => line !== ''))
    throw new Error(`'${marker}' is not right before its table`);
  const end = lines.findIndex((line, index) => index > begin && !line.startsWith('|'));
  return lines.slice(begin + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

/** First column to second column, a number. */
function numbers(marker: string): Record<string, number> {
  const rows = table(marker);
  const found = Object.fromEntries(rows.map(([name, number]) => [name!, Number(number)]));
  if (Object.keys(found).length !== rows.length) throw new Error(`'${marker}' names something twice`);
  return found;
}

// ---- tables and code, in both directions

/** A module's numbers; `OWNER_ABANDONED` is negative in JavaScript's 32-bit arithmetic. */
function constantsOf(module: object): Record<string, number> {
  const found = Object.entries(module).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  return Object.fromEntries(found.map(([name, value]) => [name, value < 0 ? value >>> 0 : value]));
}

/** What a module exports that is no number: each must have a table of its own. */
function groupsOf(module: object): string[] {
  return Object.keys(module)
    .filter((name) => name !== 'default' && name !== 'module.exports' && name !== '__esModule')
    .filter((name) => typeof module[name as never] !== 'number')
    .sort();
}

describe('docs/layout.md and the code', () => {
  test.each([
    ['lib/memory/header-layout.ts', header],
    ['lib/memory/roster-layout.ts', roster],
    ['lib/collections/store-layout.ts', storeLayout],
    ['lib/collections/map-layout.ts', mapLayout],
    ['lib/collections/list-layout.ts', listLayout],
    ['lib/memory/slot-table-layout.ts', slots],
    ['lib/messages/pipe-layout.ts', pipe],
    ['lib/messages/ring-layout.ts', ring],
    ['lib/messages/queue-layout.ts', queueLayout],
    ['lib/sync/barrier-layout.ts', barrier],
    ['lib/sync/condition-layout.ts', condition],
    ['lib/sync/event-layout.ts', event],
    ['lib/sync/lock-layout.ts', lock],
    ['lib/values/struct-layout.ts', structLayout],
    ['lib/values/watch-layout.ts', watch],
  ])('constants of %s', (file, module) => {
    expect(numbers(`constants of ${file}`)).toEqual(constantsOf(module));
  });

  test('nothing else is exported without a table', () => {
    expect(groupsOf(header)).toEqual(['HEADER', 'KINDS', 'LIFETIMES', 'MAGIC', 'TEMPORARY_PREFIX']);
    expect(text).toContain(`/dev/shm/${header.TEMPORARY_PREFIX}`);
    expect(groupsOf(roster)).toEqual(['SLOT']);
    expect(groupsOf(pipe)).toEqual(['PIPE']);
    expect(groupsOf(ring)).toEqual(['FRAME', 'RING']);
    const sizes = ['blocksFor', 'blocksOffset', 'payloadBytes', 'queueWordsBytes'];
    expect(groupsOf(queueLayout)).toEqual(['BLOCK', 'JOB', 'QUEUE', ...sizes]);
    expect(groupsOf(storeLayout)).toEqual(['BLOCK', 'ROOT', 'STORE', 'planStore', 'storeWordsBytes']);
    expect(groupsOf(mapLayout)).toEqual(['ENTRY', 'KEY', 'MAP', 'VALUE']);
    expect(groupsOf(listLayout)).toEqual(['ITEM', 'LIST']);
    expect(groupsOf(slots)).toEqual(['ENTRY']);
    expect(groupsOf(barrier)).toEqual(['BARRIER']);
    expect(groupsOf(condition)).toEqual(['CONDITION']);
    expect(groupsOf(event)).toEqual(['EVENT']);
    expect(groupsOf(lock)).toEqual(['LOCK']);
    expect(groupsOf(pool)).toEqual(['POOL']);
    expect(groupsOf(rwlock)).toEqual(['RWLOCK']);
    for (const module of [pool, rwlock]) expect(constantsOf(module)).toEqual({}); // or they need a table
    expect(groupsOf(watch)).toEqual(['WATCH']);
    expect(groupsOf(structLayout)).toEqual(['STRUCT', 'TEXT']);
  });

  test('the header', () => {
    expect(numbers('offsets: HEADER')).toEqual(header.HEADER);
    const rows = table('offsets: HEADER').map(([name, offset, size, type]) => ({
      name: name!,
      offset: Number(offset),
      size: Number(size),
      type: type!,
    }));
    let end = 0;
    for (const { name, offset, size, type } of rows) {
      expect(offset, `${name} begins where the field before it ends or later`).toBeGreaterThanOrEqual(end);
      end = offset + size;
      if (type !== 'bytes') expect(size, name).toBe(Number(type.slice(1)) / 8);
      if (type !== 'bytes') expect(offset % size, `${name} is aligned`).toBe(0);
    }
    expect(end).toBeLessThanOrEqual(header.SCHEMA_OFFSET);
    const magic = table('offsets: HEADER')[0]![4]!;
    expect(magic.startsWith(header.MAGIC.toString('hex').replace(/(..)(?=.)/g, '$1 '))).toBe(true);
    expect(rows[0]!.size).toBe(header.MAGIC.length);
  });

  test('lifetimes, kinds, frames, words', () => {
    expect(numbers('names: LIFETIMES')).toEqual(
      Object.fromEntries(header.LIFETIMES.map((name, i) => [name, i])),
    );
    expect(numbers('names: KINDS')).toEqual(header.KINDS);
    expect(numbers('names: FRAME')).toEqual(ring.FRAME);
    expect(numbers('words: SLOT')).toEqual(roster.SLOT);
    expect(numbers('words: WATCH')).toEqual(watch.WATCH);
    expect(numbers('words: RING')).toEqual(ring.RING);
    expect(numbers('words: QUEUE')).toEqual(queueLayout.QUEUE);
    expect(numbers('words: JOB')).toEqual(queueLayout.JOB);
    expect(numbers('words: BLOCK')).toEqual(queueLayout.BLOCK);
    expect(numbers('words: STORE')).toEqual(storeLayout.STORE);
    expect(numbers('words: ROOT')).toEqual(storeLayout.ROOT);
    expect(numbers('words: FREE BLOCK')).toEqual(storeLayout.BLOCK);
    expect(numbers('words: MAP')).toEqual(mapLayout.MAP);
    expect(numbers('words: MAP ENTRY')).toEqual(mapLayout.ENTRY);
    expect(numbers('names: KEY')).toEqual(mapLayout.KEY);
    expect(numbers('names: VALUE')).toEqual(mapLayout.VALUE);
    expect(numbers('words: LIST')).toEqual(listLayout.LIST);
    expect(numbers('words: LIST ITEM')).toEqual(listLayout.ITEM);
    expect(numbers('words: PIPE')).toEqual(pipe.PIPE);
    expect(numbers('words: LOCK')).toEqual(lock.LOCK);
    expect(numbers('words: ENTRY')).toEqual(slots.ENTRY);
    expect(numbers('words: RWLOCK')).toEqual(rwlock.RWLOCK);
    expect(numbers('words: CONDITION')).toEqual(condition.CONDITION);
    expect(numbers('words: EVENT')).toEqual(event.EVENT);
    expect(numbers('words: BARRIER')).toEqual(barrier.BARRIER);
    expect(numbers('words: POOL')).toEqual(pool.POOL);
    expect(numbers('words: STRUCT')).toEqual(structLayout.STRUCT);
    expect(numbers('words: TEXT')).toEqual(structLayout.TEXT);
  });

  test('element types', () => {
    const bytes = Object.fromEntries(
      Object.entries(elements.STORAGE).map(([name, storage]) => [name, storage.bytes]),
    );
    expect(numbers('element types')).toEqual(bytes);
    const documented = table('element types').flatMap(([name, , codes]) =>
      codes!
        .split(',')
        .map((code) => code.trim())
        .filter((code) => code !== '')
        .map((code) => [code, name!] as const),
    );
    for (const [code, name] of documented) expect(elements.checkElementType(code), code).toBe(name);
    // Everything of one character that the code accepts is in the table.
    const accepted = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ?'].filter((code) => {
      try {
        return elements.checkElementType(code) !== undefined;
      } catch {
        return false;
      }
    });
    expect(documented.map(([code]) => code).sort()).toEqual(accepted.sort());
  });

  test('in both directions: a row too many, one too few, a number that is off', () => {
    // The comparisons above are worth nothing if the parser drops what it does not understand.
    for (const marker of text.matchAll(/<!-- (.*) -->/g))
      expect(table(marker[1]!).length, marker[1]).toBeGreaterThan(0);
    const numeric = [
      ...text.matchAll(/<!-- ((?:constants of|offsets:|words:|names:) .*|element types) -->/g),
    ];
    expect(numeric).toHaveLength(45);
    for (const marker of numeric) {
      for (const [name, number] of Object.entries(numbers(marker[1]!))) {
        expect(name, marker[1]).toMatch(/^[A-Za-z]\w*$/);
        expect(Number.isSafeInteger(number), `${marker[1]}: ${name}`).toBe(true);
      }
    }
  });
});

// ---- real objects, by the document alone

const made: { name: string; close(): void }[] = [];
const freshName = (): string => `doc-layout-${process.pid}-${randomBytes(4).toString('hex')}`;
function keep<T extends { name: string; close(): void }>(object: T): T {
  made.push(object);
  return object;
}
afterEach(() => {
  const names = new Set(made.map(({ name }) => name));
  for (const object of made.splice(0)) object.close();
  // An 'attached' object is gone by now.
  for (const name of names) if (existsSync(`/dev/shm${name}`)) unlink(name);
});

const HEADER = table('offsets: HEADER');
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
const constant = (name: string): number => {
  const value = CONSTANTS[name];
  if (value === undefined) throw new Error(`the document has no constant ${name}`);
  return value;
};

/** A file in /dev/shm, read as plain bytes. */
class Reader {
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

const SAMPLES: Record<string, unknown> = {
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

function schemaKeys(kind: string): string[] {
  return table('schemas')
    .filter(([of]) => of === kind)
    .map(([, key]) => key!)
    .sort();
}

describe('objects as the document says', () => {
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

  test('header, lifetime, roster and sleep word', async () => {
    const before = Date.now();
    const value = keep(
      Value.create(freshName(), 'i32', { lifetime: 'attached', participants: 70, mode: 0o640 }),
    );
    const file = new Reader(value.name);
    expect(file.field('LIFETIME')).toBe(numbers('names: LIFETIMES').attached);
    expect(file.field('PARTICIPANTS')).toBe(70);
    expect(file.field('CREATOR_PID')).toBe(process.pid);
    expect(file.field('CREATED_AT')).toBeGreaterThanOrEqual(before);
    expect(file.field('CREATED_AT')).toBeLessThanOrEqual(Date.now());
    expect(file.field('MARKS_OFFSET') - file.field('ROSTER_OFFSET')).toBe(8192); // 70 slots of 64 bytes, up to 4096s
    expect(file.field('PAYLOAD_OFFSET') - file.field('MARKS_OFFSET')).toBeGreaterThanOrEqual(70 * 4096);

    expect(file.slot(0, 'GENERATION')).toBe(1);
    expect(file.slot(0, 'STATE')).toBe(constant('SLOT_CLAIMED'));
    expect(file.slot(0, 'PID')).toBe(process.pid);
    expect(file.slot(0, 'THREAD')).toBe(0);
    expect(file.slot(0, 'ATTACHED_AT')).toBeGreaterThanOrEqual(before);
    expect(file.slot(0, 'MARK')).toBe(1);
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    expect(file.mark(0)).toBe(thread + 2 ** 31);
    expect(file.slot(1, 'GENERATION')).toBe(0);
    expect(file.slot(1, 'MARK')).toBe(0);
    expect(file.slot(1, 'STATE')).toBe(constant('SLOT_FREE'));

    const { SLEEP, LOCK } = numbers('words: WATCH') as { SLEEP: number; LOCK: number };
    expect(file.word('WORDS_OFFSET', SLEEP)).toBe(0);
    expect(file.word('WORDS_OFFSET', LOCK)).toBe(0);
    const awaited = value.waitFor((now) => now === 1, { timeout: 30_000 });
    while ((new Reader(value.name).word('WORDS_OFFSET', SLEEP) & 1) === 0) await new Promise(setImmediate);
    value.add(1 as never);
    expect(new Reader(value.name).word('WORDS_OFFSET', SLEEP)).toBe(2); // one change woke somebody; nobody sleeps
    expect(await awaited).toBe(1);
  });

  test('an SpscQueue: positions, roles, frames of every type, over the end of the ring', () => {
    // So near 2^32 that the positions wrap, at a place in the ring where a frame runs over its end.
    const start = 2 ** 32 - 24;
    const queue = keep(
      SpscQueue.create(freshName(), { capacity: 4096, codec: 'json', startPosition: start }),
    );
    const words = numbers('words: RING') as Record<
      'TAIL' | 'HEAD' | 'PRODUCER' | 'CONSUMER' | 'START',
      number
    >;
    const types = numbers('names: FRAME');
    const empty = new Reader(queue.name);
    expect(empty.kind).toBe('spsc');
    expect(Object.keys(empty.schema).sort()).toEqual(schemaKeys('spsc'));
    expect(empty.schema).toEqual({ capacity: 4096, codec: 'json' });
    expect(empty.field('FLAGS')).toBe(constant('FLAG_MIRRORED'));
    expect(empty.field('PAYLOAD_BYTES')).toBe(constant('RING_LEAST'));
    for (const word of [words.TAIL, words.HEAD, words.START])
      expect(empty.word('WORDS_OFFSET', word)).toBe(start);
    for (const word of [words.PRODUCER, words.CONSUMER]) expect(empty.word('WORDS_OFFSET', word)).toBe(0);

    const producer = keep(queue.producer());
    producer.putSync('a message that is longer than 24 bytes: ä');
    producer.putSync('alone \ud800');
    producer.putSync(new Uint8Array([1, 2, 3]));
    producer.putSync(Buffer.from('buffer'));
    producer.putSync('');
    producer.putSync({ n: [1, null] });
    producer.end();

    const file = new Reader(queue.name);
    const owner = file.word('WORDS_OFFSET', words.PRODUCER) & constant('OWNER_MASK');
    const slot = owner & 0x3ff;
    expect(owner >>> 10).toBe(file.slot(slot, 'GENERATION'));
    expect(file.slot(slot, 'PID')).toBe(process.pid);

    const tail = file.word('WORDS_OFFSET', words.TAIL);
    const head = file.word('WORDS_OFFSET', words.HEAD);
    expect(tail & constant('FLAGS')).toBe(constant('ENDED'));
    expect(head & constant('FLAGS')).toBe(0);
    const size = file.field('PAYLOAD_BYTES');
    const twice = Buffer.concat([file.payload, file.payload]); // as if mapped twice in a row
    const used = ((tail & ~constant('FLAGS')) - (head & ~constant('FLAGS'))) >>> 0;
    expect(used).toBe(queue.used);
    const messages: [number, string][] = [];
    for (let done = 0; done < used; ) {
      const at = ((head & ~constant('FLAGS')) + done) & (size - 1);
      const length = twice.readUInt32LE(at);
      const bytes = twice.subarray(at + constant('FRAME_BYTES'), at + constant('FRAME_BYTES') + length);
      messages.push([twice.readUInt32LE(at + 4), bytes.toString('latin1')]);
      done += constant('FRAME_BYTES') + Math.ceil(length / 8) * 8;
    }
    expect(messages).toEqual([
      [types.UTF8, Buffer.from('a message that is longer than 24 bytes: ä').toString('latin1')],
      [types.UTF16, Buffer.from('alone \ud800', 'utf16le').toString('latin1')],
      [types.BYTES, '\x01\x02\x03'],
      [types.BUFFER, 'buffer'],
      [types.UTF8, ''],
      [types.CODEC, '{"n":[1,null]}'],
    ]);
  });

  test('a SharedMap: hashes, chains, entries, the heap, from the document alone', () => {
    const map = keep(
      SharedMap.create<string | number, unknown>(freshName(), { maxBytes: '256KB', codec: 'json' }),
    );
    const expected = new Map<unknown, string>();
    for (let n = 0; n < 200; n++) {
      map.set(`key ${n}`, 'x'.repeat(n));
      expected.set(`key ${n}`, 'x'.repeat(n));
    }
    for (let n = 0; n < 50; n++) {
      map.delete(`key ${2 * n}`);
      expected.delete(`key ${2 * n}`);
    }
    map.set('expires', { a: 1 }, { ttl: 1e6 });
    expected.set('expires', '{"a":1}');

    const file = new Reader(map.name);
    expect(file.kind).toBe('map');
    expect(file.schema).toEqual({ maxBytes: 262144, codec: 'json', evict: 'none' });
    for (const key of Object.keys(file.schema)) expect(schemaKeys('map')).toContain(key);
    const store = numbers('constants of lib/collections/store-layout.ts');
    const c = numbers('constants of lib/collections/map-layout.ts');
    const root = { ...numbers('words: ROOT'), ...numbers('words: MAP') };
    const entry = numbers('words: MAP ENTRY');
    const { payload } = file;
    const word = (index: number): number => payload.readUInt32LE(4 * index);
    const at = (name: string): number => word(root[name]!);
    expect(file.word('WORDS_OFFSET', numbers('words: STORE').LOG_LENGTH!)).toBe(0);

    const hashOf = (type: number, bytes: Buffer): number => {
      let h = at('SEED') ^ type;
      for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
      h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      return (h ^ (h >>> 16)) >>> 0;
    };
    const chains = at('CHAINS');
    const m = 2 ** Math.floor(Math.log2(chains));
    const firstOf = (chain: number): number => {
      const part = chain < c.FIRST_CHAINS! ? 0 : Math.floor(Math.log2(chain)) - 5;
      const begin = part === 0 ? 0 : 32 * 2 ** part;
      return word(word(root.DIRECTORY! + part) + c.TABLE_HEAD_WORDS! + chain - begin);
    };
    const found = new Map<unknown, string>();
    for (let chain = 0; chain < chains; chain++) {
      for (let ref = firstOf(chain); ref !== 0; ref = word(ref + entry.NEXT!)) {
        const meta = word(ref + entry.META!);
        const expires = (meta & c.EXPIRES!) !== 0;
        const begin = 4 * (ref + (expires ? c.EXPIRING_ENTRY_WORDS! : c.ENTRY_WORDS!));
        const middle = begin + (meta >>> c.KEY_LENGTH_SHIFT!);
        const key = payload.subarray(begin, middle);
        const hash = word(ref + entry.HASH!);
        expect(hash).toBe(hashOf(meta & c.KEY_TYPES!, key));
        expect(hash % (2 * m) < chains ? hash % (2 * m) : hash % m).toBe(chain);
        found.set(key.toString(), payload.toString('latin1', middle, middle + word(ref + entry.LENGTH!)));
        if (expires)
          expect(word(ref + entry.EXPIRY!) * 2 ** 32 + word(ref + entry.EXPIRY! + 1)).toBeGreaterThan(0);
      }
    }
    expect(found).toEqual(expected);
    expect(at('COUNT')).toBe(expected.size);

    // From block to block, to the end.
    const heap = payload.length - 262144;
    let used = 0;
    let ref = heap / 4;
    const end = at('HEAP_END') - store.UNIT_WORDS!;
    while (ref < end) {
      const words = (word(ref) >>> store.SIZE_SHIFT!) * store.UNIT_WORDS!;
      if ((word(ref) & store.FREE!) === 0) used += words;
      else expect(word(ref + words - 1)).toBe(ref);
      ref += words;
    }
    expect(ref).toBe(end);
    expect(used).toBe(at('HEAP_USED'));
  });

  test('a SharedList: its ring and its values, from the document alone', () => {
    const list = keep(SharedList.create(freshName(), { maxBytes: '64KB', codec: 'json' }));
    for (let n = 0; n < 100; n++) list.push(`value ${n}`);
    for (let n = 0; n < 90; n++) list.shift();
    for (let n = 0; n < 10; n++) list.push({ n });
    list.push(1.5);

    const file = new Reader(list.name);
    expect(file.kind).toBe('list');
    expect(file.schema).toEqual({ maxBytes: 65536, codec: 'json' });
    for (const key of Object.keys(file.schema)) expect(schemaKeys('list')).toContain(key);
    const c = numbers('constants of lib/collections/list-layout.ts');
    const root = numbers('words: LIST');
    const item = numbers('words: LIST ITEM');
    const { payload } = file;
    const word = (index: number): number => payload.readUInt32LE(4 * index);
    const at = (name: string): number => word(root[name]!);
    const values = Array.from({ length: at('LENGTH') }, (_, n) => {
      const ref = word(at('RING') + c.RING_HEAD_WORDS! + ((at('HEAD') + n) % at('CAPACITY')));
      const meta = word(ref + item.META!);
      const bytes = payload.subarray(4 * (ref + item.BYTES!)).subarray(0, meta >>> c.ITEM_LENGTH_SHIFT!);
      const type = meta & c.ITEM_TYPES!;
      if (type === numbers('names: VALUE').NUMBER) return bytes.readDoubleLE(0);
      return type === numbers('names: FRAME').UTF8 ? bytes.toString() : JSON.parse(bytes.toString());
    });
    expect(values).toEqual(list.toArray());
    expect(values).toHaveLength(21);
    expect(at('TRASH')).toBe(0);
  });

  test('a Queue: positions, jobs, chains of blocks', () => {
    const limits = { capacity: 1024, maxItems: 9, maxJobs: 3, maxAttempts: 7 };
    const deadLetter = freshName().slice(0, 60);
    const queue = keep(Queue.create<unknown>(freshName(), { ...limits, codec: 'json', deadLetter }));
    const at = numbers('words: QUEUE');
    const flags = numbers('constants of lib/messages/queue-layout.ts');
    const types = numbers('names: FRAME');
    const jobWords = numbers('words: JOB');
    const blockWords = numbers('words: BLOCK');

    const long = 'x'.repeat(150);
    queue.putSync('got');
    queue.putManySync([long, { n: [1, null] }]);
    queue.putSync(new Uint8Array([1, 2, 3]));
    queue.putSync('');
    expect(queue.getSync()).toBe('got');
    const job = queue.takeSync()!;
    const back = queue.takeSync()!;
    back.retry();

    const file = new Reader(queue.name);
    expect(file.kind).toBe('queue');
    expect(Object.keys(file.schema).sort()).toEqual(schemaKeys('queue'));
    expect(file.schema).toEqual({ ...limits, codec: 'json', deadLetter });
    const word = (field: string): number => file.word('WORDS_OFFSET', at[field]!);
    const blocks = limits.capacity / flags.BLOCK_BYTES! + 1;
    const begin = Math.ceil((blocks * flags.BLOCK_HEAD_WORDS! * 4) / 64) * 64;
    expect(file.payload.length).toBe(begin + blocks * flags.BLOCK_BYTES!);
    const head = (block: number, field: string): number =>
      file.payload.readUInt32LE((block * flags.BLOCK_HEAD_WORDS! + blockWords[field]!) * 4);
    /** The message at a block, and the block behind it. */
    const read = (first: number): { message: [number, string]; after: number } => {
      const length = head(first, 'LENGTH');
      const parts: Buffer[] = [];
      let block = first;
      for (let left = Math.max(1, Math.ceil(length / flags.BLOCK_BYTES!)); left > 0; left--) {
        const from = begin + block * flags.BLOCK_BYTES!;
        parts.push(file.payload.subarray(from, from + flags.BLOCK_BYTES!));
        block = head(block, 'NEXT');
      }
      const bytes = Buffer.concat(parts).subarray(0, length);
      return { message: [head(first, 'TYPE'), bytes.toString('latin1')], after: block };
    };

    const [puts, taken] = [word('PUTS'), word('TAKEN')];
    const plain = ~(flags.OTHER! | flags.ENDED!);
    expect([(puts & plain) / flags.COUNT_STEP!, (taken & plain) / flags.COUNT_STEP!]).toEqual([5, 3]);
    expect(puts & flags.ENDED!).toBe(0);
    const chosen = (pair: string, by: number): number =>
      file.word('WORDS_OFFSET', at[pair]! + ((by & flags.OTHER!) === 0 ? 0 : 1));
    const messages: [number, string][] = [];
    let block = chosen('HEADS', taken);
    for (let left = 2; left > 0; left--) {
      const { message, after } = read(block);
      messages.push(message);
      block = after;
    }
    expect(messages).toEqual([
      [types.BYTES, '\x01\x02\x03'],
      [types.UTF8, ''],
    ]);
    expect(block).toBe(chosen('TAILS', puts));
    // All free blocks: those that nothing has, up to the free end.
    let free = 1;
    for (; block !== word('FREE_END'); block = head(block, 'NEXT')) free++;
    expect(free).toBe(blocks - 3 - 1 - 1 - 1);
    expect(word('INTENT_FIRST')).toBe(flags.NO_BLOCK);

    expect(word('TOP')).toBe(2);
    const entry = (n: number, field: string): number =>
      file.word('WORDS_OFFSET', at.JOBS! + n * flags.JOB_WORDS! + jobWords[field]!);
    expect(entry(0, 'OWNER')).toBe(file.slot(0, 'GENERATION') << 10);
    expect(entry(1, 'OWNER')).toBe(flags.JOB_RETURNED);
    expect(entry(2, 'OWNER')).toBe(0);
    expect([0, 1].map((n) => read(entry(n, 'FIRST')).message)).toEqual([
      [types.UTF8, long],
      [types.CODEC, '{"n":[1,null]}'],
    ]);
    expect([0, 1].map((n) => entry(n, 'ATTEMPT'))).toEqual([1, 1]);
    expect([0, 1].map((n) => entry(n, 'NUMBER') / flags.COUNT_STEP!)).toEqual([1, 2]);

    job.done();
    queue.end();
    expect(new Reader(queue.name).word('WORDS_OFFSET', at.PUTS!) & flags.ENDED!).toBe(flags.ENDED);
    for (const lock of ['PUT_LOCK', 'GET_LOCK']) expect(word(lock)).toBe(0);
  });

  test('a Pipe: both directions, the steps of closing', () => {
    const name = freshName();
    const a = keep(Pipe.open(name, { capacity: 4096, codec: 'json', startPosition: 64 }));
    const b = keep(Pipe.open(name));
    const { A_TO_B, B_TO_A, A, B } = numbers('words: PIPE') as Record<
      'A_TO_B' | 'B_TO_A' | 'A' | 'B',
      number
    >;
    const { TAIL, HEAD, START } = numbers('words: RING') as Record<'TAIL' | 'HEAD' | 'START', number>;
    a.sendSync('to b');
    a.sendSync('second');
    b.sendSync('to a');
    const file = new Reader(a.name);
    const word = (index: number): number => new Reader(a.name).word('WORDS_OFFSET', index);
    expect(file.kind).toBe('pipe');
    expect(Object.keys(file.schema).sort()).toEqual(schemaKeys('pipe'));
    expect(file.schema).toEqual({ capacity: 4096, codec: 'json', duplex: true });
    expect(file.field('FLAGS')).toBe(constant('FLAG_MIRRORED'));
    expect(file.field('PAYLOAD_BYTES')).toBe(2 * constant('RING_LEAST'));
    expect([word(A), word(B)]).toEqual([file.ownerOf(0), file.ownerOf(0)]); // both of this environment
    for (const [first, tail] of [
      [A_TO_B, 64 + 2 * 16],
      [B_TO_A, 64 + 16],
    ] as const)
      expect([word(first + TAIL), word(first + HEAD), word(first + START)]).toEqual([tail, 64, 64]);
    const text = (ring: number): string => {
      const at = ring * constant('RING_LEAST') + 64;
      const length = file.payload.readUInt32LE(at);
      return file.payload.toString(
        'utf8',
        at + constant('FRAME_BYTES'),
        at + constant('FRAME_BYTES') + length,
      );
    };
    expect([text(0), text(1)]).toEqual(['to b', 'to a']);

    a.end();
    expect(word(A_TO_B + TAIL) & constant('FLAGS')).toBe(constant('ENDED'));
    expect(word(A)).toBe(file.ownerOf(0));
    a.close();
    expect(word(B_TO_A + HEAD) & constant('FLAGS')).toBe(constant('GONE'));
    expect([word(A), word(B)]).toEqual([constant('END_CLOSED'), file.ownerOf(0)]);

    const reader = keep(Pipe.open(freshName(), { duplex: false, capacity: 64 }));
    const oneWay = new Reader(reader.name);
    expect(oneWay.schema).toMatchObject({ duplex: false });
    expect(oneWay.field('PAYLOAD_BYTES')).toBe(constant('RING_LEAST'));
    expect([A, B].map((end) => oneWay.word('WORDS_OFFSET', end))).toEqual([0, oneWay.ownerOf(0)]);
    expect(constant('DIRECTION_WORDS')).toBe(B_TO_A - A_TO_B);
  });

  test('an owner word, and the mark of a holder that was killed', async () => {
    const lock = keep(Lock.create(freshName()));
    const guard = lock.acquireSync();
    const { OWNER } = numbers('words: LOCK') as { OWNER: number };
    const held = new Reader(lock.name);
    expect(held.kind).toBe('lock');
    expect(held.word('WORDS_OFFSET', OWNER) & constant('OWNER_MASK')).toBe(
      (held.slot(0, 'GENERATION') << 10) | 0,
    );
    guard.release();
    expect(new Reader(lock.name).word('WORDS_OFFSET', OWNER)).toBe(0);

    const peer = start(({ Lock }, { args, say }) => {
      Lock.attach(args[0]!).acquireSync();
      say();
      setInterval(() => undefined, 1000);
    }, lock.name);
    await peer.said();
    peer.kill();
    await peer.exited;
    const dead = new Reader(lock.name);
    expect(dead.word('WORDS_OFFSET', OWNER)).toBe((dead.slot(1, 'GENERATION') << 10) | 1);
    expect(dead.slot(1, 'MARK')).toBe(1);
    expect(dead.mark(1) & constant('MARK_DIED')).toBe(constant('MARK_DIED'));
  });

  test('a PermitPool, an RLock', () => {
    const pool = keep(PermitPool.create(freshName(), 3));
    const permits = [pool.acquireSync(), pool.acquireSync()];
    const file = new Reader(pool.name);
    expect(file.kind).toBe('pool');
    expect(Object.keys(file.schema).sort()).toEqual(schemaKeys('pool'));
    expect(file.schema).toEqual({ permits: 3 });
    expect(file.field('PAYLOAD_BYTES')).toBe(0);
    const { PERMITS, SLEEP } = numbers('words: POOL') as { PERMITS: number; SLEEP: number };
    const owners = [0, 1, 2].map((permit) => file.word('WORDS_OFFSET', PERMITS + permit));
    expect(owners).toEqual([file.ownerOf(0), file.ownerOf(0), 0]);
    expect(file.word('WORDS_OFFSET', SLEEP)).toBe(0);
    for (const permit of permits) permit.release();
    expect(new Reader(pool.name).word('WORDS_OFFSET', PERMITS)).toBe(0);

    const rlock = keep(RLock.create(freshName()));
    const guards = [rlock.acquireSync(), rlock.acquireSync()];
    const held = new Reader(rlock.name);
    expect(held.kind).toBe('rlock');
    expect(held.schema).toEqual({});
    expect(held.word('WORDS_OFFSET', numbers('words: LOCK')['OWNER']!)).toBe(held.ownerOf(0));
    for (const guard of guards) guard.release();
  });

  test('a RwLock', () => {
    const lock = keep(RwLock.create(freshName()));
    const { WRITER, DIRTY, DRAIN, READERS } = numbers('words: RWLOCK') as Record<
      'WRITER' | 'DIRTY' | 'DRAIN' | 'READERS',
      number
    >;
    const readers = [lock.read.acquireSync(), lock.read.acquireSync()];
    const read = new Reader(lock.name);
    expect(read.kind).toBe('rwlock');
    expect(read.schema).toEqual({});
    expect(read.entry(READERS, 0, 'OWNER')).toBe(read.ownerOf(0));
    expect(read.entry(READERS, 0, 'COUNT')).toBe(2);
    expect(read.entry(READERS, 1, 'OWNER')).toBe(0);
    expect(read.word('WORDS_OFFSET', WRITER)).toBe(0);
    for (const guard of readers) guard.release();

    const writer = lock.write.acquireSync();
    const written = new Reader(lock.name);
    expect(written.entry(READERS, 0, 'COUNT')).toBe(0);
    expect(written.word('WORDS_OFFSET', WRITER)).toBe(written.ownerOf(0));
    expect(written.word('WORDS_OFFSET', DIRTY)).toBe(1);
    writer.release();
    const free = new Reader(lock.name);
    for (const word of [WRITER, DIRTY, DRAIN]) expect(free.word('WORDS_OFFSET', word)).toBe(0);
  });

  test('a Condition', async () => {
    const condition = keep(Condition.create(freshName()));
    const { LOCK, WAITERS } = numbers('words: CONDITION') as { LOCK: number; WAITERS: number };
    const mask = constant('WAITING_MASK');
    const waits = [1, 2].map(() => condition.lock.withLock((guard) => condition.wait(guard)));
    // Until both wait, and the announcement that somebody sleeps is there.
    const count = (): number => new Reader(condition.name).entry(WAITERS, 0, 'COUNT');
    while (count() !== constant('WAITERS_ASLEEP') + 2) await new Promise(setImmediate);
    const file = new Reader(condition.name);
    expect(file.kind).toBe('condition');
    expect(file.schema).toEqual({ lock: 'lock' });
    expect(file.entry(WAITERS, 0, 'OWNER')).toBe(file.ownerOf(0));
    condition.lock.withLockSync(() => {
      expect(condition.notify()).toBe(1);
      const notified = new Reader(condition.name);
      expect(notified.word('WORDS_OFFSET', LOCK) & constant('OWNER_MASK')).toBe(notified.ownerOf(0));
      expect(count() & mask).toBe(2);
      expect((count() >>> constant('NOTIFIED_SHIFT')) & mask).toBe(1);
      expect(condition.notifyAll()).toBe(1);
      expect((count() >>> constant('NOTIFIED_SHIFT')) & mask).toBe(2);
    });
    await Promise.all(waits);
    expect(count() % constant('WAITERS_ASLEEP')).toBe(0);

    const lock = keep(RLock.create(freshName()));
    const another = new Reader(keep(Condition.create(freshName(), { lock })).name);
    expect(Object.keys(another.schema).sort()).toEqual(schemaKeys('condition'));
    const at = Number(HEADER.find(([field]) => field === 'INSTANCE_ID')![1]);
    const instance = new Reader(lock.name).bytes.toString('hex', at, at + 16);
    expect(another.schema).toEqual({ lock: 'rlock', name: lock.name, instance });
  });

  test('an Event', async () => {
    const event = keep(Event.create(freshName()));
    const { STATE } = numbers('words: EVENT') as { STATE: number };
    const state = (): number => new Reader(event.name).word('WORDS_OFFSET', STATE);
    expect(new Reader(event.name).kind).toBe('event');
    expect(new Reader(event.name).schema).toEqual({});
    expect(state()).toBe(0);
    const wait = event.wait();
    while (state() !== constant('EVENT_ASLEEP')) await new Promise(setImmediate);
    event.set();
    event.set();
    expect(state()).toBe(constant('EVENT_CALL') + constant('EVENT_SET'));
    await wait;
    event.clear();
    expect(state()).toBe(constant('EVENT_CALL'));
  });

  test('a Barrier', async () => {
    const barrier = keep(Barrier.create(freshName(), 2));
    const { STATE, ENDS, PARTIES } = numbers('words: BARRIER') as Record<
      'STATE' | 'ENDS' | 'PARTIES',
      number
    >;
    const state = (): number => new Reader(barrier.name).word('WORDS_OFFSET', STATE);
    const ends = (): number => new Reader(barrier.name).word('WORDS_OFFSET', ENDS);
    const round = (): number => state() >>> constant('ROUND_SHIFT');
    const first = barrier.wait();
    while (state() !== constant('BARRIER_ASLEEP') + 1) await new Promise(setImmediate);
    const file = new Reader(barrier.name);
    expect(file.kind).toBe('barrier');
    expect(Object.keys(file.schema).sort()).toEqual(schemaKeys('barrier'));
    expect(file.schema).toEqual({ parties: 2 });
    expect(file.entry(PARTIES, 0, 'OWNER')).toBe(file.ownerOf(0));
    expect([await barrier.wait(), await first]).toEqual([1, 0]);
    expect([round(), ends(), state() & constant('ARRIVED_MASK')]).toEqual([1, 0, 0]);

    const reset = barrier.wait().catch((error) => error.code);
    barrier.reset();
    expect([round(), ends()]).toEqual([2, 1]);
    expect(await reset).toBe('ERR_ISTHMUS_BROKEN_BARRIER');
    barrier.abort();
    expect(state() & constant('BARRIER_BROKEN')).toBe(constant('BARRIER_BROKEN'));
    barrier.reset();
    expect([round(), ends()]).toEqual([3, 3]);

    const name = freshName();
    const action = keep(
      Barrier.create(name, 1, {
        action: () =>
          expect(new Reader(`/${name}`).word('WORDS_OFFSET', STATE)).toBe(constant('BARRIER_ACTING') + 1),
      }),
    );
    expect(action.waitSync()).toBe(0);
    expect(constant('ENDS_BITS')).toBe(32);
  });

  test('what the document says of sizes holds for a new object', () => {
    const value = keep(Value.create(freshName(), 'i32'));
    const fd = openSync(`/dev/shm${value.name}`, 'r');
    const { size, blocks } = fstatSync(fd);
    closeSync(fd);
    const file = new Reader(value.name);
    expect(size).toBe(file.field('FILE_BYTES'));
    // Reserved: everything before the mark pages, the payload, and the mark page of the one participant.
    const marks = file.slot(0, 'MARK') * constant('MARK_PAGE_BYTES');
    const reserved =
      file.field('MARKS_OFFSET') + marks + Math.ceil(file.field('PAYLOAD_BYTES') / 4096) * 4096;
    expect(blocks * 512).toBeGreaterThanOrEqual(file.field('MARKS_OFFSET') + file.field('PAYLOAD_BYTES'));
    if (spawnSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }).stdout?.trim() === '4096')
      expect(blocks * 512).toBe(reserved);
  });
});

// ---- other languages

const PYTHON = spawnSync('python3', ['--version']).status === 0;

function python(source: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('python3', ['-c', source, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (status !== 0) throw new Error(`python3 ended with ${status}: ${stderr}`);
  return stdout.trim();
}

describe.skipIf(!PYTHON)('in Python', () => {
  const block = /```python\n([\s\S]*?)```/.exec(text)?.[1] ?? '';

  test.each(Object.entries(SAMPLES))(
    'the reader in the document reads a Value of type %s',
    (type, sample) => {
      const value = keep(Value.create(freshName(), type as ElementType, { initial: sample as never }));
      const shown = sample === true ? 'True' : String(sample);
      expect(python(block, value.name)).toBe(`${type} ${shown}`);
    },
  );

  test('it refuses what is no Value', () => {
    const array = keep(SharedArray.create(freshName(), 'i32', 1));
    expect(() => python(block, array.name)).toThrow('not a Value');
  });

  test('a slot whose byte is locked is alive, by the numbers in the document', () => {
    const name = freshName();
    const value = Value.create(name, 'i32');
    // struct flock of 64-bit Linux: short type, short whence, (pad), long start, long length, int pid, (pad)
    const source = `
import fcntl, struct, sys
F_OFD_GETLK = 36
with open("/dev/shm/" + sys.argv[1], "r+b") as file:
    for byte in map(int, sys.argv[2:]):
        lock = struct.pack("hhxxxxqqixxxx", fcntl.F_WRLCK, 0, byte, 1, 0)
        kind = struct.unpack_from("h", fcntl.fcntl(file, F_OFD_GETLK, lock))[0]
        print("free" if kind == fcntl.F_UNLCK else "held")
`;
    const bytes = [constant('GATE_BYTE'), constant('SLOT_BYTE'), constant('SLOT_BYTE') + 1].map(String);
    try {
      expect(python(source, name, ...bytes).split('\n')).toEqual(['free', 'held', 'free']);
      value.close();
      expect(python(source, name, ...bytes).split('\n')).toEqual(['free', 'free', 'free']);
    } finally {
      value.close();
      unlink(name);
    }
    expect(existsSync(`/dev/shm/${name}`)).toBe(false);
  });
});
