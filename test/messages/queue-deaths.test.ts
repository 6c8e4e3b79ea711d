// What deaths leave of a Queue: nothing that was accepted is lost, jobs come back, nobody waits for the dead.

import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type Job, Queue } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, type Peer, start, startWith } from '../processes/start.js';
import { asleep, type Form, until, WAYS } from '../sync/kinds.js';
import { forms, seen } from './queue-forms.js';

/** A process that takes so many jobs, says 'has them', and does what it is told: 'exit', 'close', 'finish', or nothing. */
const taker = (name: string, jobs: number, env: Record<string, string> = {}): Peer =>
  startWith(
    { env },
    async ({ Queue }, { args, say, heard }) => {
      const [name, count] = args as unknown as [string, number];
      const queue = Queue.attach(name);
      const jobs: Job[] = [];
      while (jobs.length < count) jobs.push(queue.takeSync()!);
      say(jobs.map(({ message }) => message));
      const what = await heard();
      if (what === 'exit') process.exit(0);
      if (what === 'finish') for (const job of jobs) job.done();
      if (what === 'throw') throw new Error('on purpose');
      queue.close();
      say('closed');
      await heard();
    },
    name,
    jobs,
  );

/** A process that takes until the queue is over, and says message and attempt of each job. */
const worker = (name: string, form: Form, env: Record<string, string> = {}): Peer =>
  startWith(
    { env },
    async ({ Queue }, { args, say }) => {
      const [name, form] = args as unknown as [string, Form];
      const queue = Queue.attach(name);
      say('ready');
      for (;;) {
        const job = form === 'Sync' ? queue.takeSync() : await queue.take();
        if (job === undefined) break;
        say([job.message, job.attempt]);
        job.done();
      }
      say('over');
    },
    name,
    form,
  );

describe.each(FORMS)('%s form', (form) => {
  test.each(['SIGKILL', 'process.exit', 'return'])('what put accepted arrives after %s', async (way) => {
    const name = freshName();
    using queue = Queue.create<[number, string]>(name);
    for (let round = 0; round < 3; round++) {
      const peer = start(
        async ({ Queue }, { args }) => {
          const [name, round, form, way] = args as unknown as [string, number, string, string];
          const queue = Queue.attach(name);
          if (form === 'Sync') queue.putManySync(['a', 'b'].map((text) => [round, text]));
          else await queue.putMany(['a', 'b'].map((text) => [round, text]));
          if (form === 'Sync') queue.putSync([round, 'c']);
          else await queue.put([round, 'c']);
          if (way === 'SIGKILL') process.kill(process.pid, 'SIGKILL');
          if (way === 'process.exit') process.exit(0);
        },
        name,
        round,
        form,
        way,
      );
      await peer.exited;
      expect(queue.tryGetMany()).toEqual(['a', 'b', 'c'].map((text) => [round, text]));
    }
  });

  test.each(['kill', 'exit', 'throw', 'close'])(
    'jobs out of a taker that ends by %s come back in their order, before those that wait',
    async (way) => {
      const name = freshName();
      using queue = Queue.create<number>(name);
      queue.putManySync([1, 2, 3, 4, 5]);
      const peer = taker(name, 3);
      expect(await peer.said()).toEqual([1, 2, 3]);
      expect(queue.size).toBe(2);
      if (way === 'kill') peer.kill();
      else peer.tell(way);
      await (way === 'close' ? peer.said() : peer.exited);
      const { take } = forms(queue, form);
      const jobs: (Job<number> | undefined)[] = [];
      for (let n = 0; n < 5; n++) jobs.push(await take());
      expect(jobs.map(seen)).toEqual([
        [1, 2],
        [2, 2],
        [3, 2],
        [4, 1],
        [5, 1],
      ]);
      for (const job of jobs) job!.done();
      queue.joinSync({ timeout: 0 });
    },
  );

  test.each(WAYS)(
    'a sleeping taker gets the job of a killed one, again and again (%s)',
    async (_, disable) => {
      const name = freshName();
      using queue = Queue.create<number>(name);
      const env = { ISTHMUS_DISABLE: disable };
      const survivor = startWith(
        { env },
        async ({ Queue }, { args, say, heard }) => {
          const [name, form] = args as unknown as [string, Form];
          const queue = Queue.attach(name);
          for (;;) {
            await heard();
            const job = form === 'Sync' ? queue.takeSync() : await queue.take();
            say([job!.message, job!.attempt]);
            job!.done();
          }
        },
        name,
        form,
      );
      const victims = Array.from({ length: disable === '' ? 5 : 1 }, () => taker(name, 1, env));
      queue.putManySync([...victims.keys()]);
      const held = await Promise.all(victims.map((victim) => victim.said<number[]>()));
      for (const [n, victim] of victims.entries()) {
        const [message] = held[n]!;
        survivor.tell();
        await asleep(survivor);
        victim.kill();
        expect(await survivor.said()).toEqual([message, 2]);
      }
      await forms(queue, form).join();
    },
  );

  test('worker.terminate() brings its jobs back', async () => {
    const name = freshName();
    using queue = Queue.create<string>(name);
    queue.putManySync(['one', 'two']);
    const thread = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       const queue = require('isthmus').Queue.attach(workerData);
       globalThis.jobs = [queue.takeSync(), queue.takeSync()];
       parentPort.postMessage('has them');
       setInterval(() => undefined, 1000);`,
      { eval: true, workerData: name },
    );
    await new Promise((resolve) => thread.once('message', resolve));
    expect([queue.tryGet(), queue.size]).toEqual([undefined, 0]);
    const waits = form === 'Sync' ? undefined : queue.take();
    await thread.terminate();
    const first = await (waits ?? forms(queue, form).take());
    expect([seen(first), seen(await forms(queue, form).take())]).toEqual([
      ['one', 2],
      ['two', 2],
    ]);
  });

  test('join outlasts a taker that is killed, and ends when another has done its job', async () => {
    const name = freshName();
    using queue = Queue.create<string>(name);
    queue.putSync('work');
    const victim = taker(name, 1);
    await victim.said();
    const joins = start(
      async ({ Queue }, { args, say }) => {
        const [name, form] = args as unknown as [string, Form];
        const queue = Queue.attach(name);
        say('joins');
        await (form === 'Sync' ? queue.joinSync() : queue.join());
        say('joined');
      },
      name,
      form,
    );
    await joins.said();
    const joined = joins.said();
    victim.kill();
    await victim.exited;
    await expect(forms(queue, form).join({ timeout: 50 })).rejects.toThrow(/not everything was done/);
    expect(await Promise.race([joined, sleep(50, 'still joins')])).toBe('still joins');
    const job = await forms(queue, form).take();
    expect(seen(job)).toEqual(['work', 2]);
    job!.done();
    expect(await joined).toBe('joined');
  });

  test('whoever gets from an ended queue waits for the job of another: done, it is over; dead, it comes', async () => {
    for (const way of ['finish', 'kill'] as const) {
      const name = freshName();
      using queue = Queue.create<string>(name);
      queue.putSync('last');
      const peer = taker(name, 1);
      await peer.said();
      queue.end();
      const getter = start(
        async ({ Queue }, { args, say }) => {
          const [name, form] = args as unknown as [string, Form];
          const queue = Queue.attach(name);
          say('gets');
          say([form === 'Sync' ? queue.getSync() : await queue.get()]);
          say([form === 'Sync' ? queue.getManySync() : await queue.getMany()]);
        },
        name,
        form,
      );
      await getter.said();
      const got = getter.said();
      expect(await Promise.race([got, sleep(100, 'waits')])).toBe('waits');
      await expect(forms(queue, form).get({ timeout: 20 })).rejects.toThrow(/no message came/);
      if (way === 'kill') peer.kill();
      else peer.tell('finish');
      expect(await got).toEqual([way === 'kill' ? 'last' : undefined]);
      expect(await getter.said()).toEqual([[]]);
      expect(await forms(queue, form).get()).toBe(undefined);
    }
  });

  test('get stays bounded while others are killed in the middle of everything', async () => {
    const name = freshName();
    using queue = Queue.create<Uint8Array>(name, { capacity: 4096 });
    const { get } = forms(queue, form);
    for (let round = 0; round < 8; round++) {
      const peers = [0, 1].map(() =>
        start(({ Queue }, { args, say }) => {
          const queue = Queue.attach<Uint8Array>(args[0]!);
          say();
          for (let n = 0; ; n++) {
            queue.tryPut(new Uint8Array(n % 1000));
            if (n % 3 === 0) queue.tryGet();
            else queue.tryTake()?.retry();
          }
        }, name),
      );
      await Promise.all(peers.map((peer) => peer.said()));
      await sleep(round * 3);
      for (const peer of peers) peer.kill();
      await Promise.all(peers.map((peer) => peer.exited));
      queue.tryGetMany();
      await expect(get({ timeout: 10 })).rejects.toThrow(/no message came/);
      expect([queue.size, queue.isEmpty, queue.isFull]).toEqual([0, true, false]);
      await forms(queue, form).join({ timeout: 0 });
      await forms(queue, form).put(new Uint8Array(4088), { timeout: 0 }); // not a block is missing
      expect((await get({ timeout: 0 }))!.length).toBe(4088);
    }
  });

  test('a process that is stopped with a job is not dead', async () => {
    const name = freshName();
    using queue = Queue.create<string>(name);
    queue.putSync('mine');
    const peer = taker(name, 1);
    await peer.said();
    peer.kill('SIGSTOP');
    await expect(forms(queue, form).take({ timeout: 1300 })).rejects.toThrow(/no message came/);
    peer.kill('SIGCONT');
    peer.tell('finish');
    await peer.said();
    await forms(queue, form).join();
  });

  test('several takers are killed at once: each job is done once by those who are left', async () => {
    const name = freshName();
    using queue = Queue.create<number>(name);
    const all = Array.from({ length: 60 }, (_, n) => n);
    queue.putManySync(all);
    const victims = [taker(name, 20), taker(name, 20)];
    await Promise.all(victims.map((peer) => peer.said()));
    const left = [worker(name, form), worker(name, form)];
    await Promise.all(left.map((peer) => peer.said()));
    for (const peer of victims) peer.kill();
    queue.end();
    const done: [number, number][] = [];
    for (const peer of left)
      for (let word = await peer.said(); word !== 'over'; word = await peer.said())
        done.push(word as [number, number]);
    expect(done.map(([message]) => message).sort((a, b) => a - b)).toEqual(all);
    expect(done.filter(([, attempt]) => attempt === 2).length).toBe(40);
    await until(() => queue.size === 0);
    await forms(queue, form).join();
  });
});
