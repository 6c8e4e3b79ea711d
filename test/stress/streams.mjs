// The producer, the consumer, or both of a stream are killed, 500 times each, at random moments. Nothing that was
// published is lost or torn, the order is kept, and each successor goes on where docs/guarantees.md says:
// the consumer at the first message that was not released (so that one that was seen and not released comes again),
// the producer behind everything published.

import { setTimeout as sleep } from 'node:timers/promises';
import { SharedArray, SpscQueue, unlink } from 'isthmus';
import { check, freshName, random, start, until } from './processes.mjs';

/**
 * PUT: the number of the last message whose put returned. SEEN: of the last one that was looked at and found right.
 * AGAIN: how often the last one came again. LOST_ACK: how often a put was there whose return nobody had noted.
 */
export const STREAM = { PUT: 0, SEEN: 1, AGAIN: 2, WRONG: 3, STOP: 4, LENGTH: 5 };

export async function run({ report, share }) {
  const kills = Math.round(500 * share);
  for (const which of ['producer', 'consumer', 'both']) {
    await report(`${kills} times the ${which} of a stream killed`, () => stream(which, kills));
  }
}

async function stream(which, kills) {
  const name = freshName('streams');
  SpscQueue.create(name, { capacity: '64KB', startPosition: 2 ** 32 - 4096 }).close();
  const notes = SharedArray.create(`${name}-notes`, 'f64', STREAM.LENGTH);
  const begin = (role, n) => start(`streams-${role}.mjs`, [name, n % 2 === 0 ? 'Sync' : 'promise']);
  const sides = { producer: begin('producer', 0), consumer: begin('consumer', 0) };
  const killed = { producer: 0, consumer: 0 };
  let before = 0;
  try {
    for (let n = 1; n <= kills; n++) {
      // Both work: the kill meets them in the middle of something.
      before = notes.at(STREAM.SEEN);
      await until('the stream goes on', () => notes.at(STREAM.SEEN) > before || notes.at(STREAM.WRONG) !== 0);
      check(
        notes.at(STREAM.WRONG) === 0,
        `message ${notes.at(STREAM.WRONG)} came after ${notes.at(STREAM.SEEN)}`,
      );
      await sleep(random(8));
      const victims =
        which === 'both' ? (n % 2 === 0 ? ['producer', 'consumer'] : ['consumer', 'producer']) : [which];
      for (const role of victims) {
        sides[role].kill();
        killed[role]++;
      }
      for (const role of victims) {
        await sides[role].exited;
        sides[role] = begin(role, n);
      }
    }
    notes.set(STREAM.STOP, 1);
    await sides.producer.done();
    await sides.consumer.done();
    const [put, seen, again] = [STREAM.PUT, STREAM.SEEN, STREAM.AGAIN].map((index) => notes.at(index));
    check(seen === put, `${put} were put, ${seen} seen`);
    const most = killed.producer + killed.consumer;
    check(again <= most, `${again} came again, more than the ${most} kills explain`);
    return `${seen} messages, ${again} of them twice`;
  } finally {
    for (const side of Object.values(sides)) side.kill();
    notes.close();
    for (const one of [name, `${name}-notes`]) unlink(one);
  }
}
