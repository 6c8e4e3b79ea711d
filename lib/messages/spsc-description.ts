/** What tools see of an SpscQueue, from a copy of its words. */

import type { Describe, DescribeActivity } from '../memory/directory.js';
import { ENDED, RING } from './ring-layout.js';
import { messagesIn, ringActivity, usedBytes } from './ring-look.js';
import { SPSC_TYPE } from './spsc-shape.js';

export const describeSpsc: Describe = ({ header, words, owner, word, payload, limit }) => {
  const { capacity, codec } = SPSC_TYPE.parse(header.schema, header, 'the object');
  const ring = { words, word, capacity, codec, size: header.payloadBytes, bytes: payload };
  return {
    used: usedBytes(words, capacity, 'the object'),
    capacity,
    ended: (words[RING.TAIL]! & ENDED) !== 0,
    producer: owner(RING.PRODUCER),
    consumer: owner(RING.CONSUMER),
    ...(limit === undefined ? {} : messagesIn({ ...ring, limit })),
  };
};

export const spscActivity: DescribeActivity = ({ words, owner }) =>
  ringActivity(words, '', { producer: owner(RING.PRODUCER), consumer: owner(RING.CONSUMER) });
