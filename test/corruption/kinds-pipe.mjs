// Pipes. See kinds.mjs. An end that was closed is closed for good, so a storm of openings gets on only until both are.

import { createRequire } from 'node:module';
import { abandon, DIST, is, participants, WAIT } from './calls.mjs';

const require = createRequire(import.meta.url);
const { attachSegment } = require(`${DIST}/memory/segment.js`);
const { PIPE } = require(`${DIST}/messages/pipe-layout.js`);
const { PIPE_TYPE } = require(`${DIST}/messages/pipe-shape.js`);
const { RING } = require(`${DIST}/messages/ring-layout.js`);

const words = Object.fromEntries([
  ...['TAIL', 'HEAD'].flatMap((word) => [
    [`A_TO_B ${word}`, PIPE.A_TO_B + RING[word]],
    [`B_TO_A ${word}`, PIPE.B_TO_A + RING[word]],
  ]),
  ['A', PIPE.A],
  ['B', PIPE.B],
]);

const send = [
  (end) => is('boolean', end.trySend('x')),
  (end) => end.sendSync({ a: 1 }, WAIT),
  (end) => end.send(Buffer.from('bytes'), WAIT),
  (end) => end.send('x', { ...WAIT, peerDeath: 'wait' }),
  (end) => abandon((wait) => end.send('x', wait)),
];
const receive = [
  (end) => end.tryReceive(),
  (end) => end.receiveSync(WAIT),
  (end) => end.receive(WAIT),
  (end) => end.receive({ ...WAIT, peerDeath: 'wait' }),
  (end) => abandon((wait) => end.receive(wait)),
  (end) => is('boolean', end.pollSync()),
  async (end) => is('boolean', await end.poll(WAIT)),
];
const both = [
  (end) => is('number', end.capacity + end.maxMessageBytes),
  (end) => is('boolean', end.ended),
  (end) => void end.ref().unref(),
];

/** Messages in every ring, and both ends free; what is returned has a slot and no end. */
function pipe(duplex, capacity, startPosition) {
  const options = { duplex, capacity, startPosition, codec: 'v8', participants };
  return {
    words,
    payload: startPosition & 0xffff,
    create({ Pipe }, name) {
      const reader = Pipe.create(name, options);
      const writer = Pipe.attach(name);
      for (const end of duplex ? [reader, writer] : [writer])
        for (const message of ['text', { b: [2n] }, new Uint8Array(9)]) end.trySend(message);
      const { segment } = attachSegment(name, PIPE_TYPE, {}, () => undefined);
      const tails = [PIPE.A_TO_B, PIPE.B_TO_A].flatMap((from) =>
        [RING.TAIL, RING.HEAD].map((word) => [from + word, segment.words[from + word]]),
      );
      reader.close();
      writer.close();
      for (const [index, value] of [...tails, [PIPE.A, 0], [PIPE.B, 0]]) segment.words[index] = value;
      return { name: `/${name}`, close: () => segment.release() };
    },
    parts: {
      first: {
        open: ({ Pipe }, name) => Pipe.attach(name),
        calls: [...both, ...receive, ...(duplex ? send : [])],
      },
      second: {
        open: ({ Pipe }, name) => Pipe.attach(name),
        calls: [...both, ...send, ...(duplex ? receive : [])],
      },
      last: { open: (_isthmus, _name, { second }) => second, calls: [(end) => end.end()] },
    },
  };
}

export const PIPE_KINDS = {
  pipe: pipe(true, 4096, 2 ** 32 - 64),
  'pipe, tiny': pipe(true, 64, 0),
  'pipe, one way': pipe(false, 1024, 2 ** 31 - 64),
};
