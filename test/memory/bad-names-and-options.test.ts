import { existsSync, readdirSync } from 'node:fs';
import * as isthmus from 'isthmus';
import { describe, expect, test } from 'vitest';
import { freshName } from '../processes/start.js';

const { SharedArray, SharedMemory, SharedStruct, SpscQueue, Value } = isthmus;

/** Every way to open something, by name. */
const OPENERS: Record<string, (name: never) => unknown> = {
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

describe.each(Object.entries(OPENERS))('%s', (_, open) => {
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
      'sem.x',
      '/sem.x',
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
