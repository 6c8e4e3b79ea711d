/** What tools see of a map, from a copy of its words. */

import type { Describe } from '../memory/directory.js';
import { entriesOf } from './map-entries.js';
import { MAP } from './map-layout.js';
import { PAGE_BYTES, ROOT, STORE } from './store-layout.js';

export const describeMap: Describe = (object) => {
  const { header, payload, owner, limit } = object;
  const { maxBytes, codec, maxEntries, evict, ttl } = header.schema;
  const bytes = payload(0, PAGE_BYTES);
  const word = (index: number): number => (bytes.length >= 4 * index + 4 ? bytes.readUInt32LE(4 * index) : 0);
  return {
    entries: word(MAP.COUNT),
    usedBytes: word(ROOT.HEAP_USED) * 4,
    maxBytes,
    maxEntries,
    codec,
    evict,
    ttl,
    evicted: word(MAP.EVICTED),
    expired: word(MAP.EXPIRED),
    changing: owner(STORE.LOCK),
    ...(limit === undefined ? {} : entriesOf(object, limit)),
  };
};
