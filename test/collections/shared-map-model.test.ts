// Thousands of random calls on a SharedMap and on a Map: the same results, the same contents, and a heap without a leak; in
// heaps so small that they are full most of the time, too.

import { SharedMap } from 'isthmus';
import { expect, test } from 'vitest';
import { freshName } from '../processes/start.js';
import { coded } from '../sync/kinds.js';
import { checkMap } from './heap-check.mjs';

type Value = string | number | bigint | Buffer | object;

/** Numbers from a seed. */
function randomFrom(seed: number) {
  let state = seed;
  return (n: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) % n;
  };
}

const text = (value: unknown): string =>
  Buffer.isBuffer(value)
    ? `bytes ${value.toString('hex')}`
    : typeof value === 'bigint'
      ? `${value}n`
      : JSON.stringify(value);

test.each([
  ['4 KB', { maxBytes: 4096 }, 40, 300, 6000],
  ['8 KB, few keys', { maxBytes: 8192 }, 6, 3000, 4000],
  ['16 KB, many keys', { maxBytes: 16_384 }, 400, 60, 6000],
  ['256 KB, which grows', { maxBytes: '256KB' }, 800, 1200, 4000],
  ['1 MB, a table that grows and is cleared', { maxBytes: '1MB' }, 3000, 40, 4000],
  ['30 entries', { maxBytes: '1MB', maxEntries: 30 }, 60, 500, 5000],
])('%s', (_, options, keys, longest, calls) => {
  const seed = Number(process.env['MODEL_SEED'] ?? Date.now() % 2 ** 31);
  const below = randomFrom(seed);
  const name = freshName('map');
  using map = SharedMap.create<string, Value>(name, options);
  const model = new Map<string, Value>();
  let full = 0;

  const key = (): string => `key ${below(keys)}`.padEnd(below(8) === 0 ? 50 : 0, 'k').slice(0, 7 + below(2));
  const value = (): Value => {
    const length = below(below(4) === 0 ? longest : 40);
    return [
      below(1e6) / 7,
      BigInt(below(1e9)) ** BigInt(below(6)),
      Buffer.alloc(length, below(256)),
      { n: below(9), s: 's'.repeat(length) },
      'ü'.repeat(length / 2),
    ][below(5)]!;
  };
  /** Does it to both; where there is no room for it, to neither. */
  const both = <R>(change: (one: Map<string, Value>) => R, shared: () => R): void => {
    const before = new Map(model);
    const expected = change(model);
    try {
      expect(text(shared())).toBe(text(expected));
    } catch (error) {
      expect(error, `seed ${seed}`).toEqual(coded('ERR_ISTHMUS_FULL'));
      full++;
      model.clear();
      for (const [key, value] of before) model.set(key, value);
    }
  };
  const same = () => {
    expect(map.size, `seed ${seed}`).toBe(model.size);
    for (const [key, value] of map) expect(text(value), `seed ${seed}`).toBe(text(model.get(key)));
    expect(checkMap(name).count).toBe(model.size);
  };

  for (let n = 1; n <= calls; n++) {
    const [a, b, c, v, w] = [key(), key(), key(), value(), value()];
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        both(
          (one) => void one.set(a, v),
          () => void map.set(a, v),
        );
        break;
      case 3:
      case 4:
        both(
          (one) => one.delete(a),
          () => map.delete(a),
        );
        break;
      case 5:
        both(
          (one) => void one.set(a, v).set(b, w).delete(c),
          () =>
            map.transaction((tx) => {
              tx.set(a, v).set(b, w);
              tx.delete(c);
            }),
        );
        break;
      case 6:
        both(
          (one) => void one.set(a, v).set(b, w),
          () =>
            void map.setMany([
              [a, v],
              [b, w],
            ]),
        );
        break;
      case 7:
        both(
          (one) => (one.has(a) ? void one.delete(a) : void one.set(a, v)),
          () => void map.update(a, (now) => (now === undefined ? v : undefined)),
        );
        break;
      case 8: {
        const now = model.get(a);
        both(
          (one) => one.set(a, v) && true,
          () => map.compareAndSet(a, now, v),
        );
        break;
      }
      case 9:
        expect(map.getMany([a, b]).map(text)).toEqual([model.get(a), model.get(b)].map(text));
        break;
      case 10:
        expect([map.has(a), text(map.get(b))]).toEqual([model.has(a), text(model.get(b))]);
        break;
      default:
        if (below(calls) < 4)
          both(
            (one) => one.clear(),
            () => map.clear(),
          );
    }
    if (n % (calls >> 2) === 0) same();
  }
  if (options.maxBytes === 4096) expect(full).toBeGreaterThan(10);
  for (const key of model.keys()) expect(map.delete(key)).toBe(true);
  model.clear();
  same();
});
