// Queue: 64-byte messages from n producers to n consumers.

import { oneWay, pythonWork, rated, side } from '../lib/contenders.mjs';
import { redisPort } from '../lib/redis.mjs';
import { spsc } from './spsc.mjs';

const BYTES = 64;
const SUBJECT = 'subjects/queue.mjs';

/** `pairs` producers and consumers; together they take so many times as many messages as each of them. */
export function queue(label, pairs, options, module, more) {
  const sides = Array.from({ length: pairs }, () => [
    side(module, 'consumer', more),
    side(module, 'producer', more),
  ]).flat();
  return rated(label, pairs, options, async (parameters) => sides.map((make) => make(parameters)));
}

function redisQueue(pairs) {
  return rated('Redis list', pairs, { needs: ['redis', 'redis-server'] }, async (parameters) => {
    const more = { ...parameters, socket: await redisPort(), bytes: BYTES };
    return ['consumer', 'producer'].flatMap((role) =>
      Array.from({ length: pairs }, () => side('peers/redis-queue.mjs', role)(more)),
    );
  });
}

const python = (kind, pairs) =>
  oneWay(`Python ${kind}`, { needs: 'python' }, pythonWork('queue', { kind, bytes: BYTES, pairs }));

export function contenders(pairs) {
  return [
    queue('isthmus Queue', pairs, { role: 'subject', guess: 500 }, SUBJECT, { bytes: BYTES, form: 'sync' }),
    queue('isthmus Queue, many', pairs, { role: 'subject', guess: 500 }, SUBJECT, {
      bytes: BYTES,
      form: 'many',
    }),
    ...(pairs === 1 ? [spsc('isthmus SpscQueue', 'sync', BYTES, { role: 'peer' })] : []),
    python('Queue', pairs),
    python('SimpleQueue', pairs),
    redisQueue(pairs),
  ];
}

export default {
  name: 'queue',
  title: 'Queue',
  points: () =>
    [1, 2, 4].map((pairs) => ({
      id: `queue-${pairs}`,
      title: `64-byte messages, ${pairs} → ${pairs}`,
      unit: 'message',
      contenders: contenders(pairs),
      goals: [
        { subject: 'isthmus Queue', against: 'Python Queue', ratio: 1 / 25 },
        ...(pairs === 1 ? [{ subject: 'isthmus Queue', against: 'isthmus SpscQueue', ratio: 4 }] : []),
      ],
    })),
};
