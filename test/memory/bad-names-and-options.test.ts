import { existsSync, readdirSync } from 'node:fs';
import * as isthmus from 'isthmus';
import { describe, expect, test } from 'vitest';
import { freshName } from '../processes/start.js';

const { Namespace, Pipe, Queue, SharedArray, SharedList, SharedMap, SharedMemory, SharedStruct, SpscQueue } =
  isthmus;
const { Barrier, Condition, Event, Lock, PermitPool, RLock, RwLock, Semaphore, Value } = isthmus;
const { inspect, unlink } = isthmus;

type Opener = (name: never) => unknown;

/** The three ways in of a class that wants nothing but a name. */
function forms(
  kind: string,
  one: Record<'create' | 'attach' | 'open', (name: string) => unknown>,
): Record<string, Opener> {
  return {
    [`${kind}.create`]: (name) => one.create(name),
    [`${kind}.attach`]: (name) => one.attach(name),
    [`${kind}.open`]: (name) => one.open(name),
  };
}

/** Every way to open something, by name. */
const OPENERS: Record<string, Opener> = {
  'Value.create': (name) => Value.create(name, 'i32'),
  'Value.attach': (name) => Value.attach(name),
  'Value.open': (name) => Value.open(name, 'i32'),
  'SharedArray.create': (name) => SharedArray.create(name, 'i32', 1),
  'SharedArray.attach': (name) => SharedArray.attach(name),
  'SharedArray.open': (name) => SharedArray.open(name, 'i32', 1),
  'SharedStruct.create': (name) => SharedStruct.create(name, { a: 'u8' }),
  'SharedStruct.attach': (name) => SharedStruct.attach(name),
  'SharedStruct.open': (name) => SharedStruct.open(name, { a: 'u8' }),
  'SpscQueue.create': (name) => SpscQueue.create(name),
  'SpscQueue.attach': (name) => SpscQueue.attach(name),
  'SpscQueue.producer': (name) => SpscQueue.producer(name),
  'SpscQueue.consumer': (name) => SpscQueue.consumer(name),
  'SpscQueue.open': (name) => SpscQueue.open(name),
  ...forms('Queue', Queue),
  ...forms('Pipe', Pipe),
  'SharedMap.create': (name) => SharedMap.create(name, { maxBytes: '64KB' }),
  'SharedMap.attach': (name) => SharedMap.attach(name),
  'SharedMap.open': (name) => SharedMap.open(name, { maxBytes: '64KB' }),
  'SharedList.create': (name) => SharedList.create(name, { maxBytes: '64KB' }),
  'SharedList.attach': (name) => SharedList.attach(name),
  'SharedList.open': (name) => SharedList.open(name, { maxBytes: '64KB' }),
  ...forms('Namespace', Namespace),
  ...forms('Lock', Lock),
  ...forms('RLock', RLock),
  ...forms('RwLock', RwLock),
  ...forms('Event', Event),
  ...forms('Condition', Condition),
  'PermitPool.create': (name) => PermitPool.create(name, 1),
  'PermitPool.attach': (name) => PermitPool.attach(name),
  'PermitPool.open': (name) => PermitPool.open(name, 1),
  'Barrier.create': (name) => Barrier.create(name, 1),
  'Barrier.attach': (name) => Barrier.attach(name),
  'Barrier.open': (name) => Barrier.open(name, 1),
  'Semaphore.create': (name) => Semaphore.create(name, { initial: 1 }),
  'Semaphore.attach': (name) => Semaphore.attach(name),
  'Semaphore.open': (name) => Semaphore.open(name, { initial: 1 }),
  'Semaphore.unlink': (name) => Semaphore.unlink(name),
  unlink: (name) => unlink(name),
  inspect: (name) => inspect(name),
  'SharedMemory.create': (name) => SharedMemory.create(name, 10),
  'SharedMemory.attach': (name) => SharedMemory.attach(name),
  'SharedMemory.open': (name) => SharedMemory.open(name, 10),
};

test('classes that are not made with new say how they are made', () => {
  const classes = Object.entries(isthmus).filter(
    ([name, value]) => typeof value === 'function' && 'open' in value && name !== 'Array',
  );
  expect(classes.length).toBeGreaterThan(14);
  for (const [name, made] of classes) {
    for (const given of [['x'], []]) {
      const attempt = (): unknown => new (made as unknown as new (...args: string[]) => unknown)(...given);
      expect(attempt, name).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
      expect(attempt, name).toThrow(`${name}.`);
    }
  }
});

test('every way in of every class is here', () => {
  const ways = Object.entries(isthmus).flatMap(([name, value]) =>
    ['create', 'attach', 'open', 'producer', 'consumer']
      .filter((way) => name !== 'Array' && typeof (value as never)[way] === 'function')
      .filter((way) => Object.hasOwn(value, way)) // not the methods of an instance
      .map((way) => `${name}.${way}`),
  );
  expect(ways.length).toBeGreaterThan(50);
  expect(Object.keys(OPENERS)).toEqual(expect.arrayContaining(ways));
});

describe.each(Object.entries(OPENERS))('%s', (way, open) => {
  const mayBeSemaphore = way.startsWith('Semaphore.') || way === 'unlink' || way === 'inspect';

  test('refuses wrong names before any system call', () => {
    const wrong = [
      '',
      '/',
      '.',
      '..',
      '/..',
      'a/b',
      '//a',
      '../x',
      'a b',
      'ä',
      'a\0b',
      'x'.repeat(201),
      ...(mayBeSemaphore ? [] : ['sem.x', '/sem.x']),
    ];
    for (const name of wrong) {
      expect(() => open(name as never), JSON.stringify(name)).toThrow(RangeError);
    }
    for (const name of [undefined, null, 3, {}, ['x'], Symbol('x')]) {
      expect(() => open(name as never)).toThrow(TypeError);
    }
    expect(readdirSync('/dev/shm').filter((file) => wrong.includes(file))).toEqual([]);
  });
});

test('names of 200 characters and of all legal characters work, with and without the slash', () => {
  const name = `${freshName()}._-AZaz09`;
  const long = name + 'x'.repeat(200 - name.length);
  for (const legal of [name, long]) {
    using value = Value.create(`/${legal}`, 'i32');
    using again = Value.attach(legal);
    expect(existsSync(`/dev/shm/${legal}`)).toBe(true);
    expect(again.name).toBe(value.name);
    isthmus.unlink(legal);
  }
});

describe('options', () => {
  test('every way in of every class refuses what are no options of its', () => {
    const before: Record<string, unknown[]> = {
      Value: ['i32'],
      SharedArray: ['i32', 1],
      SharedStruct: [{ a: 'u8' }],
      SharedMemory: [10],
      PermitPool: [1],
      Barrier: [1],
    };
    const classes = new Map<string, unknown>(Object.entries(isthmus));
    const name = freshName();
    for (const way of Object.keys(OPENERS).filter((one) => one.includes('.') && !one.endsWith('.unlink'))) {
      const [kind, form] = way.split('.') as [string, string];
      const made = classes.get(kind) as Record<string, (...args: unknown[]) => unknown>;
      const given = form !== 'attach' ? (before[kind] ?? []) : kind === 'SharedStruct' ? [undefined] : [];
      for (const options of [null, 7, 'x', [], () => 1, { colour: 1 }, { owner: 'me' }])
        expect(() => made[form]!(name, ...given, options), `${way} ${String(options)}`).toThrow(TypeError);
      expect(() => made[form]!(name, ...given, { colour: 1 }), way).toThrow("unknown option 'colour'");
    }
    expect(readdirSync('/dev/shm').filter((file) => file.includes(name))).toEqual([]);
  });

  test('a misspelt one is named, with the likely one', () => {
    const open = (options: object) => () => Value.open(freshName(), 'i32', options);
    expect(open({ initail: 1 })).toThrow(/unknown option 'initail'; did you mean 'initial'/);
    expect(open({ Mode: 1 })).toThrow(/did you mean 'mode'/);
    expect(open({ colour: 1 })).toThrow(/known are: /);
    expect(() => SpscQueue.create(freshName(), { capactiy: 64 } as never)).toThrow(/did you mean 'capacity'/);
    expect(() => Value.attach(freshName(), { mode: 0o600 } as never)).toThrow(/unknown option 'mode'/);
  });

  test('wrong values are refused and nothing is made', () => {
    const name = freshName();
    const wrong: [object, unknown][] = [
      [{ mode: 0o1000 }, RangeError],
      [{ mode: -1 }, RangeError],
      [{ mode: '600' }, TypeError],
      [{ mode: 0o044 }, RangeError],
      [{ lifetime: 'forever' }, RangeError],
      [{ lifetime: 1 }, TypeError],
      [{ participants: 0 }, RangeError],
      [{ participants: 1024 }, RangeError],
      [{ participants: 1.5 }, RangeError],
      [{ owner: 'me' }, TypeError],
      [{ owner: [-1] }, RangeError],
    ];
    for (const [options, error] of wrong) {
      expect(() => Value.open(name, 'i32', options), JSON.stringify(options)).toThrow(error as never);
    }
    for (const options of [null, 7, 'x', []]) {
      expect(() => Value.open(name, 'i32', options as never)).toThrow(TypeError);
    }
    expect(existsSync(`/dev/shm/${name}`)).toBe(false);
  });

  test('what is no function is shown as it was given', () => {
    const value = Value.create(freshName(), 'i32', { lifetime: 'attached' });
    expect(() => value.update(42 as never)).toThrow('fn must be a function; got 42');
    expect(() => value.waitForSync('x' as never)).toThrow('predicate must be a function; got "x"');
    value.close();
  });

  test('sizes: numbers of bytes and strings with units', () => {
    const sizes = {
      '64': 64,
      '64B': 64,
      '1kb': 1024,
      ' 2 KB ': 2048,
      '1MB': 1_048_576,
      '0.5MB': 524_288,
      '64K': 65_536,
    };
    for (const [text, bytes] of Object.entries(sizes)) {
      using queue = SpscQueue.create(freshName(), { capacity: text });
      expect(queue.capacity).toBe(bytes);
    }
    for (const capacity of [
      '',
      'MB',
      '1TB',
      '-1',
      '1 000',
      '1e3',
      100,
      60,
      63,
      65,
      2 ** 30 + 8,
      Number.NaN,
      -8,
      1.5,
    ]) {
      expect(() => SpscQueue.create(freshName(), { capacity }), String(capacity)).toThrow(RangeError);
    }
    for (const capacity of [null, true, 64n, {}]) {
      expect(() => SpscQueue.create(freshName(), { capacity: capacity as never })).toThrow(TypeError);
    }
    for (const size of [0, -1, 1.5, Number.NaN, 'x']) {
      expect(() => SharedMemory.create(freshName(), size)).toThrow(RangeError);
    }
    expect(() => SharedMemory.create(freshName(), undefined as never)).toThrow(TypeError);
  });
});
