// There and back, 64 bytes: a busy conversation, and one with pauses.

import { background, oneWay, pythonWork, side } from '../lib/contenders.mjs';

const BYTES = 64;
const SUBJECT = 'subjects/roundtrip.mjs';

function pair(label, module, more, options = {}) {
  return oneWay(label, options, background(side(module, 'echo', more)), side(module, 'roundTrip', more));
}

function contenders(pause, forms) {
  const more = { bytes: BYTES, pause };
  const least = pause > 0 ? 20 : 200;
  const most = pause > 0 ? 40 : undefined; // each of them takes the pause, too
  // A busy one takes long until V8 has compiled it: both sides spin meanwhile, on the processors that its threads need.
  const options = { least, share: pause > 0 ? 1 : 4, ...(most === undefined ? {} : { most }) };
  return [
    ...forms.map((form) =>
      pair(`isthmus ${form}`, SUBJECT, { ...more, form }, { role: 'subject', ...options }),
    ),
    ...['json', 'advanced'].map((serialization) =>
      oneWay(
        `process.send (${serialization})`,
        options,
        side('peers/process-send.mjs', 'roundTrip', { ...more, serialization }),
      ),
    ),
    oneWay('postMessage (thread)', options, side('peers/worker-thread.mjs', 'roundTrip', more)),
    pair('unix socket', 'peers/unix-socket.mjs', more, options),
    pair('zeromq ipc', 'peers/zeromq.mjs', more, { needs: 'zeromq', ...options }),
    oneWay('Python Pipe', { needs: 'python', ...options }, pythonWork('roundtrip', { ...more })),
  ];
}

/** Against both forms of process.send: the faster one counts. */
const goals = (subject, ratio) =>
  ['json', 'advanced'].map((form) => ({ subject, against: `process.send (${form})`, ratio }));

export default {
  name: 'roundtrip',
  title: 'Round trips',
  points: () => [
    {
      id: 'roundtrip-busy',
      title: 'there and back, 64 bytes, one after the other',
      unit: 'round trip',
      contenders: contenders(0, ['sync', 'promise']),
      goals: [...goals('isthmus sync', 1 / 20), ...goals('isthmus promise', 1 / 3)],
    },
    {
      id: 'roundtrip-idle',
      title: 'there and back, 64 bytes, after 10 ms of silence',
      unit: 'round trip',
      contenders: contenders(10, ['promise', 'sync']),
      goals: goals('isthmus promise', 1.5),
    },
  ],
};
