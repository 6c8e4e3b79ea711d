import { Array as IsthmusArray, MismatchError, SharedArray, TimeoutError } from 'isthmus';
import { expect, test } from 'vitest';
import { FORMS, freshName, start } from '../processes/start.js';

const TYPES = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  f32: Float32Array,
  f64: Float64Array,
  bool: Uint8Array,
} as const;

test.each(Object.keys(TYPES) as (keyof typeof TYPES)[])(
  '%s: the view is the TypedArray on the pages of every process',
  async (type) => {
    const name = freshName();
    using array = SharedArray.create(name, type, 5);
    expect(array.view).toBeInstanceOf(TYPES[type]);
    expect(array.view.length).toBe(5);
    array.view[3] = (type === 'i64' || type === 'u64' ? 9n : 9) as never;
    const peer = start(({ SharedArray }, { args, say }) => {
      const mine = SharedArray.attach(args[0]!);
      say([mine.type, mine.length, String(mine.view[3])]);
      mine.view[4] = mine.view[3] as never;
    }, name);
    expect(await peer.said()).toEqual([type, 5, '9']);
    await peer.done();
    expect(String(array.view[4])).toBe('9');
  },
);

test('takes a length or any iterable, checked before anything is made', () => {
  const name = freshName();
  const bad: [unknown, unknown][] = [
    [-1, RangeError],
    [1.5, RangeError],
    [Number.NaN, RangeError],
    [null, TypeError],
    [{}, TypeError],
    [[1, 'x'], TypeError],
    [[1, 2.5], RangeError],
    [[1, 2 ** 31], RangeError],
  ];
  for (const [values, error] of bad)
    expect(() => SharedArray.create(name, 'i32', values as never)).toThrow(error as never);
  using fromSet = SharedArray.create(name, 'i32', new Set([3, 1, 2]));
  expect([...fromSet]).toEqual([3, 1, 2]);
  using again = SharedArray.open(name, 'i32', [7, 7, 7]); // first values matter only to the creator
  expect([...again]).toEqual([3, 1, 2]);
  expect(() => SharedArray.open(name, 'i32', 4)).toThrow(MismatchError);
  expect(() => SharedArray.open(name, 'u32', 3)).toThrow(MismatchError);
});

test('an empty array is legal', () => {
  using array = SharedArray.create(freshName(), 'f64', 0);
  expect([array.length, array.view.length, [...array], array.at(0)]).toEqual([0, 0, [], undefined]);
  expect(() => array.set(0, 1)).toThrow(RangeError);
});

test('at and set count from the end; outside is undefined or a RangeError', () => {
  using array = SharedArray.create(freshName(), 'u16', [1, 2, 3]);
  expect([array.at(-1), array.at(0), array.at(3), array.at(-4)]).toEqual([3, 1, undefined, undefined]);
  array.set(-1, 30);
  expect(array.at(2)).toBe(30);
  for (const index of [3, -4, 0.5, Number.NaN]) expect(() => array.set(index, 1)).toThrow(RangeError);
  expect(() => array.set('0' as never, 1)).toThrow(TypeError);
  expect(() => array.set(0, 70_000)).toThrow(RangeError);
  expect([...array]).toEqual([1, 2, 30]);
});

test('atomic methods return the previous element', () => {
  using array = SharedArray.create(freshName(), 'i64', [1n, 2n]);
  expect(array.add(0, 5)).toBe(1n);
  expect(array.sub(0, 2n)).toBe(6n);
  expect(array.exchange(1, 9)).toBe(2n);
  expect(array.compareExchange(1, 9, 10)).toBe(9n);
  expect([...array]).toEqual([4n, 10n]);
});

test('processes that add to the same elements lose nothing', async () => {
  const name = freshName();
  using array = SharedArray.create(name, 'f64', 8);
  const peers = [1, 2, 3, 4].map(() =>
    start(({ SharedArray }, { args }) => {
      const mine = SharedArray.attach<'f64'>(args[0]!);
      for (let i = 0; i < 40_000; i++) mine.add(i % 8, 1);
    }, name),
  );
  await Promise.all(peers.map((peer) => peer.done()));
  expect([...array]).toEqual(new Array(8).fill(20_000));
});

test.each(FORMS)('%s: waits for an element', async (form) => {
  const name = freshName();
  using array = SharedArray.create(name, 'i32', 4);
  const peer = start(
    async ({ SharedArray }, { args, say }) => {
      const mine = SharedArray.attach<'i32'>(args[0]!);
      say();
      const predicate = (n: number) => n > 1;
      say(args[1] === 'Sync' ? mine.waitForSync(2, predicate) : await mine.waitFor(-2, predicate));
    },
    name,
    form,
  );
  await peer.said();
  await new Promise((resolve) => setTimeout(resolve, 50));
  array.set(2, 1);
  array.set(1, 5);
  array.add(2, 1);
  expect(await peer.said()).toBe(2);
  if (form === 'Sync')
    expect(() => array.waitForSync(0, (n) => n === 1, { timeout: 5 })).toThrow(TimeoutError);
  else await expect(array.waitFor(0, (n) => n === 1, { timeout: 5 })).rejects.toThrow(TimeoutError);
});

test('a plain write through the view is noticed within a second or two', async () => {
  using array = SharedArray.create(freshName(), 'i32', 1);
  const changed = array.waitFor(0, (n) => n === 8);
  await new Promise((resolve) => setTimeout(resolve, 30));
  array.view[0] = 8;
  expect(await changed).toBe(8);
});

test('is exported as Array too', () => {
  expect(IsthmusArray).toBe(SharedArray);
});
