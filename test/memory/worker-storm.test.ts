// Workers that are terminated in the middle of everything: each is a participant, and its end is a death.

import { inspect, Lock, SpscQueue, Value } from 'isthmus';
import { expect, test } from 'vitest';
import { freshName, startWith } from '../processes/start.js';

/** npm run test:all does with the number that DESIGN's promise was first shown with. */
const WORKERS = process.env.ISTHMUS_TESTS === 'all' ? 200 : 60;

test(`${WORKERS} workers terminated while they hold, wait and stream: the process survives, nothing stays locked`, async () => {
  const names = { lock: freshName(), value: freshName(), queue: freshName() };
  using lock = Lock.create(names.lock);
  using value = Value.create(names.value, 'f64');
  using queue = SpscQueue.create(names.queue, { capacity: '64KB' });
  const peer = startWith(
    { watchdog: 120_000 },
    async (_isthmus, { args, say, sleep, require }) => {
      const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
      const body = `
        const { Lock, Value, SpscQueue } = require(${JSON.stringify(require.resolve('isthmus'))});
        const { parentPort, workerData: [names, what] } = require('node:worker_threads');
        const lock = Lock.attach(names.lock), value = Value.attach(names.value);
        parentPort.postMessage('begun');
        const count = () => { value.value = value.value + 1; };
        const role = (make) => { for (;;) try { return make(); } catch (error) { if (error.code !== 'ERR_ISTHMUS_ROLE_TAKEN') throw error; } };
        (async () => {
          if (what === 0) for (;;) lock.withLockSync(count);
          if (what === 1) for (;;) await lock.withLock(count);
          if (what === 2) { globalThis.kept = lock.acquireSync(); for (;;) count(); }
          if (what === 3) { globalThis.kept = await lock.acquire(); await value.waitFor(() => false); }
          if (what === 4) { for (let n = 0; n < 50; n++) lock.acquire(); value.waitForSync(() => false); }
          if (what === 5) { const producer = role(() => SpscQueue.producer(names.queue)); for (let n = 0; ; n++) { producer.tryPut(Buffer.alloc(n % 500, n)) || producer.flush().catch(() => 0); await 0; } }
          if (what === 6) { const consumer = role(() => SpscQueue.consumer(names.queue)); for (;;) await consumer.get({ peerDeath: 'wait' }); }
          if (what === 7) { const consumer = role(() => SpscQueue.consumer(names.queue)); for (;;) consumer.getSync({ peerDeath: 'wait' }); }
        })();`;
      const errors: string[] = [];
      let begun = 0;
      const one = async (): Promise<void> => {
        while (begun < args[1]!) {
          const what = begun++ % 8;
          const worker = new Worker(body, { eval: true, execArgv: [], workerData: [args[0]!, what] });
          worker.on('error', (error) => errors.push(`${what}: ${error.stack}`));
          // Some before they have begun, most in the middle of what they do.
          const begins =
            Math.random() < 0.2 ? undefined : new Promise((resolve) => worker.once('message', resolve));
          await begins;
          await sleep(Math.random() * 50);
          await worker.terminate();
        }
      };
      await Promise.all([one(), one(), one(), one(), one(), one()]);
      say(errors);
      setInterval(() => undefined, 1000); // survives, and is still attached to nothing
    },
    names,
    WORKERS,
  );
  expect(await peer.said()).toEqual([]);
  for (const form of ['Sync', 'promise']) {
    const wait = { timeout: 30_000 };
    (form === 'Sync' ? lock.acquireSync(wait) : await lock.acquire(wait)).release();
  }
  using producer = queue.producer();
  using consumer = queue.consumer();
  consumer.drain();
  producer.putSync('whole');
  expect(consumer.getSync()).toBe('whole');
  for (const name of Object.values(names)) {
    const participants = inspect(name).participants!;
    expect(participants.map(({ pid }) => pid)).toEqual([process.pid]);
  }
  expect(value.value).toBeGreaterThan(0);
}, 150_000);
