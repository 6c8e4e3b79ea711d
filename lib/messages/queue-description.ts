/** What tools see of a Queue, from a copy of its words. */

import { sleepers } from '../memory/activity.js';
import type { Describe, DescribeActivity } from '../memory/directory.js';
import { COUNT_STEP, ENDED, JOB, JOB_DONE, JOB_WORDS, OTHER, QUEUE } from './queue-layout.js';
import { messagesOf, returnedBlocks } from './queue-look.js';
import { QUEUE_TYPE } from './queue-shape.js';

export const describeQueue: Describe = ({ header, words, owner, word, payload, limit }) => {
  const puts = words[QUEUE.PUTS] ?? 0;
  const taken = words[QUEUE.TAKEN] ?? 0;
  const { capacity, codec, maxItems, maxAttempts } = QUEUE_TYPE.parse(header.schema, header, 'the object');
  // The counts wrap: their difference is one of 32 bits.
  const waiting = (((puts & ~(OTHER | ENDED)) - (taken & ~OTHER)) | 0) / COUNT_STEP;
  const most = maxAttempts ?? Number.POSITIVE_INFINITY;
  const jobs = [];
  const top = Math.min(words[QUEUE.TOP] ?? 0, Math.floor((words.length - QUEUE.JOBS) / JOB_WORDS));
  const head = words[QUEUE.HEADS + ((taken & OTHER) >> 1)]; // a job of that one's does not count: its taker died before
  const returned: number[] = [];
  for (let job = 0; job < top; job++) {
    const at = QUEUE.JOBS + job * JOB_WORDS;
    const word = words[at + JOB.OWNER];
    if (word === 0 || word === JOB_DONE) continue;
    const holder = owner(at + JOB.OWNER);
    if (holder?.alive === true) jobs.push({ holder, attempt: words[at + JOB.ATTEMPT] });
    else if ((words[at + JOB.ATTEMPT] ?? 0) < most && words[at + JOB.FIRST] !== head) returned.push(at); // others are on their way to the dead-letter queue
  }
  const look = { words, word, payload, capacity, codec };
  return {
    size: waiting + returned.length,
    capacity,
    maxItems,
    put: puts >>> 2,
    taken: taken >>> 2,
    ended: (puts & ENDED) !== 0,
    jobs,
    ...(limit === undefined ? {} : messagesOf({ ...look, limit, returned: returnedBlocks(words, returned) })),
  };
};

export const queueActivity: DescribeActivity = ({ words }) => {
  const messages = { unit: 'messages', wrap: 2 ** 30 } as const;
  return {
    counts: [
      { ...messages, what: 'put', way: 'in', count: (words[QUEUE.PUTS] ?? 0) >>> 2 },
      { ...messages, what: 'taken', way: 'out', count: (words[QUEUE.TAKEN] ?? 0) >>> 2 },
    ],
    waits: [
      ...sleepers(words, QUEUE.ARRIVED, 'message'),
      ...sleepers(words, QUEUE.ROOM, 'room'),
      ...sleepers(words, QUEUE.IDLE, 'all done'),
    ],
  };
};
