// Leaving is not dying: what each way of ending gives back, and as what. Locks that were held are abandoned either way
// (what they protected was not finished); roles are free after leaving, and a dead one's after dying.

import { inspect, Lock, SpscQueue, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';

interface Names {
  readonly lock: string;
  readonly value: string;
  readonly queue: string;
}

/** What the process that ends runs, after it holds everything; `worker`: in a worker, which it then outlives. */
const ENDS = {
  'a normal end': { died: false, worker: false, code: 'undefined' },
  'process.exit()': { died: false, worker: false, code: 'process.exit(0)' },
  'an uncaught exception': {
    died: false,
    worker: false,
    code: 'setImmediate(() => { throw new Error("mine") })',
  },
  'an unhandled rejection': { died: false, worker: false, code: 'Promise.reject(new Error("mine"))' },
  SIGKILL: { died: true, worker: false, code: 'process.kill(process.pid, "SIGKILL")' },
  SIGTERM: { died: true, worker: false, code: 'process.kill(process.pid, "SIGTERM")' },
  'process.abort()': { died: true, worker: false, code: 'process.abort()' },
  "a worker's normal end": { died: false, worker: true, code: 'undefined' },
  "a worker's process.exit()": { died: false, worker: true, code: 'process.exit(0)' },
  "a worker's uncaught exception": { died: false, worker: true, code: 'throw new Error("mine")' },
  'worker.terminate() in hot code': { died: true, worker: true, code: 'for (;;) value.value' },
  'worker.terminate() in a Sync wait': { died: true, worker: true, code: 'value.waitForSync(() => false)' },
  'worker.terminate() with promises pending': {
    died: true,
    worker: true,
    code: 'value.waitFor(() => false); consumer.get(); lock.acquire()',
  },
} as const;

describe.each(Object.entries(ENDS))('%s', (_how, { died, worker, code }) => {
  test('gives locks up as abandoned, roles back, and its slots', async () => {
    const names: Names = { lock: freshName(), value: freshName(), queue: freshName() };
    using lock = Lock.create(names.lock);
    using value = Value.create(names.value, 'i32');
    using queue = SpscQueue.create<string>(names.queue);
    const peer = start(
      async (_isthmus, { args, say, require }) => {
        const [names, worker, code, died] = args as unknown as [object, boolean, string, boolean];
        const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
        const body = `
          const { Lock, Value, SpscQueue } = require(${JSON.stringify(require.resolve('isthmus'))});
          const names = ${JSON.stringify(names)};
          const lock = Lock.attach(names.lock);
          const value = Value.attach(names.value);
          const consumer = SpscQueue.consumer(names.queue);
          globalThis.held = [lock.acquireSync(), value.lock.acquireSync()];
          value.value = 1;
          consumer.unref();
          ${code};`;
        if (!worker) {
          new Function('require', body)(require);
          return;
        }
        const thread = new Worker(body, { eval: true, stderr: true, execArgv: [] });
        const exited = new Promise((resolve) => thread.once('exit', resolve));
        thread.on('error', () => undefined);
        if (died) {
          const { Value } = require('isthmus') as typeof import('isthmus');
          const value = Value.attach<'i32'>((names as Names).value);
          value.waitForSync((held) => held === 1, { timeout: 20_000 });
          value.close();
          await thread.terminate();
        }
        await exited;
        say('worker gone');
        setInterval(() => undefined, 1000); // the process lives on
      },
      names,
      worker,
      code,
      died,
    );
    if (worker) expect(await peer.said()).toBe('worker gone');
    else await peer.exited;

    for (const one of [lock, value.lock]) {
      const guard = one.acquireSync({ timeout: 30_000 });
      expect(guard.abandoned).toBe(true);
      guard.release();
    }
    const producer = queue.producer();
    producer.putSync('a');
    const filling = (): unknown => producer.reserve(producer.maxMessageBytes - 100);
    expect(filling()).toBeInstanceOf(Uint8Array);
    producer.commit();
    // Full: a put waits for whoever consumes next, or is told that the consumer died.
    const code2 = died ? 'ERR_ISTHMUS_PEER_DIED' : 'ERR_ISTHMUS_TIMEOUT';
    const large = 'x'.repeat(1000);
    const timeout = died ? 20_000 : 50; // a busy machine may need longer than 50 ms to say who is dead
    expect(() => producer.putSync(large, { timeout })).toThrow(expect.objectContaining({ code: code2 }));
    await expect(producer.put(large, { timeout })).rejects.toThrow(expect.objectContaining({ code: code2 }));
    const successor = queue.consumer();
    expect(successor.getSync()).toBe('a');
    // Nobody but us is attached any more.
    for (const name of Object.values(names) as string[]) {
      const others = inspect(name).participants!.filter(({ pid }) => pid !== process.pid);
      expect(others.filter(({ alive }) => alive)).toEqual([]);
      if (worker) expect(others).toEqual([]); // tidied by the addon's hook
    }
    successor.close();
    producer.close();
  });
});
