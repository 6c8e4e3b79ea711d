// SharedMap, lmdb, Redis and a plain Map: the same keys, the same objects, get and set.
// `fill` prepares the store, `use` measures it in another process.

import { createRequire } from 'node:module';
import { now, ready, timed } from '../lib/actor.mjs';
import { SharedMap } from '../lib/isthmus.mjs';
import { mapObject } from '../lib/messages.mjs';

const require = createRequire(import.meta.url);

/** Everything is opened lazily: a peer may be missing. */
const STORES = {
  isthmus({ name, keys }) {
    const map = SharedMap.open(name, { maxBytes: maxBytes(keys) });
    return { get: (key) => map.get(key), set: (key, value) => map.set(key, value) };
  },
  lmdb({ name, keys }) {
    const { open } = require('lmdb');
    // In memory, and never synchronised to disk: the fastest it can be.
    const store = open({ path: `/dev/shm/${name}`, mapSize: 2 * maxBytes(keys), noSync: true });
    return {
      get: (key) => store.get(key),
      set: (key, value) => store.putSync(key, value),
      fill: (all) => store.transactionSync(() => all((key, value) => store.put(key, value))),
      close: () => store.close(),
    };
  },
  plain() {
    const map = new Map();
    return { get: (key) => map.get(key), set: (key, value) => map.set(key, value), ownOnly: true };
  },
};

/** An entry takes some 160 bytes; tables and a second one while they grow. */
const maxBytes = (keys) => Math.max(2 ** 24, Math.ceil((keys * 600) / 4096) * 4096);

function fillStore(store, keys) {
  const all = (set) => {
    for (let n = 0; n < keys; n++) set(`key:${n}`, mapObject(n));
  };
  if (store.fill) store.fill(all);
  else all(store.set);
}

export async function fill(parameters) {
  const store = STORES[parameters.kind](parameters);
  ready();
  const began = now();
  fillStore(store, parameters.keys);
  await store.close?.();
  return { ns: now() - began };
}

/** `visit`: keys at random among all, or again and again the same 100. */
export function use(parameters) {
  const { kind, operation, keys, count, visit } = parameters;
  const store = STORES[kind](parameters);
  if (store.ownOnly) fillStore(store, keys);
  const names = keyNames(keys, visit);
  const value = mapObject(1);
  let sum = 0;
  ready();
  const found = timed(count, (times) => {
    for (let n = 0; n < times; n++) {
      const key = names[n & (names.length - 1)];
      if (operation === 'get') sum += store.get(key).visits;
      else store.set(key, value);
    }
  });
  return { ...found, sum };
}

/** A power of two of names, so that making them is not measured. */
function keyNames(keys, visit) {
  const length = visit === 'few' ? 128 : 2 ** Math.min(18, Math.ceil(Math.log2(keys)));
  let state = 12345;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return `key:${Math.floor((state / 2 ** 32) * keys)}`;
  });
}

/** One request after the other, as a program does that needs the answer. `write` is JSON, as one does with Redis. */
export async function redis({ socket, operation, keys, count }) {
  const { createClient } = require('redis');
  const client = await createClient({ socket: { host: '127.0.0.1', port: socket } }).connect();
  const many = client.multi();
  for (let n = 0; n < keys; n++) many.set(`key:${n}`, JSON.stringify(mapObject(n)));
  await many.execAsPipeline();
  const names = keyNames(keys, 'all');
  const value = mapObject(1);
  let sum = 0;
  ready();
  const began = now();
  for (let n = 0; n < count; n++) {
    const key = names[n & (names.length - 1)];
    if (operation === 'get') sum += JSON.parse(await client.get(key)).visits;
    else await client.set(key, JSON.stringify(value));
  }
  const ns = now() - began;
  client.destroy();
  return { ns, sum };
}
