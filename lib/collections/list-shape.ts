/** What a SharedList is made of: its options, its schema, and the checks on both. */

import type { Codec, CodecName } from '../messages/codecs.js';
import type { AttachOptions, CreateOptions, Size } from '../options.js';
import { FIRST_CAPACITY, LIST_WORDS_BYTES, RING_HEAD_WORDS } from './list-layout.js';
import { makeRing } from './list-writer.js';
import { planStore, type StorePlan } from './store-layout.js';
import { type StoreShape, storeType } from './store-shape.js';

/** Options that belong to the handle, not to the object. */
export interface ListHandleOptions<T = unknown> {
  /** How values that are no numbers, bigints, bytes or strings travel; default `'msgpack'`. */
  codec?: CodecName | Codec<T>;
  /**
   * ms for which a call waits for another process that changes the list: then `TimeoutError`. Default: for ever. A change
   * takes microseconds, or longer where it moves or removes very many values, unless its process is stopped in the middle,
   * or runs a function of its own (`update`, `sort`).
   */
  timeout?: number;
}

/** Options for making a SharedList; with `open` they must agree with a list that exists. */
export interface ListCreateOptions<T = unknown> extends CreateOptions, ListHandleOptions<T> {
  /** How large it may become: bytes from 4,096, or a string such as `'64MB'` (the default). Memory is taken as it grows. */
  maxBytes?: Size;
}

/** Options for attaching: a codec of your own must be given again, everything else is read from the object. */
export interface ListAttachOptions<T = unknown> extends AttachOptions, ListHandleOptions<T> {}

export function planList({ maxBytes }: StoreShape): StorePlan {
  return planStore(maxBytes, 0, 0);
}

/** A list has no limits of its own. */
export const LIST_TYPE = storeType<StoreShape>({
  kind: 'list',
  wordsBytes: LIST_WORDS_BYTES,
  plan: planList,
  limits: () => ({}),
  parseLimits: () => ({}),
  initialise: (memory, heap) => makeRing(memory, heap.allocate(RING_HEAD_WORDS + FIRST_CAPACITY)),
});
