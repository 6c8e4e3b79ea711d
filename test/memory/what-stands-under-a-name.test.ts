// A name that is taken, missing, of another kind, damaged, foreign: each its own clear error, and nothing is touched.

import {
  chownSync,
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import {
  CorruptError,
  ForeignError,
  inspect,
  MismatchError,
  Semaphore,
  SharedArray,
  SharedMemory,
  SharedStruct,
  SpscQueue,
  SystemError,
  text,
  unlink,
  Value,
} from 'isthmus';
import { describe, expect, test } from 'vitest';
import { freshName, startWith } from '../processes/start.js';

const file = (name: string) => `/dev/shm/${name}`;

/** Each attaches to a name as something. */
const ATTACHERS: Record<string, (name: string) => { close(): void }> = {
  Value: (name) => Value.attach(name),
  SharedArray: (name) => SharedArray.attach(name),
  SharedStruct: (name) => SharedStruct.attach(name),
  SpscQueue: (name) => SpscQueue.attach(name),
  'Value (open)': (name) => Value.open(name, 'i32'),
  'SpscQueue (producer)': (name) => SpscQueue.producer(name),
};

function patch(name: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(file(name), 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

test('a missing name is ENOENT in the shape of Node', () => {
  const name = freshName();
  const attachers: ((name: string) => unknown)[] = [
    (name) => Value.attach(name),
    (name) => SharedArray.attach(name),
    (name) => SpscQueue.attach(name),
    (name) => SharedMemory.attach(name),
    unlink,
  ];
  for (const attach of attachers) {
    let error: unknown;
    try {
      attach(name);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(SystemError);
    expect(error).toMatchObject({ code: 'ENOENT', errno: -2, path: `/${name}`, syscall: expect.any(String) });
  }
});

test('what to do about a missing name depends on what one wanted with it', () => {
  const name = freshName();
  expect(() => Value.attach(name)).toThrow(/create it first, or use open\(\)/);
  const others: [(name: string) => unknown, RegExp][] = [
    [unlink, /removed before, or is spelled otherwise .*isthmus ls.*Semaphore\.unlink/],
    [Semaphore.unlink, /no semaphore has this name: it was removed before/],
    [inspect, /isthmus ls.*sem\.NAME/],
  ];
  for (const [act, advice] of others) {
    expect(() => act(name)).toThrow(advice);
    expect(() => act(name)).not.toThrow(/create|open\(\)/);
    expect(() => act(name)).toThrow(expect.objectContaining({ code: 'ENOENT', path: `/${name}` }));
  }
});

test('a taken name is EEXIST for create, and open checks the kind', () => {
  const name = freshName();
  using value = Value.create(name, 'i32', { initial: 7 });
  const creators = [
    () => Value.create(name, 'i32'),
    () => SharedArray.create(name, 'i32', 1),
    () => SpscQueue.create(name),
    () => SharedMemory.create(name, 10),
  ];
  for (const create of creators) expect(create).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  expect(() => SharedArray.attach(name)).toThrow(MismatchError);
  expect(() => SpscQueue.open(name)).toThrow(/of kind 'value', not 'spsc'/);
  expect(() => SharedMemory.attach(name)).toThrow(MismatchError);
  expect(value.value).toBe(7);
});

describe.each(Object.entries(ATTACHERS))('%s', (_, attach) => {
  test('refuses a foreign file and leaves it alone', () => {
    for (const content of ['', 'x', 'isthmu', 'x'.repeat(100_000)]) {
      const name = freshName();
      writeFileSync(file(name), content, { mode: 0o600 });
      expect(() => attach(name)).toThrow(ForeignError);
      expect(readFileSync(file(name), 'utf8')).toBe(content);
    }
  });

  test('refuses a symbolic link, also one to a healthy object', () => {
    const target = freshName();
    using _value = Value.create(target, 'i32');
    const name = freshName();
    symlinkSync(file(target), file(name));
    expect(() => attach(name)).toThrow(/symbolic link/);
    expect(() => unlink(name)).toThrow(ForeignError);
    expect(lstatSync(file(name)).isSymbolicLink()).toBe(true);
  });

  test('refuses a directory', () => {
    const name = freshName();
    mkdirSync(file(name));
    expect(() => attach(name)).toThrow(ForeignError);
    expect(() => unlink(name)).toThrow(ForeignError);
    expect(statSync(file(name)).isDirectory()).toBe(true);
    rmSync(file(name), { recursive: true });
  });

  test('refuses a truncated object', () => {
    for (const bytes of [8, 127, 4095, 4096, 300_000]) {
      const name = freshName();
      SpscQueue.create(name).close();
      const fd = openSync(file(name), 'r+');
      ftruncateSync(fd, bytes);
      closeSync(fd);
      expect(() => attach(name), `${bytes} bytes`).toThrow(CorruptError);
      unlink(name); // a damaged object can be removed
    }
  });
});

describe('a damaged or newer header', () => {
  const damaged: [string, number, number[], unknown][] = [
    ['byte order of another machine', 8, [1, 2, 3, 4], MismatchError],
    ['byte-order mark', 8, [9, 9, 9, 9], CorruptError],
    ['newer major version', 12, [2, 0], MismatchError],
    ['unknown kind', 16, [200, 0, 0, 0], MismatchError],
    ['lifetime', 20, [9, 0, 0, 0], CorruptError],
    ['file size', 24, [1], CorruptError],
    ['payload offset', 32, [0, 0, 1, 0, 0, 0, 0, 0], CorruptError],
    ['payload offset, unaligned', 32, [8], CorruptError],
    ['payload size', 40, [255, 255, 255, 255], CorruptError],
    ['words offset', 48, [0, 0, 0, 0], CorruptError],
    ['words size', 52, [255, 255, 255, 127], CorruptError],
    ['roster offset', 56, [255, 255, 255, 255], CorruptError],
    ['participants 0', 60, [0, 0, 0, 0], CorruptError],
    ['participants 2^32 - 1', 60, [255, 255, 255, 255], CorruptError],
    ['marks offset', 64, [0, 0, 0, 0], CorruptError],
    ['schema offset', 68, [255, 255, 255, 255], CorruptError],
    ['schema size', 72, [255, 255, 255, 255], CorruptError],
    ['schema size, small', 72, [3, 0, 0, 0], CorruptError],
    ['state of a persistent object', 128, [2, 0, 0, 0], CorruptError],
    ['schema is no JSON', 256, [255], CorruptError],
    ['schema is an array', 256, [...Buffer.from('[0                     ')], CorruptError],
  ];

  test.each(damaged)('%s', (_, offset, bytes, error) => {
    const name = freshName();
    SpscQueue.create(name, { capacity: 4096 }).close();
    patch(name, offset, Uint8Array.from(bytes));
    expect(() => SpscQueue.attach(name)).toThrow(error as never);
    expect(() => SpscQueue.producer(name)).toThrow(error as never);
    unlink(name);
  });

  test('a newer minor version is accepted', () => {
    const name = freshName();
    Value.create(name, 'i32', { initial: 3 }).close();
    patch(name, 14, Uint8Array.from([9, 0]));
    using value = Value.attach(name);
    expect(value.value).toBe(3);
  });

  test.each([
    ['Value', '{"type":"i99"}', (name: string) => Value.attach(name)],
    ['Value', '{"tipe":"i32"}', (name: string) => Value.attach(name)],
    ['SharedArray', '{"type":"i32","length":1e99}', (name: string) => SharedArray.attach(name)],
    ['SharedArray', '{"type":"i32","length":-1}', (name: string) => SharedArray.attach(name)],
    ['SharedArray', '{"type":"i32","length":99999}', (name: string) => SharedArray.attach(name)],
    [
      'SharedStruct',
      '{"fields":[{"name":"a","type":"u8","offset":0}]}',
      (name: string) => SharedStruct.attach(name),
    ],
    [
      'SharedStruct',
      '{"bytes":1,"fields":[{"name":"a","type":"u8","offset":1}]}',
      (name: string) => SharedStruct.attach(name),
    ],
    [
      'SharedStruct',
      '{"bytes":16,"fields":[{"name":"a","type":"u8","length":16,"offset":0}]}',
      (name: string) => SharedStruct.attach(name),
    ],
    ['SharedStruct', '{"bytes":1,"fields":{"a":"u8"}}', (name: string) => SharedStruct.attach(name)],
    ['SpscQueue', '{"capacity":1e99,"codec":"raw"}', (name: string) => SpscQueue.attach(name)],
    ['SpscQueue', '{"capacity":100,"codec":"raw"}', (name: string) => SpscQueue.attach(name)],
    ['SpscQueue', '{"capacity":4096,"codec":5}', (name: string) => SpscQueue.attach(name)],
    ['SpscQueue', '{"capacity":"9","codec":"raw"}', (name: string) => SpscQueue.attach(name)],
  ])('%s with schema %s', (kind, schema, attach) => {
    const name = freshName();
    if (kind === 'Value') Value.create(name, 'i32').close();
    else if (kind === 'SharedArray') SharedArray.create(name, 'i32', 10).close();
    else if (kind === 'SharedStruct') SharedStruct.create(name, { a: 'u8', padding: text(200) }).close();
    else SpscQueue.create(name, { capacity: 4096 }).close();
    const bytes = Buffer.from(schema);
    patch(name, 256, bytes);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    patch(name, 72, length);
    expect(() => (attach as (name: string) => unknown)(name)).toThrow(CorruptError);
  });
});

describe.runIf(process.getuid?.() === 0)('objects of other users (needs root)', () => {
  const NOBODY = 65534;

  test('are refused unless the caller says so', () => {
    const name = freshName();
    Value.create(name, 'i32', { initial: 4 }).close();
    chownSync(file(name), NOBODY, NOBODY);
    expect(() => Value.attach(name)).toThrow(ForeignError);
    expect(() => Value.open(name, 'i32')).toThrow(/belongs to user 65534/);
    expect(() => SharedMemory.attach(name)).toThrow(ForeignError);
    expect(() => Value.attach(name, { owner: [1, 2] })).toThrow(ForeignError);
    using any = Value.attach<'i32'>(name, { owner: 'any' });
    using listed = Value.attach<'i32'>(name, { owner: [0, NOBODY] });
    expect(any.value + listed.value).toBe(8);
  });

  test('0600 keeps others out; a wider mode plus owner lets them in', async () => {
    const [closed, open] = [freshName(), freshName()];
    using _closed = Value.create(closed, 'i32');
    using shared = Value.create(open, 'i32', { mode: 0o666 });
    const peer = startWith(
      { uid: NOBODY },
      ({ Value }, { args, say }) => {
        const outcome = (act: () => unknown) => {
          try {
            return act();
          } catch (error) {
            return (error as { code: string }).code;
          }
        };
        say([
          outcome(() => Value.attach(args[0]!)),
          outcome(() => Value.attach(args[1]!)),
          outcome(() => Value.attach<'i32'>(args[1]!, { owner: [0] }).add(5)),
        ]);
      },
      closed,
      open,
    );
    expect(await peer.said()).toEqual(['EACCES', 'ERR_ISTHMUS_FOREIGN', 0]);
    expect(shared.value).toBe(5);
  });
});

test('mode is set exactly, whatever the umask', () => {
  const before = process.umask(0o077);
  try {
    for (const mode of [0o600, 0o666, 0o640]) {
      const name = freshName();
      Value.create(name, 'i32', { mode }).close();
      expect(statSync(file(name)).mode & 0o7777).toBe(mode);
      const raw = freshName();
      SharedMemory.create(raw, 5, { mode }).close();
      expect(statSync(file(raw)).mode & 0o7777).toBe(mode);
    }
    const name = freshName();
    Value.create(name, 'i32').close();
    expect(statSync(file(name)).mode & 0o7777).toBe(0o600);
  } finally {
    process.umask(before);
  }
});
