// The kind that has jobs. See kinds.mjs.

import { createRequire } from 'node:module';
import { abandon, DIST, is, participants, WAIT } from './calls.mjs';

const require = createRequire(import.meta.url);
const LAYOUT = require(`${DIST}/messages/queue-layout.js`);
const { QUEUE, JOB, JOB_WORDS, OTHER, ENDED, COUNT_STEP } = LAYOUT;

/** Names for the words of a few jobs. */
function jobs(count) {
  const found = {};
  for (let job = 0; job < count; job++)
    for (const [name, word] of Object.entries(JOB))
      found[`${name} ${job}`] = QUEUE.JOBS + job * JOB_WORDS + word;
  return found;
}

/** `undefined` means that the queue has ended, and nothing else. */
function message(found, queue) {
  if (found === undefined && !queue.ended)
    throw new Error('a wrong answer: undefined, and the queue has not ended');
}

/** What was taken, or nothing. */
function leave(job, as) {
  if (job === undefined) return;
  is('number', job.attempt);
  job[as]();
}

export function queueKind({ deadLetter, ...options }) {
  const { codec } = options;
  const text = (n) => (codec === 'raw' ? Buffer.alloc(n, 'x') : 'x'.repeat(n));
  const messages = [text(3), text(100), ...(codec === 'raw' ? [] : [{ a: [1, 'two'] }, new Map([[1, 2]])])];
  const [first] = messages;
  const most = { maxJobs: options.maxJobs };
  const counts = [0, 1, 2, 3, 5, 1000, 2 ** 28, 2 ** 29, 2 ** 30 - 1].map((n) => (n * COUNT_STEP) | 0);
  const blocks = LAYOUT.blocksFor(options.capacity);
  return {
    words: { ...QUEUE, 'TAILS 2': QUEUE.TAILS + 1, 'HEADS 2': QUEUE.HEADS + 1, ...jobs(most.maxJobs) },
    values: [
      ...counts.flatMap((count) => [count, count | OTHER, count | ENDED]),
      LAYOUT.NO_BLOCK,
      LAYOUT.JOB_RETURNED,
      LAYOUT.JOB_DONE,
      LAYOUT.JOB_RETURNED | LAYOUT.JOB_DONE,
      ...Array.from({ length: Math.min(blocks + 1, 6) }, (_, block) => block),
      blocks - 1,
    ],
    create({ Queue }, name) {
      const queue = Queue.create(name, {
        ...options,
        ...(deadLetter && { deadLetter: `${name}-dead` }),
        participants,
      });
      for (const each of messages) {
        queue.tryPut(each);
        queue.tryPut(first);
        if (codec === 'raw') queue.tryTake();
      }
      if (codec !== 'raw') queue.tryTake();
      queue.tryTake()?.retry();
      queue.tryTake()?.done();
      queue.tryTake();
      queue.tryPut(first);
      return queue;
    },
    parts: {
      queue: {
        open: ({ Queue }, name) => Queue.attach(name),
        again: ({ Queue }, name) => Queue.open(name),
        calls: [
          (queue) => is('number', queue.capacity + queue.maxMessageBytes + queue.size),
          (queue) => is('string', queue.codec),
          (queue) => is('boolean', queue.ended),
          (queue) => is('boolean', queue.isFull),
          (queue) => is('boolean', queue.tryPut(messages.at(-1))),
          (queue) => queue.putSync(first, WAIT),
          (queue) => queue.put(messages.at(-1), WAIT),
          (queue) => abandon((wait) => queue.put(first, wait)),
          (queue) => is('number', queue.tryPutMany(messages)),
          (queue) => queue.putManySync(messages, WAIT),
          (queue) => queue.putMany(messages, WAIT),
          (queue) => queue.tryGet(),
          (queue) => message(queue.getSync(WAIT), queue),
          (queue) => queue.get(WAIT), // whether it had ended may have been overwritten before anybody could ask
          (queue) => abandon((wait) => queue.get(wait)),
          (queue) => is('number', queue.tryGetMany().length),
          (queue) => queue.tryGetMany(2),
          (queue) => queue.getManySync(2, WAIT),
          (queue) => queue.getMany(2, WAIT),
          (queue) => leave(queue.tryTake(), 'done'),
          (queue) => leave(queue.takeSync(WAIT), 'retry'),
          async (queue) => leave(await queue.take(WAIT), 'done'),
          (queue) => abandon((wait) => queue.take(wait)).then((job) => leave(job, 'retry')),
          (queue) => void queue.tryTake(), // and keeps it until the handle is closed
          async (queue) => {
            const taken = [queue.tryTake(), queue.tryTake()];
            await queue.put(first, WAIT).catch(() => {});
            for (const job of taken.reverse()) leave(job, 'done');
          },
          (queue) => queue.joinSync(WAIT),
          (queue) => queue.join(WAIT),
          (queue) => abandon((wait) => queue.join(wait)),
          (queue) => void queue.ref().unref(),
          (queue) => streamed(queue.writable(), (stream) => stream.write('chunk')),
          (queue) => streamed(queue.readable({ objectMode: true }), (stream) => stream.resume()),
        ],
      },
      last: {
        open: ({ Queue }, name) => Queue.attach(name),
        calls: [(queue) => queue.end(), (queue) => message(queue.getSync(WAIT), queue)],
      },
    },
  };
}

/** Uses a stream for a moment; how it fails is the answer. */
function streamed(stream, use) {
  return new Promise((resolve, reject) => {
    stream.on('error', reject).on('close', resolve);
    use(stream);
    setTimeout(() => stream.destroy(), 3);
  });
}
