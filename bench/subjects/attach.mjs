// Attaching to what exists, and closing it again.

import { createRequire } from 'node:module';
import { now, ready } from '../lib/actor.mjs';
import { Lock, SharedMap, SpscQueue, Value } from '../lib/isthmus.mjs';

const require = createRequire(import.meta.url);
const WARM = 50;

/** Each makes the object, lets go of it, and returns what attaches and closes once. */
const WAYS = {
  value(name) {
    Value.create(name, 'i32').close();
    return () => Value.attach(name).close();
  },
  lock(name) {
    Lock.create(name).close();
    return () => Lock.attach(name).close();
  },
  spsc(name) {
    SpscQueue.create(name).close();
    return () => SpscQueue.attach(name).close();
  },
  map(name) {
    SharedMap.create(name).close();
    return () => SharedMap.attach(name).close();
  },
  async lmdb(name) {
    const { open } = require('lmdb');
    const path = `/dev/shm/${name}`;
    await open({ path, noSync: true }).close();
    return () => open({ path, noSync: true }).close();
  },
  'shm-typed-array'(_name, key) {
    const shm = require('shm-typed-array');
    return () => {
      shm.get(key, 'Int32Array');
      shm.detach(key);
    };
  },
};

export async function attach({ kind, name, key, count }) {
  const once = await WAYS[kind](name, key);
  ready();
  for (let n = 0; n < WARM; n++) await once();
  const began = now();
  for (let n = 0; n < count; n++) await once();
  return { ns: now() - began };
}

/** shm-typed-array removes a segment with its last user: this is one. It runs until it is killed, and is told before. */
export function keepSegment({ key }) {
  const shm = require('shm-typed-array');
  shm.create(1024, 'Int32Array', key);
  ready();
  setTimeout(() => shm.destroy(key), 1e8);
}
