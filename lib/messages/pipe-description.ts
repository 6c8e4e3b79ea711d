/** What tools see of a Pipe, from a copy of its words. */

import type { Activity } from '../memory/activity.js';
import type { Describe, DescribeActivity } from '../memory/directory.js';
import { finished } from './pipe-ends.js';
import { DIRECTION_WORDS, END_CLOSED, PIPE } from './pipe-layout.js';
import { PIPE_TYPE } from './pipe-shape.js';
import { messagesIn, ringActivity, usedBytes, type Waiting } from './ring-look.js';

export const describePipe: Describe = ({ header, words, owner, word, payload, limit }) => {
  const { capacity, codec, duplex } = PIPE_TYPE.parse(header.schema, header, 'the object');
  const size = duplex ? header.payloadBytes / 2 : header.payloadBytes;
  const messages = (from: number, ring: number): Waiting | undefined =>
    limit === undefined
      ? undefined
      : messagesIn({
          words: words.subarray(from, from + DIRECTION_WORDS),
          word: (index) => word(from + index),
          bytes: (offset, bytes) => payload(ring * size + offset, bytes),
          ...{ capacity, codec, size, limit },
        });
  const [waitingToB, waitingToA] = [messages(PIPE.A_TO_B, 0), duplex ? messages(PIPE.B_TO_A, 1) : undefined];
  const used = (from: number): number =>
    usedBytes(words.subarray(from, from + DIRECTION_WORDS), capacity, 'the object');
  return {
    capacity,
    toB: used(PIPE.A_TO_B),
    toA: duplex ? used(PIPE.B_TO_A) : undefined,
    closed: [words[PIPE.A] === END_CLOSED && 'A', words[PIPE.B] === END_CLOSED && 'B'].filter(Boolean),
    finished: finished(words),
    a: owner(PIPE.A),
    b: owner(PIPE.B),
    ...(limit === undefined ? {} : { waitingToB, waitingToA }),
    problem: waitingToB?.problem ?? waitingToA?.problem,
  };
};

export const pipeActivity: DescribeActivity = ({ header, words, owner }) => {
  const { duplex } = PIPE_TYPE.parse(header.schema, header, 'the object');
  const [a, b] = [owner(PIPE.A), owner(PIPE.B)];
  const way = (from: number, of: string, sides: Parameters<typeof ringActivity>[2]): Activity =>
    ringActivity(words.subarray(from, from + DIRECTION_WORDS), of, sides);
  const all = [way(PIPE.A_TO_B, ' A to B', { producer: a, consumer: b })];
  if (duplex) all.push(way(PIPE.B_TO_A, ' B to A', { producer: b, consumer: a }));
  return { counts: all.flatMap(({ counts }) => counts), waits: all.flatMap(({ waits }) => waits) };
};
