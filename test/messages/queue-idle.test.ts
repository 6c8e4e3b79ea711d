// A Queue that stays full or empty costs nothing; one that is always busy does not starve the consumer's event loop.

import { Queue } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, start, startWith } from '../processes/start.js';
import { asleep, type Form } from '../sync/kinds.js';

describe.each(FORMS)('%s form', (form) => {
  test.each(['full', 'empty'])('waiting while it is %s burns no CPU', async (how) => {
    const name = freshName();
    using queue = Queue.create<number>(name, { maxItems: 1, maxJobs: 4 });
    queue.putSync(1);
    if (how === 'empty') queue.takeSync(); // and whoever waits to take watches over it
    const calls = how === 'full' ? ['put', 'putMany', 'join'] : ['get', 'take', 'getMany'];
    const peers = calls.map((call) =>
      start(
        async ({ Queue }, { args, say }) => {
          const [name, form, call] = args as unknown as [string, Form, 'get'];
          const queue = Queue.attach<number>(name) as unknown as Record<string, (value?: unknown) => unknown>;
          const value = { put: 2, putMany: [2] }[call as string];
          say('waits');
          const before = process.cpuUsage();
          await queue[form === 'Sync' ? `${call}Sync` : call]!(value);
          const { user, system } = process.cpuUsage(before);
          say((user + system) / 1000);
        },
        name,
        form,
        call,
      ),
    );
    for (const peer of peers) await peer.said();
    await asleep(...peers);
    const cpu = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const { user, system } = process.cpuUsage(cpu);
    expect((user + system) / 1000).toBeLessThan(300); // the holder of what they wait for
    if (how === 'full') {
      const used = peers.map((peer) => peer.said<number>());
      for (let n = 0; n < 3; n++) await queue.get();
      for (const ms of await Promise.all(used)) expect(ms).toBeLessThan(300);
    } else {
      queue.end();
      queue.close(); // gives the job back: one of them has it
      for (const peer of peers.slice(1)) peer.said().catch(() => undefined);
      const first = await Promise.race(peers.map((peer) => peer.said<number>()));
      expect(first).toBeLessThan(300);
    }
  });
});

test('a fast producer does not starve the timers of one who awaits get in a loop', async () => {
  const name = freshName();
  using _queue = Queue.create<Uint8Array>(name, { capacity: '8MB' });
  const consumer = startWith(
    {},
    async ({ Queue }, { args, say }) => {
      const queue = Queue.attach<Uint8Array>(args[0]!);
      let ticks = 0;
      const timer = setInterval(() => ticks++, 1);
      say('gets');
      const before = process.cpuUsage();
      let bytes = 0;
      for (let message = await queue.get(); message !== undefined; message = await queue.get()) {
        bytes += message.length;
        let sum = 0;
        for (let n = 0; n < message.length; n += 16) sum += message[n]!; // it is slower than the producer
        if (sum < 0) throw new Error('never');
      }
      clearInterval(timer);
      const { user, system } = process.cpuUsage(before);
      say([bytes, ticks, (user + system) / 1000]);
    },
    name,
  );
  await consumer.said();
  const producer = start(({ Queue }, { args }) => {
    const queue = Queue.attach<Uint8Array>(args[0]!);
    const message = new Uint8Array(10_000).fill(1);
    for (let n = 0; n < 30_000; n++) queue.putSync(message);
    queue.end();
  }, name);
  const [bytes, ticks, cpu] = await consumer.said<[number, number, number]>();
  expect(bytes).toBe(300_000_000);
  // How many there can be depends on how long it takes, here in CPU: where machines stand still, timers do not tick.
  expect(ticks).toBeGreaterThanOrEqual(Math.min(20, cpu / 25));
  await producer.done();
});
