// What a reader of the code found; each was wrong once.

import { createContext, runInContext } from 'node:vm';
import { Namespace, SharedList, SharedMap } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';
import { checkMap } from './heap-check.mjs';

const coded = (code: string) => expect.objectContaining({ code });

describe('a change that is refused after the heap has grown', () => {
  test('leaves a map sound', () => {
    const name = freshName();
    using map = SharedMap.create<string, string>(name, { maxBytes: '1MB' });
    const large: [string, string][] = [
      ['a', 'x'.repeat(1e5)],
      ['b', 'y'.repeat(9e5)],
    ];
    expect(() => map.setMany([...large, ['c', 'z'.repeat(1e5)]])).toThrow(coded('ERR_ISTHMUS_FULL'));
    expect(map.size).toBe(0);
    for (let n = 0; n < 20; n++) map.set(`k${n}`, 'z'.repeat(n * 1000));
    expect(map.get('k19')).toBe('z'.repeat(19_000));
    checkMap(name);
  });

  test('leaves a list sound', () => {
    using list = SharedList.create<string>(freshName(), { maxBytes: '1MB' });
    expect(() => list.push('x'.repeat(1e5), 'y'.repeat(1e6))).toThrow();
    list.push('x'.repeat(1e5));
    list.push('y'.repeat(2e5));
    expect(list.at(1)).toBe('y'.repeat(2e5));
  });
});

test('a full map that evicts refuses what can never fit before anything goes for it', () => {
  using map = SharedMap.create<string, unknown>(freshName(), { maxBytes: '64KB', evict: 'lru' });
  for (let n = 0; n < 300; n++) map.set(`k${n}`, n);
  const large = Array.from({ length: 30 }, (_, n): [string, string] => [`big${n}`, 'x'.repeat(4000)]);
  expect(() => map.setMany(large)).toThrow(coded('ERR_ISTHMUS_FULL'));
  expect(map.size).toBe(300);
});

test('the time of an entry begins when it is there, not when its writer began to wait', async () => {
  const name = freshName();
  using map = SharedMap.create<string, number>(name);
  const peer = start(({ SharedMap: Shared }, { args, say }) => {
    Shared.attach<string, number>(args[0]!).update('x', () => {
      say();
      for (const end = performance.now() + 1000; performance.now() < end; );
      return 1;
    });
  }, name);
  await peer.said();
  map.set('late', 1, { ttl: 900 });
  expect(map.ttl('late')).toBeGreaterThan(0);
  expect(map.get('late')).toBe(1);
});

describe('a codec that uses the map', () => {
  const codecOf = (during: () => void) => ({
    name: 'prying',
    encode: (value: unknown) => Buffer.from(JSON.stringify(value)),
    decode: (bytes: Uint8Array) => {
      during();
      return JSON.parse(Buffer.from(bytes).toString());
    },
  });

  test('may not change it from within update; may read, and the entry keeps its own time', () => {
    let act = (): void => undefined;
    using map = SharedMap.create<string, unknown>(freshName(), { codec: codecOf(() => act()) });
    map.set('one', { n: 1 }, { ttl: 1e6 });
    map.set('other', { n: 2 }, { ttl: 50 });
    act = () => {
      act = () => undefined;
      map.set('log', { n: 3 });
    };
    expect(() => map.update('one', () => ({ n: 4 }))).toThrow(coded('ERR_ISTHMUS_DEADLOCK'));
    act = () => {
      act = () => undefined;
      map.get('other');
    };
    map.update('one', () => ({ n: 5 }));
    expect(map.ttl('one')).toBeGreaterThan(1e5);
    expect(map.get('one')).toEqual({ n: 5 });
  });

  test('that cannot decode a value does not hide the keys', () => {
    let fails = false;
    const codec = codecOf(() => {
      if (fails) throw new Error('mine');
    });
    using map = SharedMap.create<string, unknown>(freshName(), { codec });
    map.set('a', { n: 1 });
    fails = true;
    expect(() => map.get('a')).toThrow(/mine/);
    expect([...map.keys()]).toEqual(['a']);
    expect(map.delete('a')).toBe(true);
  });
});

test('bytes are a Uint8Array or a Buffer as they were set, whoever gives them', () => {
  using map = SharedMap.create<string, Uint8Array>(freshName());
  map.set('u', new Uint8Array([1, 2, 3]));
  map.set('b', Buffer.from('abc'));
  const all = [
    ...map.getMany(['u', 'b']),
    ...[...map].sort(([x], [y]) => (x > y ? -1 : 1)).map(([, value]) => value),
    ...map.transaction((tx) => [tx.get('u'), tx.get('b')]),
  ];
  expect(all.map(Buffer.isBuffer)).toEqual([false, true, false, true, false, true]);
  for (const bytes of all) if (!Buffer.isBuffer(bytes)) expect(bytes!.buffer.byteLength).toBe(3);
});

test('sums that are not exact, or no numbers, are refused', () => {
  using map = SharedMap.create<string, number>(freshName());
  map.set('n', Number.MAX_VALUE);
  expect(() => map.add('n', Number.MAX_VALUE)).toThrow(RangeError);
  map.set('n', Number.MAX_SAFE_INTEGER);
  expect(() => map.add('n', 1)).toThrow(RangeError);
  expect(map.get('n')).toBe(Number.MAX_SAFE_INTEGER);
});

test('large bigints are read in reasonable time, and negative ones are what they were', () => {
  using map = SharedMap.create<bigint, bigint>(freshName());
  const large = -(2n ** 1_000_000n) + 12_345n;
  map.set(-5n, large);
  expect(map.get(-5n)).toBe(large);
  expect([...map.keys()]).toEqual([-5n]);
});

test('nonsense is refused before anything is changed', async () => {
  using map = SharedMap.create<string, number>(freshName());
  const bad: (() => unknown)[] = [
    () => map.getOrInsert('a', undefined as never),
    () => map.getMany(5 as never),
    () => map.getMany('abc' as never),
    () => map.setMany(5 as never),
    () => map.setMany(['ab'] as never),
    () => map.forEach(7 as never),
    () => map.transaction((tx) => tx.set('a', 1, { tll: 5 } as never)),
    () => map.transaction((tx) => tx.set('a', 1, 7 as never)),
    () => map.changes({ signal: 5 as never }),
  ];
  for (const act of bad) expect(act, act.toString()).toThrow(TypeError);
  expect(map.size).toBe(0);
  map.set('a', 1);
  expect(() => map.getOrInsert('a', 1, { ttl: -5 })).toThrow(RangeError);
  const changes = map.changes({ key: 'a' });
  map.close();
  await expect(changes.next()).rejects.toThrow(coded('ERR_ISTHMUS_CLOSED'));
  for (const act of [() => map.keys(), () => map.values(), () => map.entries(), () => map[Symbol.iterator]()])
    expect(act).toThrow(coded('ERR_ISTHMUS_CLOSED'));
});

test('a namespace: its size, keys of others, as text, its prototype', () => {
  const ns = Namespace.create<Record<string, unknown>>(freshName(), { maxBytes: undefined as never });
  expect(Namespace.map(ns).maxBytes).toBe(1024 * 1024);
  Namespace.map(ns).set(7 as never, 1);
  expect(Object.keys(ns)).toEqual([]);
  expect(String(ns)).toBe('[object Namespace]');
  expect(() => Object.setPrototypeOf(ns, {})).toThrow(TypeError);
  expect(() => new (Namespace as never as new () => unknown)()).toThrow(TypeError);
  ns.close();
});

test('a script that is broken off in the middle of changes leaves the map to others', async () => {
  const name = freshName();
  using map = SharedMap.create<string, number>(name);
  const context = createContext({ map });
  for (let round = 0; round < 5; round++) {
    expect(() =>
      runInContext('for (let i = 0; ; i++) map.set("k" + (i % 1000), i)', context, { timeout: 15 }),
    ).toThrow(/timed out/);
    // This process does nothing with the map now.
    const peer = start(({ SharedMap: Shared }, { args, say }) => {
      Shared.attach<string, number>(args[0]!, { timeout: 20_000 }).set('other', 1);
      say('done');
    }, name);
    expect(await peer.said()).toBe('done');
    map.set('mine', round);
  }
  expect(map.get('mine')).toBe(4);
  checkMap(name);
});

test('what has expired is removed in small portions where room is needed', async () => {
  using map = SharedMap.create<number, number>(freshName(), { maxEntries: 2000, ttl: 30 });
  for (let n = 0; n < 2000; n++) map.set(n, n);
  await new Promise((resolve) => setTimeout(resolve, 60));
  map.set(-1, 1, { ttl: Number.POSITIVE_INFINITY });
  const { expired } = map.stats();
  expect(expired).toBeGreaterThan(0);
  expect(map.size).toBe(1);
});
