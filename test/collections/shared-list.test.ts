// A list is an Array: in one process, with everything an Array does; full, closed, wrongly used.

import fc from 'fast-check';
import {
  ClosedError,
  CorruptError,
  DeadlockError,
  FullError,
  inspect,
  type ListCreateOptions,
  MismatchError,
  SharedList,
} from 'isthmus';
import { expect, test } from 'vitest';
import { freshName } from '../processes/start.js';
import { checkList } from './list-check.mjs';

function make<T = unknown>(options?: ListCreateOptions<T>): { list: SharedList<T>; name: string } {
  const name = freshName('list');
  return { list: SharedList.create<T>(name, options), name };
}

const VALUES = [
  0,
  -0,
  1.5,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  12n ** 40n,
  -1n,
  '',
  'text',
  'ünï\u{1f600}',
  '\ud800 alone',
  'x'.repeat(5000),
  null,
  true,
  false,
  { a: [1, 'two', { three: 3 }] },
  [1, 2, 3],
  new Map([[1, new Set([2])]]),
  new Date(0),
  new Uint8Array([1, 2, 3]),
  Buffer.from('bytes'),
  Buffer.alloc(20_000, 7),
];

test('every value comes back as it was, by every way out', () => {
  const { list, name } = make();
  expect(list.push(...VALUES)).toBe(VALUES.length);
  expect(list.toArray()).toStrictEqual(VALUES);
  expect([...list]).toStrictEqual(VALUES);
  expect(VALUES.map((_, n) => list.at(n))).toStrictEqual(VALUES);
  expect(Object.is(list.at(1), -0)).toBe(true);
  for (const value of [...VALUES].reverse()) expect(list.pop()).toStrictEqual(value);
  expect(list.pop()).toBeUndefined();
  list.unshift(...VALUES);
  for (const value of VALUES) expect(list.shift()).toStrictEqual(value);
  expect(list.shift()).toBeUndefined();
  expect(list.length).toBe(0);
  checkList(name);
  list.close();
});

test('values are copies', () => {
  const { list } = make<{ n: number }>();
  list.push({ n: 1 });
  list.at(0)!.n = 2;
  expect(list.at(0)).toEqual({ n: 1 });
  expect(list.update(0, (value) => ({ n: value.n + 1 }))).toEqual({ n: 2 });
  expect(list.at(-1)).toEqual({ n: 2 });
  list.close();
});

// ---- against an Array

interface Step {
  readonly what: string;
  readonly a: number;
  readonly b: number;
  readonly values: (string | number)[];
}

const step = fc.record<Step>({
  what: fc.constantFrom(
    'push',
    'push',
    'unshift',
    'pop',
    'shift',
    'splice',
    'splice',
    'set',
    'slice',
    'reverse',
    'sort',
    'find',
    'cut',
    'clear',
    'grow',
  ),
  a: fc.integer({ min: -150, max: 150 }),
  b: fc.integer({ min: -5, max: 100 }),
  values: fc.array(fc.oneof(fc.integer(), fc.string({ maxLength: 40 })), { maxLength: 20 }),
});

function apply(list: SharedList | unknown[], { what, a, b, values }: Step): unknown {
  switch (what) {
    case 'push':
      return list.push(...values);
    case 'unshift':
      return list.unshift(...values);
    case 'pop':
      return list.pop();
    case 'shift':
      return list.shift();
    case 'splice':
      return list.splice(a, b, ...values);
    case 'cut':
      return list.splice(a);
    case 'slice':
      return list.slice(a, b);
    case 'reverse':
      return [...list.reverse()];
    case 'sort':
      return [...list.sort()];
    case 'find': {
      const value = list.at(a);
      return [list.indexOf(value, b), list.lastIndexOf(value), list.includes(value), list.indexOf(b)];
    }
    case 'grow':
      return list.push(...Array.from({ length: 10 * Math.abs(a) }, (_, n) => n));
    case 'set': {
      if (a >= list.length || a < -list.length || values.length === 0) return undefined;
      if (Array.isArray(list)) list[a < 0 ? a + list.length : a] = values[0];
      else list.set(a, values[0]);
      return list.at(a);
    }
    default:
      if (Array.isArray(list)) list.length = 0;
      else list.clear();
      return undefined;
  }
}

test('it does what an Array does', () => {
  const { list, name } = make();
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
      list.clear();
      const model: unknown[] = [];
      for (const one of steps) {
        expect(apply(list, one)).toEqual(apply(model, one));
        expect(list.length).toBe(model.length);
      }
      expect(list.toArray()).toEqual(model);
      expect([...list.entries()]).toEqual([...model.entries()]);
      expect(checkList(name).length).toBe(model.length);
    }),
    { numRuns: 150 },
  );
  list.close();
});

test('long lists: splices of every size at every place, in place and in a new ring', () => {
  const { list, name } = make<number>();
  const model: number[] = [];
  let state = 12345;
  const random = (most: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state % most;
  };
  for (let round = 0; round < 150; round++) {
    const length = model.length;
    const at = random(length + 1);
    const remove = [0, 1, 70, 600, 3000][random(5)]!;
    const add = Array.from({ length: [0, 1, 70, 400, 2500][random(5)]! }, (_, n) => round * 10_000 + n);
    expect(list.splice(at, remove, ...add)).toEqual(model.splice(at, remove, ...add));
    if (round % 10 === 0) {
      expect(list.toArray()).toEqual(model);
      checkList(name);
    }
  }
  expect(list.reverse().toArray()).toEqual(model.reverse());
  expect(list.sort((a, b) => a - b).toArray()).toEqual(model.sort((a, b) => a - b));
  expect(list.splice(0)).toEqual(model);
  expect(list.length).toBe(0);
  list.push(1);
  checkList(name);
  list.close();
});

test('a list that was long gives its memory back to the heap', () => {
  const { list, name } = make<number>();
  for (let n = 0; n < 5000; n++) list.push(n);
  const { capacity } = checkList(name);
  for (let n = 0; n < 4990; n++) expect(list.shift()).toBe(n);
  expect(checkList(name).capacity).toBeLessThan(capacity / 32);
  expect(list.toArray()).toEqual(Array.from({ length: 10 }, (_, n) => 4990 + n));
  list.close();
});

test('a queue in a full list goes round for ever', () => {
  const { list, name } = make<string>({ maxBytes: 8192 });
  for (let n = 0; n < 100; n++) list.push(`value ${n}`);
  for (let n = 100; n < 5000; n++) {
    expect(list.shift()).toBe(`value ${n - 100}`);
    list.push(`value ${n}`);
  }
  expect(checkList(name).length).toBe(100);
  list.close();
});

test('sort: as an Array, stable, by strings or by a function; what the function throws leaves all as it was', () => {
  const { list } = make<unknown>();
  const plain = [10, 9, 'b', 'B', 1n, null, 'ü', true, 2, '2'];
  list.push(...plain);
  expect(list.sort().toArray()).toEqual([...plain].sort());
  list.clear();
  list.push({ k: 1, n: 0 }, { k: 0, n: 1 }, { k: 1, n: 2 }, { k: 0, n: 3 });
  list.sort((a, b) => (a as { k: number }).k - (b as { k: number }).k);
  expect(list.toArray().map((value) => (value as { n: number }).n)).toEqual([1, 3, 0, 2]);
  const before = list.toArray();
  expect(() =>
    list.sort(() => {
      throw new Error('mine');
    }),
  ).toThrow('mine');
  expect(list.toArray()).toEqual(before);
  list.push('the lock is free again');
  list.close();
});

test('indexOf, lastIndexOf, includes: as an Array where values are primitive; bytes and objects by their contents', () => {
  const { list } = make<unknown>();
  const values = [1, Number.NaN, '1', 1n, -0, 'a', 'a', null, true, 1];
  list.push(...values, { a: 1, b: 2 }, new Uint8Array([1, 2]), [1, 2]);
  for (const value of [...values, 0, 2, 'b', 2n, undefined]) {
    expect([value, list.indexOf(value)]).toEqual([value, values.indexOf(value as never)]);
    expect([value, list.lastIndexOf(value)]).toEqual([value, values.lastIndexOf(value as never)]);
    expect([value, list.includes(value)]).toEqual([value, values.includes(value as never)]);
  }
  expect(list.indexOf(1, 1)).toBe(9);
  expect(list.indexOf(1, -4)).toBe(9);
  expect(list.indexOf(1, 100)).toBe(-1);
  expect(list.lastIndexOf(1, 8)).toBe(0);
  expect(list.lastIndexOf(1, -100)).toBe(-1);
  expect(list.indexOf({ a: 1, b: 2 })).toBe(10);
  expect(list.indexOf({ b: 2, a: 1 })).toBe(-1);
  expect(list.indexOf(Buffer.from([1, 2]))).toBe(11);
  expect(list.indexOf([1, 2])).toBe(12);
  list.close();
});

test('iteration goes with the list as it is, like an Array', () => {
  const { list } = make<number>();
  const model: number[] = [];
  for (const one of [list, model]) for (let n = 0; n < 200; n++) one.push(n);
  const walk = (one: SharedList<number> | number[]): number[] => {
    const seen: number[] = [];
    for (const value of one) {
      seen.push(value);
      if (value === 50) one.splice(10, 5);
      if (value === 60) one.push(1000);
      if (value === 70 && one.at(0) !== 2000) one.unshift(2000);
      if (value === 150) one.splice(180);
    }
    return seen;
  };
  expect(walk(list)).toEqual(walk(model));
  expect([...list.keys()]).toEqual([...model.keys()]);
  const seen: unknown[] = [];
  list.forEach(function (this: string, value, index, all) {
    seen.push([this, value, index, all === list]);
  }, 'this');
  expect(seen).toEqual(model.map((value, index) => ['this', value, index, true]));
  list.close();
});

// ---- limits and wrong use

test('a full list says so and has changed nothing; removing makes room', () => {
  const { list, name } = make<unknown>({ maxBytes: 65536 });
  let pushed = 0;
  expect(() => {
    for (;;) {
      list.push('x'.repeat(100));
      pushed++;
    }
  }).toThrow(FullError);
  expect(pushed).toBeGreaterThan(400);
  expect(list.length).toBe(pushed);
  const before = list.toArray();
  const large = 'y'.repeat(10_000);
  for (const change of [
    () => list.push(large),
    () => list.unshift(large),
    () => list.push(...Array.from({ length: 100 }, () => 'z'.repeat(100))),
    () => list.set(0, large),
    () => list.splice(5, 2, large),
    () => list.update(3, () => large),
  ]) {
    expect(change).toThrow(FullError);
    expect(list.toArray()).toEqual(before);
    checkList(name);
  }
  expect(() => list.push('q'.repeat(70_000))).toThrow(RangeError);
  list.splice(100, 300);
  checkList(name);
  list.push(large);
  expect(list.at(-1)).toBe(large);
  while (list.pop() !== undefined);
  checkList(name);
  list.push('x'.repeat(65536 - 80 - 8)); // the longest there may be
  expect(() => list.push(0)).toThrow(FullError);
  list.clear();
  list.push('x'.repeat(65536 - 80 - 8));
  checkList(name);
  list.close();
});

test('removing and reordering need no room', () => {
  const { list, name } = make<number>({ maxBytes: 65536 });
  const model: number[] = [];
  try {
    for (;;) model.push(list.push(model.length) - 1);
  } catch (error) {
    expect(error).toBeInstanceOf(FullError);
  }
  expect(list.reverse().toArray()).toEqual(model.reverse());
  expect(list.sort((a, b) => a - b).toArray()).toEqual(model.sort((a, b) => a - b));
  expect(list.splice(300, 1000)).toEqual(model.splice(300, 1000));
  expect(list.splice(700, 400)).toEqual(model.splice(700, 400));
  expect(list.toArray()).toEqual(model);
  checkList(name);
  list.close();
});

test('wrong arguments change nothing', () => {
  const { list } = make<unknown>();
  list.push(1, 2, 3);
  const wrong: [() => unknown, unknown][] = [
    [() => list.push(undefined), TypeError],
    [() => list.push(4, undefined, 5), TypeError],
    [() => list.push(() => 1), TypeError],
    [() => list.unshift(undefined), TypeError],
    [() => list.set(0, undefined), TypeError],
    [() => list.set(3, 0), RangeError],
    [() => list.set(-4, 0), RangeError],
    [() => list.set(0.5, 0), RangeError],
    [() => list.set('0' as never, 0), TypeError],
    [() => list.at('0' as never), TypeError],
    [() => list.at(Number.NaN), RangeError],
    [() => list.splice('0' as never), TypeError],
    [() => list.splice(0, undefined), TypeError],
    [() => list.splice(0, 1, undefined), TypeError],
    [() => list.slice(0.5), RangeError],
    [() => list.indexOf(1, '0' as never), TypeError],
    [() => list.update(3, (value) => value), RangeError],
    [() => list.update(0, undefined as never), TypeError],
    [() => list.update(0, () => undefined), TypeError],
    [() => list.update(0, async () => 1), TypeError],
    [() => list.sort(1 as never), TypeError],
    [() => list.forEach(1 as never), TypeError],
    [() => list.changes({ sgnal: undefined } as never), TypeError],
    [() => SharedList.create('x', { maxBytes: 100 }), RangeError],
    [() => SharedList.create('x', { maxEntries: 100 } as never), TypeError],
    [() => SharedList.create('sem.x'), RangeError],
    [() => SharedList.attach('x', { timeout: Number.NaN }), RangeError],
  ];
  for (const [call, error] of wrong) expect(call, String(call)).toThrow(error as never);
  expect(list.toArray()).toEqual([1, 2, 3]);
  expect(list.push()).toBe(3);
  expect(list.unshift()).toBe(3);
  list.close();
});

test('shapes must agree; every handle has the same list', () => {
  const { list, name } = make<number>({ maxBytes: '1MB', codec: 'json' });
  list.push(1);
  expect(() => SharedList.open(name, { maxBytes: '2MB' })).toThrow(MismatchError);
  expect(() => SharedList.open(name, { codec: 'v8' })).toThrow(MismatchError);
  const other = SharedList.open<number>(name);
  other.push(2);
  expect([other.codec, other.maxBytes, other.name]).toEqual(['json', 2 ** 20, `/${name}`]);
  expect(list.toArray()).toEqual([1, 2]);
  expect(inspect(name)).toMatchObject({
    kind: 'list',
    contents: { length: 2, maxBytes: 2 ** 20, codec: 'json', usedBytes: list.stats().usedBytes },
  });
  expect(list.stats()).toMatchObject({ length: 2, maxBytes: 2 ** 20 });
  other.close();
  list.close();
});

test('a closed handle throws, and closing ends what waits', async () => {
  const { list } = make<number>();
  list.push(1, 2, 3);
  const changes = list.changes();
  const waiting = changes.next();
  const walk = list.values();
  walk.next();
  list.close();
  await expect(waiting).rejects.toThrow(ClosedError);
  expect(() => walk.next()).toThrow(ClosedError);
  for (const call of [
    () => list.length,
    () => list.at(0),
    () => list.push(1),
    () => list.pop(),
    () => list.shift(),
    () => list.set(0, 1),
    () => list.splice(0),
    () => list.slice(),
    () => list.indexOf(1),
    () => [...list],
    () => [...list.keys()],
    () => list.clear(),
    () => list.sort(),
    () => list.reverse(),
    () => list.update(0, (n) => n),
    () => list.stats(),
    () => list.changes(),
  ])
    expect(call, String(call)).toThrow(ClosedError);
});

test('code that is called with the lock held may read, must not change, may close', () => {
  const { list, name } = make<number>();
  list.push(3, 1, 2);
  const other = SharedList.attach<number>(name);
  list.update(0, (value) => {
    expect([list.at(0), other.length, [...other]]).toEqual([3, 3, [3, 1, 2]]);
    expect(() => list.push(1)).toThrow(DeadlockError);
    expect(() => other.pop()).toThrow(DeadlockError);
    return value + 1;
  });
  expect(list.toArray()).toEqual([4, 1, 2]);
  expect(() =>
    list.sort(() => {
      list.close();
      return 0;
    }),
  ).toThrow(ClosedError);
  other.push(5);
  expect(() =>
    other.update(0, () => {
      other.close();
      return 9;
    }),
  ).toThrow(ClosedError);
  const again = SharedList.attach<number>(name);
  expect(again.toArray()).toEqual([4, 1, 2, 5]);
  again.push(6); // and mends what was left behind
  checkList(name);
  again.close();
});

test('a codec of its own', () => {
  const codec = {
    name: 'mine',
    encode: (value: { n: number }) => Buffer.from(String(value.n)),
    decode: (bytes: Uint8Array) => ({ n: Number(Buffer.from(bytes).toString()) }),
  };
  const { list, name } = make<{ n: number }>({ codec });
  list.push({ n: 3 }, { n: 1 });
  expect(list.sort((a, b) => a.n - b.n).toArray()).toEqual([{ n: 1 }, { n: 3 }]);
  expect(list.indexOf({ n: 3 })).toBe(1);
  expect(() => SharedList.attach(name)).toThrow(MismatchError);
  const broken = SharedList.attach<{ n: number }>(name, {
    codec: {
      ...codec,
      decode: () => {
        throw new Error('no');
      },
    },
  });
  expect(() => broken.at(0)).toThrow(CorruptError);
  broken.close();
  list.close();
});

test('changes() gives the length after each change, or after several', async () => {
  const { list } = make<number>();
  const changes = list.changes();
  list.push(1);
  expect((await changes.next()).value).toBe(1);
  const next = changes.next();
  setTimeout(() => list.push(2, 3), 5);
  expect((await next).value).toBe(3);
  const abort = new AbortController();
  const others = list.changes({ signal: abort.signal });
  const waiting = others.next();
  abort.abort();
  await expect(waiting).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  list.close();
});
