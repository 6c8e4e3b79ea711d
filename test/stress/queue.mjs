// Four producers and four consumers, separately started, share a Queue: a million messages of 0 to 64 KB, most of them
// small. Half of each side uses Sync forms, half promises; one of each puts and gets many at a time, two consumers take
// jobs. None is lost or doubled, each producer's come in its order, each is compared byte for byte. --messages=N

import { Queue, SharedMemory, unlink } from 'isthmus';
import { check, freshName, start } from './processes.mjs';
import { SEATS } from './queue-content.mjs';

const ENVIRONMENTS = [
  ['', {}],
  [', fallback waiter', { ISTHMUS_DISABLE: 'futex_waitv' }],
];
const CAPACITIES = ['1MB', '128KB'];

export async function run({ option, report, share }) {
  const each = Number(option('messages', Math.round(250_000 * share)));
  for (const capacity of CAPACITIES) {
    for (const [label, env] of ENVIRONMENTS)
      await report(`queue: 4 x ${each} messages, 4 consumers, ${capacity}${label}`, () =>
        through(each, capacity, env),
      );
  }
}

async function through(each, capacity, env) {
  const name = freshName('queue');
  const queue = Queue.create(name, { capacity });
  const accounts = SharedMemory.create(`${name}-accounts`, SEATS * each);
  const began = performance.now();
  const producers = Array.from({ length: SEATS }, (_, n) =>
    start('queue-producer.mjs', [name, n, each], env),
  );
  const consumers = Array.from({ length: SEATS }, (_, n) =>
    start('queue-consumer.mjs', [name, n, each], env),
  );
  try {
    await Promise.all(producers.map((one) => one.done()));
    queue.end();
    await Promise.all(consumers.map((one) => one.done()));
    queue.joinSync({ timeout: 0 });
    const counts = new Uint8Array(accounts.buffer);
    const wrong = counts.findIndex((times) => times !== 1);
    check(
      wrong < 0,
      `message ${wrong % each} of producer ${Math.floor(wrong / each)} came ${counts[wrong]} times`,
    );
  } finally {
    for (const one of [...producers, ...consumers]) one.kill();
    queue.close();
    accounts.close();
    unlink(name);
    unlink(accounts.name);
  }
  return `${((SEATS * each) / (performance.now() - began)).toFixed(0)} messages/ms`;
}
