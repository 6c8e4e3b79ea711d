/** What tools see of a Queue, from a copy of its words. */

import type { Describe } from '../memory/directory.js';
import { COUNT_STEP, ENDED, JOB, JOB_DONE, JOB_WORDS, OTHER, QUEUE } from './queue-layout.js';

export const describeQueue: Describe = ({ header, words, owner }) => {
  const puts = words[QUEUE.PUTS] ?? 0;
  const taken = words[QUEUE.TAKEN] ?? 0;
  const jobs = [];
  const top = Math.min(words[QUEUE.TOP] ?? 0, Math.floor((words.length - QUEUE.JOBS) / JOB_WORDS));
  let returned = 0;
  for (let job = 0; job < top; job++) {
    const at = QUEUE.JOBS + job * JOB_WORDS;
    const word = words[at + JOB.OWNER];
    if (word === 0 || word === JOB_DONE) continue;
    const holder = owner(at + JOB.OWNER);
    if (holder?.alive === true) jobs.push({ holder, attempt: words[at + JOB.ATTEMPT] });
    else returned++;
  }
  const { capacity, maxItems } = header.schema;
  const waiting = (((puts & ~(OTHER | ENDED)) - (taken & ~OTHER)) | 0) / COUNT_STEP; // both wrap
  return {
    size: waiting + returned,
    capacity,
    maxItems,
    ended: (puts & ENDED) !== 0,
    jobs,
  };
};
