// Messages one way between two processes: 64 bytes, and small objects through the default codec.

import { background, native, oneWay, pythonWork, side } from '../lib/contenders.mjs';

const SPSC = 'subjects/spsc.mjs';

export function spsc(label, form, bytes, { capacity = 2 ** 20, ...options } = {}) {
  const more = { form, bytes, capacity };
  const guess = 100 + bytes / 8;
  return oneWay(
    label,
    { role: 'subject', guess, ...options },
    side(SPSC, 'producer', more),
    side(SPSC, 'consumer', more),
  );
}

export function ring(label, form, bytes, { capacity = 2 ** 20, ...options } = {}) {
  const more = { form, bytes, capacity };
  return oneWay(
    label,
    { role: 'limit', needs: 'ring', guess: 20 + bytes / 20, ...options },
    native('ring', { role: 'producer', ...more }),
    native('ring', { role: 'consumer', ...more }),
  );
}

/** Everything but ours and the limit, for bytes. */
export function bytePeers(bytes, { capacity = 2 ** 20, ...more } = {}) {
  const options = { guess: 5000 + bytes, ...more };
  const boost = { bytes, capacity };
  const node = { bytes };
  const peer = (file) => `peers/${file}.mjs`;
  return [
    oneWay(
      'Boost message_queue',
      { needs: 'boost-queue', ...options },
      native('boost-queue', { role: 'producer', ...boost }),
      native('boost-queue', { role: 'consumer', ...boost }),
    ),
    ...['json', 'advanced'].map((serialization) =>
      oneWay(
        `process.send (${serialization})`,
        options,
        side(peer('process-send'), 'oneWay', { ...node, serialization }),
      ),
    ),
    oneWay('postMessage (thread)', options, side(peer('worker-thread'), 'oneWay', node)),
    oneWay(
      'unix socket',
      options,
      side(peer('unix-socket'), 'producer', node),
      side(peer('unix-socket'), 'consumer', node),
    ),
    oneWay(
      'zeromq ipc',
      { needs: 'zeromq', ...options },
      background(side(peer('zeromq'), 'producer', node)),
      side(peer('zeromq'), 'consumer', node),
    ),
    oneWay(
      'Python Pipe',
      { needs: 'python', ...options },
      pythonWork('queue', { kind: 'Pipe', bytes, pairs: 1 }),
    ),
  ];
}

const codec = (half) =>
  oneWay(`codec alone: ${half}`, { role: 'limit', guess: 1000 }, side('subjects/codec.mjs', half));

export default {
  name: 'spsc',
  title: 'SpscQueue: 64 bytes, small objects',
  points: () => [
    {
      id: 'spsc-64',
      title: '64-byte messages, one way',
      unit: 'message',
      contenders: [
        spsc('isthmus put/get', 'sync', 64),
        spsc('isthmus putMany/getMany', 'many', 64),
        spsc('isthmus reserve/peek', 'place', 64),
        spsc('isthmus await put/get', 'promise', 64),
        ring('C++ ring', 'copy', 64),
        ...bytePeers(64),
      ],
      goals: ['isthmus put/get', 'isthmus putMany/getMany', 'isthmus reserve/peek'].flatMap((subject) => [
        { subject, atMost: 50 },
        { subject, against: 'C++ ring', ratio: 5 },
        { subject, against: 'Boost message_queue', ratio: 1 / 3 },
      ]),
    },
    {
      id: 'spsc-objects',
      title: 'small objects through the default codec, one way',
      unit: 'message',
      contenders: [
        spsc('isthmus put/get', 'objects', 0),
        spsc('isthmus await put/get', 'objects-promise', 0),
        codec('encode'),
        codec('decode'),
        ...['json', 'advanced'].map((serialization) =>
          oneWay(
            `process.send (${serialization})`,
            {},
            side('peers/process-send.mjs', 'oneWay', { serialization, form: 'objects' }),
          ),
        ),
        oneWay('postMessage (thread)', {}, side('peers/worker-thread.mjs', 'oneWay', { form: 'objects' })),
        oneWay(
          'zeromq ipc (JSON)',
          { needs: 'zeromq' },
          background(side('peers/zeromq.mjs', 'producer', { form: 'objects' })),
          side('peers/zeromq.mjs', 'consumer', { form: 'objects' }),
        ),
      ],
      // The two ends work at the same time, so the slower half of the codec is what a message costs at least.
      goals: [
        { subject: 'isthmus put/get', against: 'process.send (json)', ratio: 1 / 6 },
        { subject: 'isthmus put/get', against: 'process.send (advanced)', ratio: 1 / 10 },
        {
          subject: 'isthmus put/get',
          against: ['codec alone: encode', 'codec alone: decode'],
          ratio: 1 / 0.7,
        },
      ],
    },
  ],
};
