// As in pipe.mjs, with a pipe that the machine lays out, so that a death marks its owner's slot at once: nobody sleeps on.

import { createRequire } from 'node:module';
import { workerData } from 'node:worker_threads';
import { CAPACITY, closes, everythingCame, insists, talks } from './pipe.mjs';

const CASES = {
  'two talk: Sync, Sync': [talks('Sync', 2), talks('Sync', 1)],
  'two talk: promise, promise': [talks('promise', 1), talks('promise', 2)],
  'one closes, one sends: Sync': [closes, insists('Sync')],
  'one closes, one sends: promise': [closes, insists('promise')],
};

export const variants = Object.fromEntries(
  Object.keys(CASES).map((name) => [
    name,
    { bound: 3, crashBound: 2, stopBound: 1, random: 300, most: 6000, mostCrash: 80 },
  ]),
);

/** A slot without an end: handles of pipes always have one. */
function participant(act) {
  const dist = workerData?.dist ?? JSON.parse(process.argv[2]).dist;
  const require = createRequire(`${dist}/`);
  const segments = require(`${dist}/memory/segment.js`);
  const { PIPE_TYPE } = require(`${dist}/messages/pipe-shape.js`);
  const segment = act(segments, PIPE_TYPE);
  return { close: () => segment.release() };
}

export default (variant) => ({
  actors: CASES[variant],
  create: (_isthmus, name) =>
    participant(({ createSegment }, type) =>
      createSegment(
        name,
        type,
        { capacity: CAPACITY, codec: 'raw', duplex: true, startPosition: 2 ** 32 - 64 },
        { participants: 8 },
      ),
    ),
  attach: (_isthmus, name) =>
    participant(({ attachSegment }, type) => attachSegment(name, type, {}, () => undefined).segment),
  words: 4096,
  payload: 131_072,
  limit: 4000,
  // One that dies between taking its end and introducing itself: nobody was watching it yet.
  sleepsAfter: ({ step, stop }) => (!stop && step <= 24 ? 1 : 0),
  mayWaitForEver: ({ isthmus, name, killed, stopped }) => {
    if (stopped !== undefined) return true; // it is alive, and the other one waits for it
    if (killed === undefined) return false;
    // Without an end of its own it leaves the other one waiting for somebody to come, as it should.
    const { a, b } = isthmus.inspect(name).contents;
    return a === undefined || b === undefined;
  },
  check: (context) => variant.startsWith('two talk') && everythingCame(context),
});
