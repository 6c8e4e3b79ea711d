// A million entries of mixed sizes in one map: set, read, overwritten, iterated, deleted, every one of them right, and the
// heap accounted for block by block. Then readers beside writers that write as fast as they can (no value is ever torn, none
// stays old), and an 'lru' map under three writers, within its limits all the time.

import { SharedMap, unlink } from 'isthmus';
import { checkMap } from '../collections/heap-check.mjs';
import { check, freshName, start } from './processes.mjs';

const WRITERS = 3;

export async function run({ report, share }) {
  const entries = Math.max(1000, Math.round(1_000_000 * share));
  await report(`${entries} entries of 0 to 1,000 bytes`, () => mixed(entries));
  await report(`${entries} entries of 100 bytes`, () => hundred(entries));
  const seconds = Math.max(1, Math.round(20 * share));
  await report(`2 readers beside ${WRITERS} writers, ${seconds} s`, () => beside(seconds, {}, false));
  const limits = { maxBytes: '1MB', maxEntries: 3000, evict: 'lru' };
  await report(`lru under ${WRITERS} writers, ${seconds} s`, () => beside(seconds, limits, true));
}

async function withMap(options, work) {
  const name = freshName('maps');
  const map = SharedMap.create(name, options);
  try {
    return await work(map, name);
  } finally {
    map.close();
    unlink(name);
  }
}

/** A value that tells whose it is: its length and its letters follow from key and round. */
const contentOf = (key, round) =>
  String.fromCharCode(97 + ((key + round) % 26)).repeat((key * 7919 + round * 104_729) % 1000);

function mixed(count) {
  return withMap({ maxBytes: '1GB' }, (map, name) => {
    const timed = (act) => {
      const began = performance.now();
      for (let key = 0; key < count; key++) act(key);
      return Math.round(((performance.now() - began) / count) * 1e6);
    };
    const set = timed((key) => map.set(`key ${key}`, contentOf(key, 0)));
    const get = timed((key) => check(map.get(`key ${key}`) === contentOf(key, 0), `key ${key} is wrong`));
    const overwrite = timed((key) => map.set(`key ${key}`, contentOf(key, 1)));
    check(map.size === count, `${map.size} of ${count} entries`);
    const seen = new Uint8Array(count);
    for (const [text, value] of map) {
      const key = Number(text.slice(4));
      check(value === contentOf(key, 1), `${text} is wrong in the iteration`);
      check(seen[key]++ === 0, `${text} came twice`);
    }
    check(!seen.includes(0), 'the iteration left some out');
    checkMap(name);
    const remove = timed((key) => key % 2 === 0 && check(map.delete(`key ${key}`), `key ${key} was gone`));
    for (let key = 0; key < count; key++)
      check(map.has(`key ${key}`) === (key % 2 === 1), `key ${key} after deleting`);
    checkMap(name);
    map.clear();
    check(map.size === 0 && map.get('key 1') === undefined, 'clear left something');
    checkMap(name);
    return `ns: set ${set}, get ${get}, overwrite ${overwrite}, delete ${remove}`;
  });
}

function hundred(count) {
  return withMap({ maxBytes: '1GB' }, (map, name) => {
    const value = 'x'.repeat(100);
    let payload = 0;
    for (let key = 0; key < count; key++) {
      map.set(`key ${key}`, value);
      payload += 100 + `key ${key}`.length;
    }
    const { usedBytes, reservedBytes } = map.stats();
    checkMap(name);
    const [used, reserved] = [usedBytes / payload, reservedBytes / payload];
    check(count < 100_000 || reserved < 1.5, `${reserved} times the payload are reserved`);
    return `used ${used.toFixed(2)} times the payload, reserved ${reserved.toFixed(2)} times`;
  });
}

async function beside(seconds, options, lru) {
  return withMap({ codec: 'json', ...options }, async (map, name) => {
    const peers = [
      ...Array.from({ length: WRITERS }, (_, n) =>
        start('maps-writer.mjs', [name, `writer ${n}`, seconds, lru]),
      ),
      ...['reader 0', 'reader 1'].map((role) => start('maps-reader.mjs', [name, role, seconds, lru])),
    ];
    try {
      for (const peer of peers) await peer.done();
    } finally {
      for (const peer of peers) peer.kill();
    }
    checkMap(name);
    const { entries, usedBytes, evicted } = map.stats();
    const written = Array.from({ length: WRITERS }, (_, n) => map.get(`writer ${n}`)?.number ?? 0);
    if (!lru) {
      // What they said they had written last is there.
      for (let n = 0; n < WRITERS; n++) check(written[n] > 0, `nothing is left of writer ${n}`);
      return `${written.reduce((a, b) => a + b, 0)} written`;
    }
    check(entries <= map.maxEntries && usedBytes <= map.maxBytes, `${entries} entries, ${usedBytes} bytes`);
    return `${entries} entries, ${usedBytes} bytes, ${evicted} evicted`;
  });
}
