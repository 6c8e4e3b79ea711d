// What `npm run test:runtimes` tries, each in processes of their own: `first` starts, says READY, and meanwhile `second`
// starts; both must end by themselves. An error is the answer "does not work", with its text.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import {
  Lock,
  Pipe,
  Queue,
  Semaphore,
  SharedMap,
  SharedMemory,
  SpscQueue,
  unlink,
  Value,
} from '../../dist/index.mjs';

const MESSAGES = 1000;
const attached = { lifetime: 'attached' };
const ready = () => console.log('READY');

export const features = {
  'loading the addon': { first: ready },

  SharedMemory: {
    async first(name) {
      const memory = SharedMemory.create(name, 4096);
      const bytes = new Uint8Array(memory.buffer);
      bytes[0] = 7;
      ready();
      while (bytes[1] !== 8) await sleep(5);
      memory.close();
      unlink(name);
    },
    second(name) {
      const memory = SharedMemory.attach(name);
      const bytes = new Uint8Array(memory.buffer);
      assert.equal(bytes[0], 7);
      bytes[1] = 8;
      memory.close();
    },
  },

  'Value, `waitFor`': {
    async first(name) {
      const value = Value.open(name, 'i32', attached);
      ready();
      await value.waitFor((n) => n === 3);
      value.close();
    },
    async second(name) {
      const value = Value.open(name, 'i32', attached);
      for (let n = 0; n < 3; n++) {
        await sleep(20);
        value.add(1);
      }
      value.close();
    },
  },

  'Lock, Sync form': lockBy((lock) => lock.acquireSync()),
  'Lock, promise form': lockBy((lock) => lock.acquire()),

  'takeover after `kill -9`': {
    killed: true,
    first(name) {
      const lock = Lock.open(name, attached);
      lock.acquireSync();
      ready();
      setInterval(() => {}, 1000);
    },
    async second(name) {
      const lock = Lock.open(name, attached);
      ready();
      const guard = await lock.acquire();
      assert.equal(guard.abandoned, true);
      guard.release();
      lock.close();
    },
  },

  'SpscQueue, Sync form': {
    first(name) {
      const consumer = SpscQueue.consumer(name, attached);
      ready();
      for (let n = 0; n < MESSAGES; n++) assert.deepEqual(consumer.getSync(), { n });
      assert.equal(consumer.getSync(), undefined);
      consumer.close();
    },
    second(name) {
      const producer = SpscQueue.producer(name, attached);
      for (let n = 0; n < MESSAGES; n++) producer.putSync({ n });
      producer.end();
      producer.close();
    },
  },

  'SpscQueue, promise form': {
    async first(name) {
      const consumer = SpscQueue.consumer(name, attached);
      ready();
      let n = 0;
      for await (const message of consumer) assert.deepEqual(message, { n: n++ });
      assert.equal(n, MESSAGES);
      consumer.close();
    },
    async second(name) {
      const producer = SpscQueue.producer(name, attached);
      for (let n = 0; n < MESSAGES; n++) {
        if (n % 100 === 0) await sleep(1); // so that the consumer sleeps now and then
        await producer.put({ n });
      }
      producer.end();
      producer.close();
    },
  },

  'Queue with leases': {
    async first(name) {
      const queue = Queue.open(name, attached);
      ready();
      for (let n = 0; n < 100; n++) {
        const job = await queue.take();
        assert.equal(job.message, `job ${n}`);
        job.done();
      }
      queue.close();
    },
    async second(name) {
      const queue = Queue.open(name, attached);
      for (let n = 0; n < 100; n++) await queue.put(`job ${n}`);
      await queue.join();
      queue.close();
    },
  },

  Pipe: {
    async first(name) {
      const pipe = Pipe.open(name, attached);
      ready();
      for await (const message of pipe) await pipe.send(message + 1);
      pipe.close();
    },
    async second(name) {
      const pipe = Pipe.open(name, attached);
      for (let n = 0; n < 100; n++) {
        await pipe.send(n);
        assert.equal(await pipe.receive(), n + 1);
      }
      pipe.close();
    },
  },

  SharedMap: {
    async first(name) {
      const map = SharedMap.open(name, attached);
      map.set('a', { from: 'first' });
      ready();
      while (!map.has('b')) await sleep(5);
      assert.equal(map.add('count', 1), 2);
      map.close();
    },
    second(name) {
      const map = SharedMap.open(name, attached);
      assert.deepEqual(map.get('a'), { from: 'first' });
      map.add('count', 1);
      map.set('b', 1);
      map.close();
    },
  },

  'POSIX Semaphore': {
    async first(name) {
      const semaphore = Semaphore.open(name, { initial: 0 });
      ready();
      await semaphore.acquire();
      semaphore.acquireSync();
      semaphore.close();
      Semaphore.unlink(name);
    },
    async second(name) {
      const semaphore = Semaphore.open(name, { initial: 0 });
      await sleep(50);
      semaphore.release(2);
      semaphore.close();
    },
  },

  'worker threads': {
    async first(name) {
      const value = Value.open(name, 'i32', attached);
      ready();
      const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData: name });
      const ended = new Promise((resolve, reject) => {
        worker.on('exit', resolve);
        worker.on('error', reject);
      });
      await value.waitFor((n) => n === 1);
      value.value = 2;
      assert.equal(await ended, 0);
      assert.equal(value.value, 3);
      value.close();
    },
  },

  '`worker.terminate()` while it holds a lock': {
    async first(name) {
      const lock = Lock.open(name, attached);
      ready();
      const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData: { holds: name } });
      await new Promise((resolve, reject) => {
        worker.on('message', resolve);
        worker.on('error', reject);
      });
      assert.equal(lock.tryAcquire(), undefined);
      await worker.terminate();
      const guard = await lock.acquire();
      assert.equal(guard.abandoned, true);
      guard.release();
      lock.close();
    },
  },

  'exit without `close()`': {
    first(name) {
      Value.open(name, 'i32', attached);
      const semaphore = Semaphore.open(`${name}-semaphore`, { initial: 0 });
      semaphore.acquire().catch(() => {});
      Semaphore.unlink(`${name}-semaphore`);
      setTimeout(() => process.exit(0), 500);
      ready();
    },
    async second(name) {
      // It goes with its last process.
      while (existsSync(`/dev/shm/${name}`)) await sleep(5);
    },
  },
};

/** The first holds the lock until the second waits for it. */
function lockBy(acquire) {
  return {
    async first(name) {
      const lock = Lock.open(name, attached);
      const turns = Value.open(`${name}-turns`, 'i32', attached);
      const guard = await acquire(lock);
      ready();
      while (turns.value !== 1) await sleep(5);
      await sleep(100);
      turns.value = 2;
      guard.release();
      lock.close();
      turns.close();
    },
    async second(name) {
      const lock = Lock.open(name, attached);
      const turns = Value.open(`${name}-turns`, 'i32', attached);
      turns.value = 1;
      const guard = await acquire(lock);
      assert.equal(turns.value, 2);
      guard.release();
      lock.close();
      turns.close();
    },
  };
}
