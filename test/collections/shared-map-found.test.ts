// What was once wrong with SharedMap, each with the failure that it was.

import { runInNewContext } from 'node:vm';
import { SharedMap } from 'isthmus';
import { expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';
import { coded, contents } from '../sync/kinds.js';
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

test('closing another handle within update does not give the lock away', async () => {
  const name = freshName('map');
  using map = SharedMap.create<string, number>(name);
  const other = SharedMap.attach(name);
  map.update('n', () => {
    other.close();
    expect(contents(name)['changing']).toBeDefined();
    return 1;
  });
  expect(contents(name)['changing']).toBeUndefined();
  expect(() => map.update('n', () => map.close() as undefined)).toThrow(coded('ERR_ISTHMUS_CLOSED'));
  using again = SharedMap.attach<string, number>(name);
  expect(again.update('n', (n) => n! + 1)).toBe(2);
  checkMap(name);
});

test('a function that the timeout of vm breaks off leaves the lock to others', async () => {
  const name = freshName('map');
  using map = SharedMap.create<string, number>(name);
  map.set('n', 1);
  for (const script of ['map.update("n", () => { for (;;); })', 'map.transaction(() => { for (;;); })']) {
    const broken = () => runInNewContext(script, { map }, { timeout: 30 });
    expect(broken).toThrow(coded('ERR_SCRIPT_EXECUTION_TIMEOUT'));
    const other = start(({ SharedMap }, { args }) => {
      SharedMap.attach<string, number>(args[0]!, { timeout: 20_000 }).add('n', 1);
    }, name);
    await other.done(); // without any call here
    expect(broken).toThrow();
    map.add('n', 1); // at once
  }
  expect(map.get('n')).toBe(5);
  checkMap(name);
});

test('what a transaction deletes and adds to again expires as a new entry', () => {
  mapped({ ttl: 60_000 }, (map) => {
    map.set('n', 1);
    map.transaction((tx) => {
      tx.delete('n');
      tx.add('n', 2);
    });
    expect(map.ttl('n')).toBeLessThan(60_002);
  });
});

test('user code that closes the map, or is none, ends in an error that says so', () => {
  mapped(undefined, (map) => {
    expect(() => map.getOrInsertComputed('n', undefined as never)).toThrow(coded('ERR_INVALID_ARG_TYPE'));
    const closing = function* () {
      map.close();
      yield 'n';
    };
    expect(() => map.getMany(closing())).toThrow(coded('ERR_ISTHMUS_CLOSED'));
  });
});

test('removing what is not there is no news', async () => {
  const name = freshName('map');
  using map = SharedMap.create<string, number>(name);
  const news = map.changes();
  map.delete('n');
  map.compareAndSet('n', undefined, undefined);
  map.transaction((tx) => tx.delete('n'));
  map.set('m', 1);
  expect((await news.next()).value).toEqual({ type: 'set', key: 'm' });
});

test('a change whose maker died before it told of it is told to who only listens', async () => {
  const name = freshName('map');
  using map = SharedMap.create<string, number>(name);
  map.set('n', 1);
  const [news, values] = [map.changes(), map.changes({ key: 'n' })];
  const told = Promise.all([news.next(), values.next()]);
  const peer = start(({ SharedMap }, { args, require }) => {
    const { MapJournal } = require('../dist/collections/map-journal.js');
    MapJournal.prototype.note = () => process.kill(process.pid, 'SIGKILL');
    SharedMap.attach<string, number>(args[0]!).set('n', 2);
  }, name);
  await peer.exited;
  expect((await told).map(({ value }) => value)).toEqual([{ type: 'unknown' }, 2]);
  checkMap(name);
});
