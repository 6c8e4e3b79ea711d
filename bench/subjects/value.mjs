// Value and SharedArray beside what JavaScript has for one process, and beside shm-typed-array.

import { createRequire } from 'node:module';
import { ready, timed } from '../lib/actor.mjs';
import { SharedArray, Value } from '../lib/isthmus.mjs';

const LENGTH = 1024;

export function add({ name, count }) {
  const value = Value.open(name, 'i32');
  ready();
  return timed(count, (times) => {
    for (let n = 0; n < times; n++) value.add(1);
  });
}

export function bareAdd({ count }) {
  const words = new Int32Array(new SharedArrayBuffer(4));
  ready();
  return timed(count, (times) => {
    for (let n = 0; n < times; n++) Atomics.add(words, 0, 1);
  });
}

export function shmTypedArrayAdd({ count }) {
  const shm = createRequire(import.meta.url)('shm-typed-array');
  const words = shm.create(1, 'Int32Array');
  ready();
  const found = timed(count, (times) => {
    for (let n = 0; n < times; n++) Atomics.add(words, 0, 1);
  });
  shm.destroy(words.key);
  return found;
}

/** Read, add, write: one element after the other. */
function work(view, count) {
  return timed(count, (times) => {
    for (let n = 0; n < times; n++) view[n & (LENGTH - 1)] += 1;
  });
}

export function sharedView({ name, count }) {
  const { view } = SharedArray.open(name, 'i32', LENGTH);
  ready();
  return work(view, count);
}

export function ordinaryView({ count }) {
  const view = new Int32Array(LENGTH);
  ready();
  return work(view, count);
}

export function shmTypedArrayView({ count }) {
  const shm = createRequire(import.meta.url)('shm-typed-array');
  const view = shm.create(LENGTH, 'Int32Array');
  ready();
  const found = work(view, count);
  shm.destroy(view.key);
  return found;
}

export function methodAdd({ name, count }) {
  const array = SharedArray.open(name, 'i32', LENGTH);
  ready();
  return timed(count, (times) => {
    for (let n = 0; n < times; n++) array.add(n & (LENGTH - 1), 1);
  });
}
