/** What tools see of a map, from a copy of its words. */

import { WORD_WRAP } from '../memory/activity.js';
import type { Describe, DescribeActivity } from '../memory/directory.js';
import { entriesOf } from './map-entries.js';
import { MAP } from './map-layout.js';
import { storeWaits } from './store-description.js';
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

/** Deletions are not counted anywhere. */
export const mapActivity: DescribeActivity = ({ words, payload }) => {
  const bytes = payload(4 * MAP.TICK, 4);
  const count = bytes.length < 4 ? 0 : bytes.readUInt32LE();
  return {
    counts: [{ what: 'set', unit: 'entries', way: 'in', count, wrap: WORD_WRAP }],
    waits: storeWaits(words),
  };
};
