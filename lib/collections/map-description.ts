/** What tools see of a map, from a copy of its words. */

import { WORD_WRAP } from '../memory/activity.js';
import type { Describe, DescribeActivity } from '../memory/directory.js';
import { MAP } from './map-layout.js';
import { entriesOf } from './map-look.js';
import { rootsOf, storeWaits } from './store-description.js';
import { ROOT, STORE } from './store-layout.js';

export const describeMap: Describe = (object) => {
  const { header, owner, limit } = object;
  const { maxBytes, codec, maxEntries, evict, ttl } = header.schema;
  const root = rootsOf(object);
  return {
    entries: root(MAP.COUNT),
    usedBytes: root(ROOT.HEAP_USED) * 4,
    maxBytes,
    maxEntries,
    codec,
    evict,
    ttl,
    evicted: root(MAP.EVICTED),
    expired: root(MAP.EXPIRED),
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
