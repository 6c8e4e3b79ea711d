// What was once wrong with SharedMap, each with the failure that it was.

import { SharedMap } from 'isthmus';
import { expect, test } from 'vitest';
import { freshName } from '../processes/start.js';
import { checkMap } from './heap-check.mjs';

/** A map that is checked, block by block, when the test is over. */
function mapped<R>(
  options: object | undefined,
  work: (map: SharedMap<string, unknown>, name: string) => R,
): R {
  const name = freshName('map');
  const map = SharedMap.create<string, unknown>(name, options);
  const result = work(map, name);
  if (!map.closed) {
    checkMap(name);
    map.close();
  }
  return result;
}

test('many new keys at once: two in one chain of an empty map are no damage', () => {
  const entries = Array.from({ length: 300 }, (_, n): [string, number] => [`key ${n}`, n]);
  mapped(undefined, (map) => {
    map.setMany(entries);
    expect(map.getMany(entries.map(([key]) => key))).toEqual(entries.map(([, n]) => n));
  });
  mapped(undefined, (map) => {
    map.transaction((tx) => {
      for (const [key, n] of entries) tx.set(key, n);
    });
    expect(map.size).toBe(300);
  });
});
