// The ends of a queue as Node streams: one process pipes a file into the queue, the other pipes what comes into a hash,
// with back-pressure. Run: node streams.mjs [FILE]

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { SpscQueue, unlink } from 'isthmus';

const NAME = 'example-streams';
const self = fileURLToPath(import.meta.url);

if (process.argv[2] === 'send') {
  const producer = SpscQueue.producer(NAME, { capacity: '64KB' });
  // The stream's end is the queue's end.
  await pipeline(createReadStream(process.argv[3]), producer.writable());
  await producer.flush();
  producer.close();
} else {
  const file = process.argv[2] ?? process.execPath; // Node itself: larger than the queue by far
  spawn(process.execPath, [self, 'send', file], { stdio: 'inherit' });

  const consumer = SpscQueue.consumer(NAME, { capacity: '64KB' });
  const received = createHash('sha256');
  await pipeline(consumer.readable(), received);
  consumer.close();
  unlink(NAME);

  const sent = createHash('sha256');
  await pipeline(createReadStream(file), sent);
  const [there, here] = [sent.digest('hex'), received.digest('hex')];
  console.log(`sent      ${there}\nreceived  ${here}`);
  process.exitCode = there === here ? 0 : 1;
}
