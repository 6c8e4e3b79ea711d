import { type ElementType, inspect, MismatchError, SharedArray, TimeoutError, unlink, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, start } from '../processes/start.js';

const INTEGERS = [
  ['i8', -128, 127],
  ['u8', 0, 255],
  ['i16', -32768, 32767],
  ['u16', 0, 65535],
  ['i32', -(2 ** 31), 2 ** 31 - 1],
  ['u32', 0, 2 ** 32 - 1],
] as const;
const BIGS = [
  ['i64', -(2n ** 63n), 2n ** 63n - 1n],
  ['u64', 0n, 2n ** 64n - 1n],
] as const;
const ALIASES = {
  b: 'i8',
  B: 'u8',
  h: 'i16',
  H: 'u16',
  i: 'i32',
  I: 'u32',
  l: 'i64',
  L: 'u64',
  q: 'i64',
  Q: 'u64',
  f: 'f32',
  d: 'f64',
  c: 'u8',
} as const;

describe('element types', () => {
  test.each(INTEGERS)('%s holds its limits and refuses what lies beyond', (type, least, most) => {
    using value = Value.create(freshName(), type);
    for (const good of [least, most, 0]) {
      value.value = good;
      expect(value.value).toBe(good);
    }
    value.value = 7;
    for (const bad of [least - 1, most + 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => (value.value = bad)).toThrow(RangeError);
    }
    for (const bad of ['1', 1n, true, null, undefined, {}]) {
      expect(() => (value.value = bad as never)).toThrow(TypeError);
    }
    expect(value.value).toBe(7);
    value.value = most;
    expect(() => value.add(1)).toThrow(RangeError);
    expect(value.value).toBe(most);
    value.value = least;
    expect(() => value.sub(1)).toThrow(RangeError);
    expect(value.value).toBe(least);
  });

  test.each(BIGS)('%s holds its limits as bigint and accepts safe integers', (type, least, most) => {
    using value = Value.create(freshName(), type);
    for (const good of [least, most]) {
      value.value = good;
      expect(value.value).toBe(good);
    }
    value.value = 5;
    expect(value.add(2)).toBe(5n);
    expect(value.value).toBe(7n);
    for (const bad of [least - 1n, most + 1n, 2 ** 53, 0.5, Number.NaN]) {
      expect(() => (value.value = bad)).toThrow(RangeError);
    }
    for (const bad of ['1', true, null]) expect(() => (value.value = bad as never)).toThrow(TypeError);
    expect(value.value).toBe(7n);
    value.value = most;
    expect(() => value.add(1n)).toThrow(RangeError);
    expect(value.value).toBe(most);
  });

  test('floats keep NaN, infinities and -0, and f32 rounds', () => {
    using f64 = Value.create(freshName(), 'f64');
    for (const number of [
      0.1,
      -0,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      -Number.MAX_VALUE,
      Number.MIN_VALUE,
    ]) {
      f64.value = number;
      expect(Object.is(f64.value, number)).toBe(true);
    }
    using f32 = Value.create(freshName(), 'f32', { initial: 0.1 });
    expect(f32.value).toBe(Math.fround(0.1));
    expect(f32.compareExchange(0.1, 2)).toBe(Math.fround(0.1)); // compared after rounding to the type
    expect(f32.value).toBe(2);
    f32.value = 1e39;
    expect(f32.value).toBe(Number.POSITIVE_INFINITY);
    expect(() => (f64.value = 1n as never)).toThrow(TypeError);
  });

  test('compareExchange tells 0 from -0 and finds NaN', () => {
    using value = Value.create(freshName(), 'f64', { initial: Number.NaN });
    expect(value.compareExchange(Number.NaN, -0)).toBeNaN();
    expect(Object.is(value.compareExchange(0, 1), -0)).toBe(true);
    expect(Object.is(value.value, -0)).toBe(true);
    expect(Object.is(value.compareExchange(-0, 1), -0)).toBe(true);
    expect(value.value).toBe(1);
  });

  test('bool is true or false and has no arithmetic', () => {
    using value = Value.create(freshName(), 'bool');
    expect(value.value).toBe(false);
    value.value = true;
    expect(value.exchange(false)).toBe(true);
    expect(value.compareExchange(false, true)).toBe(false);
    expect(value.value).toBe(true);
    expect(() => (value.value = 1 as never)).toThrow(TypeError);
    expect(() => (value as unknown as Value<'i32'>).add(1)).toThrow(TypeError);
    expect(() => (value as unknown as Value<'i32'>).or(1)).toThrow(TypeError);
  });

  test.each(Object.entries(ALIASES))("Python's typecode '%s' is %s", (code, type) => {
    using value = Value.create(freshName(), code as ElementType);
    expect(value.type).toBe(type);
  });

  test("'u' is refused with a hint, and so is what is no type", () => {
    expect(() => Value.create(freshName(), 'u' as never)).toThrow(/wide characters/);
    expect(() => Value.create(freshName(), 'int' as never)).toThrow(/one of i8/);
    expect(() => Value.create(freshName(), 4 as never)).toThrow(TypeError);
  });
});

describe('atomic operations', () => {
  test('return the previous value', () => {
    using value = Value.create(freshName(), 'u8', { initial: 0b1100 });
    expect(value.and(0b0110)).toBe(0b1100);
    expect(value.or(0b0001)).toBe(0b0100);
    expect(value.xor(0b1111)).toBe(0b0101);
    expect(value.exchange(9)).toBe(0b1010);
    expect(value.sub(9)).toBe(9);
    expect(value.compareExchange(1, 2)).toBe(0);
    expect(value.value).toBe(0);
  });

  test('bit operations on floats are refused', () => {
    using value = Value.create(freshName(), 'f64');
    expect(() => (value as unknown as Value<'i32'>).and(1)).toThrow(TypeError);
  });

  test('update runs a synchronous function and refuses others', () => {
    using value = Value.create(freshName(), 'i32', { initial: 20 });
    expect(value.update((n) => n * 2 + 2)).toBe(42);
    expect(() => value.update((async () => 1) as never)).toThrow(/synchronous/);
    expect(() => value.update(() => 0.5)).toThrow(RangeError);
    expect(() => value.update(7 as never)).toThrow(TypeError);
    expect(() =>
      value.update(() => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(value.value).toBe(42);
  });

  test.each(['i32', 'f64', 'i64'] as const)(
    '4 processes × 100,000 add(1) lose nothing (%s)',
    async (type) => {
      const name = freshName();
      using value = Value.create(name, type);
      const peers = [1, 2, 3, 4].map(() =>
        start(({ Value }, { args }) => {
          const mine = Value.attach<'i32'>(args[0]!);
          for (let i = 0; i < 100_000; i++) mine.add(1);
        }, name),
      );
      await Promise.all(peers.map((peer) => peer.done()));
      expect(Number(value.value)).toBe(400_000);
    },
  );

  test('update by several processes loses nothing', async () => {
    const name = freshName();
    using value = Value.create(name, 'f32');
    const peers = [1, 2, 3].map(() =>
      start(({ Value }, { args }) => {
        const mine = Value.attach<'f32'>(args[0]!);
        for (let i = 0; i < 20_000; i++) mine.update((n) => n + 1);
      }, name),
    );
    await Promise.all(peers.map((peer) => peer.done()));
    expect(value.value).toBe(60_000);
  });
});

describe('waiting for a value', () => {
  test.each(FORMS)('%s: a change by another process ends the wait', async (form) => {
    const name = freshName();
    using value = Value.create(name, 'i32');
    const peer = start(
      async ({ Value }, { args, say }) => {
        const mine = Value.attach<'i32'>(args[0]!);
        say('waiting');
        const predicate = (n: number) => n === 3;
        say(args[1] === 'Sync' ? mine.waitForSync(predicate) : await mine.waitFor(predicate));
      },
      name,
      form,
    );
    await peer.said();
    for (const next of [1, 2, 3]) {
      await new Promise((resolve) => setTimeout(resolve, 60));
      value.value = next;
    }
    expect(await peer.said()).toBe(3);
    await peer.done();
  });

  test('every changing method wakes', async () => {
    const name = freshName();
    using value = Value.create(name, 'u32');
    using other = Value.attach<'u32'>(name);
    const steps: (() => unknown)[] = [
      () => (value.value = 1),
      () => value.add(1),
      () => value.sub(1),
      () => value.or(6),
      () => value.and(3),
      () => value.xor(8),
      () => value.exchange(99),
      () => value.compareExchange(99, 5),
      () => value.update((n) => n + 1),
    ];
    for (const step of steps) {
      const before = other.value;
      const changed = other.waitFor((n) => n !== before, { timeout: 30_000 });
      await new Promise((resolve) => setTimeout(resolve, 20)); // long enough to be asleep
      step();
      expect(await changed).toBe(value.value);
    }
  });

  test.each(FORMS)('%s: a timeout is a TimeoutError, 0 tries once', async (form) => {
    using value = Value.create(freshName(), 'i32');
    const wait = async (timeout: number) => {
      if (form === 'Sync') return value.waitForSync((n) => n === 1, { timeout });
      return value.waitFor((n) => n === 1, { timeout });
    };
    for (const timeout of [0, -5, 30]) {
      const before = performance.now();
      await expect(wait(timeout)).rejects.toThrow(TimeoutError);
      expect(performance.now() - before).toBeGreaterThanOrEqual(Math.max(0, timeout));
    }
    value.value = 1;
    expect(await wait(0)).toBe(1);
    await expect(wait(Number.NaN)).rejects.toThrow(RangeError);
    await expect(wait('5' as never)).rejects.toThrow(TypeError);
  });

  test('a predicate that throws ends its own wait only', async () => {
    using value = Value.create(freshName(), 'i32');
    const fails = value.waitFor((n) => {
      if (n > 0) throw new Error('picky');
      return false;
    });
    const works = value.waitFor((n) => n > 0);
    value.value = 1;
    await expect(fails).rejects.toThrow('picky');
    expect(await works).toBe(1);
    expect(() =>
      value.waitForSync(() => {
        throw new Error('picky');
      }),
    ).toThrow('picky');
  });

  test('changes() gives the latest value after each change and ends with the signal', async () => {
    using value = Value.create(freshName(), 'i32');
    const abort = new AbortController();
    const seen: number[] = [];
    const watching = (async () => {
      for await (const next of value.changes({ signal: abort.signal })) {
        seen.push(next);
        if (next === 3) abort.abort();
      }
    })();
    for (const next of [1, 2, 3]) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      value.value = next;
      // On a busy machine two changes may come as one.
      while (next < 3 && !seen.includes(next)) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await expect(watching).rejects.toThrow(/abort/i);
    expect(seen).toEqual([1, 2, 3]);
  });
});

describe('opening', () => {
  test('open creates once and attaches afterwards; initial matters only to the creator', () => {
    const name = freshName();
    using first = Value.open(name, 'i32', { initial: 5 });
    using second = Value.open(name, 'i32', { initial: 6 });
    using third = Value.attach(name);
    expect([first.value, second.value, third.value]).toEqual([5, 5, 5]);
    expect(first.name).toBe(`/${name}`);
    expect(() => Value.create(name, 'i32')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(() => Value.open(name, 'u32')).toThrow(MismatchError);
    using slashed = Value.attach(`/${name}`);
    expect(slashed.value).toBe(5);
  });

  test('a bad initial value creates nothing', () => {
    const name = freshName();
    expect(() => Value.create(name, 'u8', { initial: 256 })).toThrow(RangeError);
    expect(() => Value.open(name, 'bool', { initial: 1 as never })).toThrow(TypeError);
    expect(() => unlink(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});

test('who sees an atomic operation sees the plain writes before it', async () => {
  const name = freshName();
  using turn = Value.create(name, 'i32');
  using data = SharedArray.create(`${name}-data`, 'f64', 64);
  const peer = start(({ Value, SharedArray }, { args, say }) => {
    const turn = Value.attach<'i32'>(args[0]!);
    const { view } = SharedArray.attach<'f64'>(`${args[0]}-data`);
    for (let round = 1; round <= 2000; round += 2) {
      turn.waitForSync((n) => n === round);
      if (view.some((element) => element !== round)) throw new Error(`a write of round ${round} is missing`);
      view.fill(round + 1);
      turn.value = round + 1;
    }
    say('all seen');
  }, name);
  for (let round = 1; round <= 2000; round += 2) {
    data.view.fill(round);
    turn.value = round;
    await turn.waitFor((n) => n === round + 1);
    expect(data.view.every((element) => element === round + 1)).toBe(true);
  }
  expect(await peer.said()).toBe('all seen');
  unlink(`${name}-data`);
});

test('two objects under one name, one after the other, have different instance ids', () => {
  const name = freshName();
  const ids = [1, 2].map(() => {
    using _value = Value.create(name, 'i32');
    const { header } = inspect(name);
    unlink(name);
    return header?.instanceId;
  });
  expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(ids[1]).not.toBe(ids[0]);
});
