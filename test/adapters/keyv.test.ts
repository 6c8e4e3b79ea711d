// isthmus/keyv: what Keyv's own test suite asks of a store, in several forms of Keyv; and what it does not ask.

import { setTimeout as sleep } from 'node:timers/promises';
import { deserialize, serialize } from 'node:v8';
import { gunzipSync, gzipSync } from 'node:zlib';
import keyvTestSuite, { keyvCompresstionTests, keyvIteratorTests } from '@keyv/test-suite';
import { SharedMap, unlink } from 'isthmus';
import KeyvIsthmus, { KeyvIsthmus as Named } from 'isthmus/keyv';
import Keyv, { type KeyvOptions, type KeyvStoreAdapter } from 'keyv';
import * as vitest from 'vitest';
import { freshName, nodeRequire, start } from '../processes/start.js';

const { afterAll, beforeAll, describe, expect, onTestFinished, test } = vitest;

// Values may be compressed; the suite's texts become bytes, base64 fits into Keyv's JSON.
const gzip = {
  compress: async (value: unknown) => gzipSync(serialize(value)).toString('base64'),
  decompress: async (text: string) => deserialize(gunzipSync(Buffer.from(text, 'base64'))),
  serialize: async ({ value, expires }: { value?: unknown; expires?: number | undefined }) =>
    JSON.stringify({ value: await gzip.compress(value), expires }),
  deserialize: async (text: string) => {
    const { value, expires } = JSON.parse(text);
    return { value: await gzip.decompress(value), expires };
  },
};

/** Keyv with other defaults, for the suite to make. */
function keyvWith(defaults: KeyvOptions): typeof Keyv {
  return class extends Keyv {
    constructor(options?: KeyvOptions) {
      super({ ...defaults, ...options });
    }
  } as typeof Keyv;
}

describe.each<[string, typeof Keyv]>([
  ['as it is', Keyv],
  ['without a namespace', keyvWith({ namespace: undefined } as never)],
  ['that compresses', keyvWith({ compression: gzip })],
  [
    'with a serializer of its own',
    keyvWith({
      serialize: (data) => serialize(data).toString('base64'),
      deserialize: (text) => deserialize(Buffer.from(text, 'base64')),
    }),
  ],
  ['that leaves serializing to the map', keyvWith({ serialize: undefined, deserialize: undefined } as never)],
])('Keyv %s', (title, Kind) => {
  const name = `it-keyv-suite-${process.pid}`;
  const adapters: KeyvIsthmus[] = [];
  beforeAll(() => void adapters.push(new KeyvIsthmus(name)));
  afterAll(async () => {
    await Promise.all(adapters.map((one) => one.disconnect()));
    unlink(name);
  });
  // A handle of its own each time, as other processes would have.
  const store = (): KeyvIsthmus => {
    const one = new KeyvIsthmus(name);
    adapters.push(one);
    return one;
  };

  // Its times to live of 200 ms and more may be over before it looks: it is not ours, so that the only remedy is another try.
  describe('suite', { retry: 2 }, () => keyvTestSuite(vitest, Kind, store));
  // Keyv takes the namespace off a key even where it has put none before it, so the suite's texts do not come back.
  if (title !== 'without a namespace')
    describe('iterator', { retry: 2 }, () => keyvIteratorTests(vitest, Kind, store));
});

describe('compression', () => keyvCompresstionTests(vitest, gzip as never));

/** An adapter on a map of its own. */
function makeStore(options?: ConstructorParameters<typeof KeyvIsthmus>[1]): KeyvIsthmus {
  const one = new KeyvIsthmus(freshName('keyv'), options);
  onTestFinished(() => one.disconnect());
  return one;
}

test('it is what Keyv calls a store, under each of its names', () => {
  const adapter = makeStore();
  const store: KeyvStoreAdapter = adapter;
  expect(new Keyv(adapter).store).toBe(store);
  expect(Named).toBe(KeyvIsthmus);
  expect(nodeRequire('isthmus/keyv').KeyvIsthmus).toBe(KeyvIsthmus);
  expect(nodeRequire('isthmus/keyv').default).toBe(KeyvIsthmus);
});

test('many at once: set, get, has, delete', async () => {
  const store = makeStore();
  const cache = new Keyv(store);
  const entries = [1, 2, 3].map((n) => ({ key: `k${n}`, value: { n } }));
  expect(await cache.setMany([...entries, { key: 'short', value: 1, ttl: 1 }])).toEqual([
    true,
    true,
    true,
    true,
  ]);
  await sleep(10);
  const keys = ['k1', 'nothing', 'k3', 'short'];
  expect(await cache.getMany(keys)).toEqual([{ n: 1 }, undefined, { n: 3 }, undefined]);
  expect(await cache.hasMany(keys)).toEqual([true, false, true, false]);
  expect(await cache.deleteMany(keys)).toBe(true);
  expect(await cache.deleteMany(keys)).toBe(false);
  expect([...store.map.keys()]).toEqual(['keyv:k2']);
});

test('setMany is all or nothing', async () => {
  const cache = new Keyv(makeStore({ maxEntries: 2 }));
  const errors: unknown[] = [];
  cache.on('error', (error) => errors.push(error));
  expect(await cache.setMany(['a', 'b', 'c'].map((key) => ({ key, value: key })))).toEqual([
    false,
    false,
    false,
  ]);
  expect(errors).toMatchObject([{ code: 'ERR_ISTHMUS_FULL' }]);
  expect(await cache.hasMany(['a', 'b', 'c'])).toEqual([false, false, false]);
});

test('times to live are the map’s: its own, one that is given, none, one that is over', async () => {
  const store = makeStore({ ttl: 50_000 });
  await store.set('own', 1);
  await store.set('given', 1, 30_000);
  await store.set('zero', 1, 0);
  await store.set('over', 1);
  await store.set('over', 2, -1);
  await store.setMany([{ key: 'own', value: 1, ttl: -5 }]);
  expect(store.map.ttl('given')).toBeLessThanOrEqual(30_001);
  expect(store.map.ttl('zero')).toBeGreaterThan(30_001);
  expect([...store.map.keys()].sort()).toEqual(['given', 'zero']);
});

test('clear keeps to the namespace, whatever else is in the map', async () => {
  const map = SharedMap.create<never, unknown>(freshName('keyv'));
  onTestFinished(() => map.close());
  const store = new KeyvIsthmus(map as SharedMap<never, unknown> as never);
  const [a, ab] = ['a', 'ab'].map(
    (namespace) => new Keyv({ store: new KeyvIsthmus(map as never), namespace }),
  );
  map.set(7 as never, 'a number');
  for (const one of [a, ab]) for (let n = 0; n < 500; n++) await one!.set(`k${n}`, n);
  await a!.clear();
  expect(map.size).toBe(501);
  const seen = [];
  for await (const [key] of ab!.iterator!('ab')) seen.push(key);
  expect(seen.length).toBe(500);
  for await (const [key] of store.iterator()) expect(key).toMatch(/^ab:k\d+$/);
  await store.clear(); // none: everything
  expect(map.size).toBe(0);
});

test('disconnect closes what the adapter has opened, and nothing else', async () => {
  const map = SharedMap.create<string, unknown>(freshName('keyv'));
  await new KeyvIsthmus(map).disconnect();
  expect(map.closed).toBe(false);
  const other = new KeyvIsthmus(map.name);
  await other.disconnect();
  await other.disconnect();
  expect(other.map.closed).toBe(true);
  map.close();
});

test('failures: an error event for each, and no crash where nobody listens', async () => {
  const store = makeStore();
  const cache = new Keyv(store);
  const errors: unknown[] = [];
  await store.disconnect();
  await expect(store.get('a')).rejects.toThrow(/closed/); // Keyv listens, but nobody to Keyv
  cache.on('error', (error) => errors.push(error));
  expect(await cache.get('a')).toBeUndefined();
  expect(await cache.set('a', 1)).toBe(false);
  expect(await cache.delete('a')).toBe(false);
  await cache.clear();
  expect(errors.map((error) => (error as { code: string }).code)).toEqual(
    Array(4).fill('ERR_ISTHMUS_CLOSED'),
  );
  await expect(new Keyv(store, { throwOnErrors: true }).get('a')).rejects.toThrow(/closed/);
});

test('arguments that make no sense', () => {
  const map = SharedMap.create<string, unknown>(freshName('keyv'));
  onTestFinished(() => map.close());
  expect(() => new KeyvIsthmus(undefined as never)).toThrow(
    /name of a SharedMap, or a SharedMap; got undefined/,
  );
  expect(() => new KeyvIsthmus({} as never)).toThrow(/got an instance of Object/);
  expect(() => new KeyvIsthmus(map, { ttl: 5 })).toThrow(/must be left out/);
  expect(() => new KeyvIsthmus(freshName(), { tll: 5 } as never)).toThrow(/did you mean 'ttl'/);
});

test('two unrelated processes share one cache, times to live included', async () => {
  const store = makeStore();
  const cache = new Keyv(store);
  const peer = start(async (_, { args: [name], say, heard, require }) => {
    const { Keyv } = require('keyv') as typeof import('keyv');
    const { KeyvIsthmus } = require('isthmus/keyv') as typeof import('isthmus/keyv');
    const cache = new Keyv(new KeyvIsthmus(name!));
    await cache.set('theirs', { from: 'the other process' });
    let short: unknown;
    // Again, should this process be held up for longer than it lives.
    for (let tries = 0; short === undefined && tries < 20; tries++) {
      await cache.set('short', 'lived', 200);
      short = await cache.get('short');
    }
    say(short);
    await heard();
    const seen = [await cache.get('ours'), await cache.get('short'), await cache.has('brief')];
    await cache.delete('theirs');
    say(seen);
    await cache.disconnect();
  }, store.map.name);
  expect(await peer.said()).toBe('lived');
  expect(await cache.get('theirs')).toEqual({ from: 'the other process' });
  const left = store.map.ttl('keyv:short');
  expect(left === undefined || left <= 201).toBe(true);
  await cache.set('ours', new Date(0));
  await cache.set('brief', 1, 1);
  while (await cache.has('short')) await sleep(10);
  peer.tell();
  expect(await peer.said()).toEqual([new Date(0).toJSON(), undefined, false]);
  expect(await cache.get('theirs')).toBeUndefined();
  await peer.done();
});
