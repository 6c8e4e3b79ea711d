// Jobs of a Queue: what was taken is somebody's until it is done, and comes back if it is given back or forgotten by force.

import { setTimeout as sleep } from 'node:timers/promises';
import { FullError, type Job, NotOwnerError, Queue, unlink } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, start, startWith } from '../processes/start.js';
import { coded } from '../sync/kinds.js';
import { forms, seen } from './queue-forms.js';

const filled = <T>(messages: readonly T[], options = {}) => {
  const queue = Queue.create<T>(freshName(), options);
  queue.putManySync(messages);
  return queue;
};

describe.each(FORMS)('%s form', (form) => {
  test('a job is nobody else’s until it is done', async () => {
    using queue = filled(['a', 'b']);
    const { take, get } = forms(queue, form);
    const job = await take();
    expect([job!.message, job!.attempt, job!.pending, queue.size]).toEqual(['a', 1, true, 1]);
    expect([await get(), queue.tryGet(), queue.tryTake(), queue.isEmpty]).toEqual([
      'b',
      undefined,
      undefined,
      true,
    ]);
    job!.done();
    expect(job!.pending).toBe(false);
    await forms(queue, form).join({ timeout: 0 });
  });

  test('retry puts it in front, with one attempt more', async () => {
    using queue = filled([1, 2, 3]);
    const { take } = forms(queue, form);
    (await take())!.retry();
    expect(queue.size).toBe(3);
    const again = await take();
    expect(seen(again)).toEqual([1, 2]);
    const two = await take();
    two!.retry();
    again!.retry(); // later than 2, and yet it comes first: it was put first
    const jobs: unknown[] = [];
    for (let n = 0; n < 3; n++) jobs.push(seen(await take()));
    expect(jobs).toEqual([
      [1, 3],
      [2, 2],
      [3, 1],
    ]);
  });

  test('retry wakes one who waits in another process', async () => {
    using queue = filled(['work']);
    const job = (await forms(queue, form).take())!;
    const peer = start(
      async ({ Queue }, { args, say }) => {
        const [name, form] = args as unknown as [string, string];
        const queue = Queue.attach(name);
        say('waits');
        const job = form === 'Sync' ? queue.takeSync() : await queue.take();
        say([job!.message, job!.attempt]);
        job!.done();
      },
      queue.name,
      form,
    );
    await peer.said();
    await sleep(50);
    job.retry();
    expect(await peer.said()).toEqual(['work', 2]);
    await peer.done();
    await forms(queue, form).join({ timeout: 0 });
  });

  test('get has what came back, in front, and get and take mix', async () => {
    using queue = filled([0, 1, 2, 3, 4, 5, 6]);
    const { take, get, getMany } = forms(queue, form);
    const jobs: Job<number>[] = [];
    for (let n = 0; n < 4; n++) jobs.push((await take())!);
    expect(await get()).toBe(4);
    jobs[2]!.retry();
    jobs[0]!.retry();
    jobs[1]!.done();
    jobs[3]!.retry();
    expect(queue.size).toBe(5);
    expect(await get()).toBe(0);
    expect(await getMany(3)).toEqual([2, 3, 5]);
    expect(seen(await take())).toEqual([6, 1]);
    expect(queue.tryTake()).toBe(undefined);
  });

  test.each(['done', 'retry'] as const)('done() and retry() after %s() are refused', async (first) => {
    using queue = filled(['x']);
    const { take } = forms(queue, form);
    const job = (await take())!;
    job[first]();
    expect(() => job.done()).toThrow(NotOwnerError);
    expect(() => job.retry()).toThrow(first === 'done' ? /done already/ : /given back already/);
    if (first === 'done') return;
    const next = (await take())!; // the refusals have done nothing to it
    expect(() => job.done()).toThrow(NotOwnerError);
    expect([next.pending, queue.size]).toEqual([true, 0]);
    next.done();
  });

  test('close gives its jobs back, and tells those who still have them', async () => {
    using queue = filled([1, 2]);
    const other = Queue.attach<number>(queue.name);
    const job = (await forms(other, form).take())!;
    const kept = (await forms(queue, form).take())!;
    const waits = queue.take();
    other.close();
    expect(seen(await waits)).toEqual([1, 2]);
    expect([job.pending, kept.pending]).toEqual([false, true]);
    expect(() => job.done()).toThrow(/the handle that it came from was closed/);
    job[Symbol.dispose]();
    kept.done();
  });

  test('maxJobs: one more is refused, what came back is not', async () => {
    using queue = filled([1, 2, 3, 4], { maxJobs: 2 });
    const { take, get } = forms(queue, form);
    const [one, two] = [(await take())!, (await take())!];
    await expect(take()).rejects.toThrow(FullError);
    await expect(take({ timeout: 0 })).rejects.toThrow(/larger maxJobs/);
    expect(() => queue.tryTake()).toThrow(FullError);
    expect(queue.size).toBe(2);
    one.retry();
    expect(seen(await take())).toEqual([1, 2]);
    two.done();
    expect(seen(await take())).toEqual([3, 1]);
    expect(await get()).toBe(4); // needs no place
    await expect(take({ timeout: 10 })).rejects.toThrow(/no message came/);
  });

  test('using gives it back unless it was done', async () => {
    using queue = filled([1]);
    const { take } = forms(queue, form);
    {
      using job = (await take())!;
      expect(job.attempt).toBe(1);
    }
    try {
      using job = (await take())!;
      expect(job.attempt).toBe(2);
      throw new Error('mine');
    } catch (error) {
      expect((error as Error).message).toBe('mine');
    }
    {
      using job = (await take())!;
      expect(job.attempt).toBe(3);
      job.done();
    }
    expect(queue.size).toBe(0);
    await forms(queue, form).join({ timeout: 0 });
  });

  test('maxAttempts by retry: then it lies in the dead-letter queue, and join ends', async () => {
    const deadLetter = freshName();
    using queue = filled(['poison', 'food'], { maxAttempts: 2, deadLetter });
    const { take, get, join } = forms(queue, form);
    (await take())!.retry();
    const last = (await take())!;
    expect(seen(last)).toEqual(['poison', 2]);
    last.retry();
    expect(queue.size).toBe(1);
    expect(await get()).toBe('food');
    await join({ timeout: 0 });
    using dead = Queue.attach(deadLetter);
    expect([dead.capacity, dead.codec, dead.tryGetMany()]).toEqual([queue.capacity, queue.codec, ['poison']]);
    expect(queue.tryTake()).toBe(undefined);
  });

  test('maxAttempts by kill: the same, whatever the message is', async () => {
    const deadLetter = freshName();
    const message = { id: 1, bytes: new Uint8Array([1, 2, 3]) };
    using queue = filled([message], { maxAttempts: 2, deadLetter });
    for (let attempt = 1; attempt <= 2; attempt++) {
      const peer = start(
        async ({ Queue }, { args, say }) => {
          const [name, form] = args as unknown as [string, string];
          const queue = Queue.attach(name);
          const job = form === 'Sync' ? queue.takeSync() : await queue.take();
          say(job!.attempt);
          setInterval(() => job, 1000);
        },
        queue.name,
        form,
      );
      expect(await peer.said()).toBe(attempt);
      peer.kill();
      await peer.exited;
    }
    await expect(forms(queue, form).take({ timeout: 20 })).rejects.toThrow(/no message came/);
    using dead = Queue.attach(deadLetter);
    expect(dead.tryGet()).toEqual(message);
    queue.joinSync({ timeout: 0 });
  });

  test('a full dead-letter queue: it stays, stops nobody, and moves later', async () => {
    const deadLetter = freshName();
    using dead = Queue.create(deadLetter, { maxItems: 1 });
    dead.putSync('old');
    using queue = filled(['poison', 'food'], { maxAttempts: 1, deadLetter });
    const { take, get, join } = forms(queue, form);
    (await take())!.retry();
    expect([await get(), queue.size]).toEqual(['food', 0]);
    await expect(take({ timeout: 10 })).rejects.toThrow(/no message came/);
    await expect(join({ timeout: 0 })).rejects.toThrow(/not everything was done/);
    queue.end();
    expect(await get()).toBe(undefined); // it comes to nobody any more
    await expect(join({ timeout: 0 })).rejects.toThrow(/not everything was done/);
    expect(dead.tryGetMany()).toEqual(['old']);
    expect(await get()).toBe(undefined);
    expect(dead.tryGetMany()).toEqual(['poison']);
    await join({ timeout: 0 });
  });
});

test('a dead-letter queue that cannot be used is an error that says so; nothing is lost by it', () => {
  const deadLetter = freshName();
  const wrong = Queue.create(deadLetter, { codec: 'json' });
  using queue = filled([1], { maxAttempts: 1, deadLetter });
  queue.takeSync()!.retry();
  for (let n = 0; n < 3; n++) expect(() => queue.tryTake()).toThrow(coded('ERR_ISTHMUS_MISMATCH') as Error);
  wrong.close();
  unlink(deadLetter);
  expect(queue.tryTake()).toBe(undefined);
  using dead = Queue.attach(deadLetter);
  expect(dead.tryGet()).toBe(1);
  queue.joinSync({ timeout: 0 });
});

test('a job that stays out for long stops nobody: 10,000 others pass through a small queue', async () => {
  using queue = Queue.create<number[]>(freshName(), { capacity: 1024, maxItems: 5 });
  queue.putSync([-1]);
  const long = queue.takeSync()!;
  for (let n = 0; n < 10_000; n += 4) {
    expect(queue.tryPutMany([[n], [n + 1], [n + 2], [n + 3]])).toBe(4);
    const job = queue.takeSync({ timeout: 0 })!;
    expect(job.message).toEqual([n]);
    expect(queue.getSync({ timeout: 0 })).toEqual([n + 1]);
    job.retry();
    expect(queue.getSync({ timeout: 0 })).toEqual([n]);
    expect(queue.tryGetMany()).toEqual([[n + 2], [n + 3]]);
  }
  long.done();
  queue.joinSync({ timeout: 0 });
  queue.putSync([0]);
  expect(queue.size).toBe(1);
});

test('a forgotten job warns, and stays this process’s', async () => {
  using queue = filled(['x']);
  const peer = startWith(
    { execArgv: ['--expose-gc'] },
    async ({ Queue }, { args, say, sleep }) => {
      const queue = Queue.attach(args[0]!);
      process.on('warning', (warning) => say([(warning as { code?: string }).code, warning.message]));
      queue.takeSync();
      for (;;) {
        await sleep(10);
        (globalThis as { gc?: () => void }).gc!();
      }
    },
    queue.name,
  );
  const [code, message] = await peer.said<[string, string]>();
  expect(code).toBe('ISTHMUS_FORGOTTEN_JOB');
  expect(message).toContain(queue.name);
  expect([queue.size, queue.tryTake()]).toEqual([0, undefined]);
  peer.kill();
  expect(seen(await queue.take())).toEqual(['x', 2]);
});
