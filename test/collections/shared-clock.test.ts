// The clock by which entries expire: one for all processes, and one look at it for each change.

import { SharedMap } from 'isthmus';
import { afterEach, expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';

test('unrelated processes agree on the time', async () => {
  const peers = [0, 1, 2, 3].map(() =>
    start((_, { say, require }) => {
      const { sharedNow } = require('../dist/collections/shared-clock.js') as { sharedNow(): number };
      let [least, best] = [Number.POSITIVE_INFINITY, 0];
      for (let look = 0; look < 1_000; look++) {
        const before = Number(process.hrtime.bigint()) / 1e6;
        const now = sharedNow();
        const after = Number(process.hrtime.bigint()) / 1e6;
        if (after - before >= least) continue;
        least = after - before;
        best = now - (before + after) / 2;
      }
      say(best);
    }),
  );
  // ms between its clock and the machine's.
  for (const peer of peers) expect(Math.abs(await peer.said<number>())).toBeLessThan(1);
});

const { now } = performance;
afterEach(() => {
  performance.now = now;
});

test.each(['add', 'update', 'transaction'] as const)(
  '%s of an entry that expires at that moment: the old one, with its time, or a new one',
  (how) => {
    // Each look at the clock is 1 ms later than the one before; the entry expires between two of them, at each place.
    const found = new Set<string>();
    for (let early = 0; early < 20; early++) {
      let [at, step] = [now.call(performance), 0];
      performance.now = () => {
        at += step;
        return at;
      };
      const map = SharedMap.create<string, number>(freshName('clock'), { ttl: 100_000 });
      map.set('a', 5, { ttl: 100 });
      at += 100 - early / 2;
      step = 1;
      const add = { add: () => map.add('a', 1), update: () => map.update('a', (old = 0) => old + 1) };
      const sum = how === 'transaction' ? map.transaction((tx) => tx.add('a', 1)) : add[how]();
      step = 0;
      const left = map.ttl('a') ?? 0;
      found.add(`${sum}, ${left > 1_000 ? 'a new time' : 'the old time'}`);
      map.close();
    }
    expect([...found].sort()).toEqual(['1, a new time', '6, the old time']);
  },
);

test('in a transaction: what is removed and added to again is new', () => {
  const map = SharedMap.create<string, number>(freshName('clock'), { ttl: 50_000 });
  map.set('a', 5, { ttl: 1_000 });
  map.transaction((tx) => {
    tx.delete('a');
    expect(tx.add('a', 1)).toBe(1);
  });
  expect(map.ttl('a')).toBeGreaterThan(1_001);
  expect(map.ttl('a')).toBeLessThanOrEqual(50_001);
  map.close();
});
