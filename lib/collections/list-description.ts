/** What tools see of a list, from a copy of its words. */

import { WORD_WRAP } from '../memory/activity.js';
import type { Describe, DescribeActivity } from '../memory/directory.js';
import { LIST } from './list-layout.js';
import { valuesOf } from './list-look.js';
import { rootsOf, storeWaits } from './store-description.js';
import { ROOT, STORE } from './store-layout.js';

export const describeList: Describe = (object) => {
  const { header, owner, limit } = object;
  const { maxBytes, codec } = header.schema;
  const root = rootsOf(object);
  return {
    length: root(LIST.LENGTH),
    usedBytes: root(ROOT.HEAP_USED) * 4,
    maxBytes,
    codec,
    changing: owner(STORE.LOCK),
    ...(limit === undefined ? {} : valuesOf(object, limit)),
  };
};

/** Readers' sequence number grows by two with each change. */
export const listActivity: DescribeActivity = ({ words }) => {
  const count = (words[STORE.SEQUENCES] ?? 0) >>> 1;
  return {
    counts: [{ what: 'changed', unit: 'changes', way: 'in', count, wrap: WORD_WRAP / 2 }],
    waits: storeWaits(words),
  };
};
