import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClosedError, SpscQueue, unlink, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, start, startWith } from '../processes/start.js';

test('a pending promise keeps the process alive; unref() lets it go; ref() takes that back', async () => {
  const name = freshName();
  using value = Value.create(name, 'i32');
  const script = async ({ Value, SpscQueue }: typeof import('isthmus'), { args, say }: never) => {
    const [name, loose] = args as [string, boolean];
    const mine = Value.attach<'i32'>(name);
    const queue = SpscQueue.open(`${name}-q`).consumer();
    for (const handle of [mine, queue]) {
      if (loose) handle.unref();
      else handle.unref().ref();
    }
    mine.waitFor((n) => n === 1).then(() => (say as (value: string) => void)('got it'));
    queue.get({ timeout: 20_000 }).catch(() => undefined);
    (say as (value: string) => void)('waiting');
    if (!loose) {
      await mine.waitFor((n) => n === 1);
      queue.unref(); // while it waits
    }
  };
  const kept = start(script as never, name, false);
  expect(await kept.said()).toBe('waiting');
  await sleep(100);
  value.value = 1;
  expect(await kept.said()).toBe('got it');
  await kept.done();
  value.value = 0;
  const loose = start(script as never, name, true);
  expect(await loose.said()).toBe('waiting');
  await loose.done();
  expect(value.value).toBe(0);
  unlink(`${name}-q`);
});

test('close() ends every pending wait of its handle with ClosedError, and of no other', async () => {
  const name = freshName();
  const first = Value.create(name, 'i32');
  using second = Value.attach<'i32'>(name);
  const mine = [first.waitFor((n) => n === 1), first.waitFor((n) => n === 2), first.changes().next()];
  const other = second.waitFor((n) => n === 1);
  await sleep(30);
  first.close();
  for (const wait of mine) await expect(wait).rejects.toThrow(ClosedError);
  second.value = 1;
  expect(await other).toBe(1);

  const queue = SpscQueue.create(freshName(), { capacity: 64 });
  const producer = queue.producer();
  const consumer = queue.consumer();
  const gets = [consumer.get(), consumer.getMany()];
  consumer.close();
  for (const wait of gets) await expect(wait).rejects.toThrow(ClosedError);
  producer.putSync(new Uint8Array(56));
  const puts = [producer.put('x'), producer.putMany(['y', 'z']), producer.flush()];
  await sleep(30);
  producer.close();
  for (const wait of puts) await expect(wait).rejects.toThrow(ClosedError);
  queue.close();
});

test('an aborted or aborting signal rejects with its reason', async () => {
  using value = Value.create(freshName(), 'i32', { initial: 1 });
  await expect(value.waitFor(() => true, { signal: AbortSignal.abort('why') })).rejects.toBe('why');
  const abort = new AbortController();
  const wait = value.waitFor((n) => n === 2, { signal: abort.signal });
  setTimeout(() => abort.abort(new Error('because')), 20);
  await expect(wait).rejects.toThrow('because');
  await expect(value.waitFor((n) => n === 2, { signal: AbortSignal.timeout(20) })).rejects.toThrow(/timeout/);
  await expect(value.waitFor(() => true, { signal: 'x' as never })).rejects.toThrow(TypeError);
  await expect(value.waitFor(() => true, { timeuot: 3 } as never)).rejects.toThrow(/did you mean 'timeout'/);
});

test.each(FORMS)('%s: a stopped (SIGSTOP) and continued waiter still gets its wake-up', async (form) => {
  const name = freshName();
  using value = Value.create(name, 'i32');
  const peer = start(
    async ({ Value }, { args, say }) => {
      const mine = Value.attach<'i32'>(args[0]!);
      say('waiting');
      say(args[1] === 'Sync' ? mine.waitForSync((n) => n === 1) : await mine.waitFor((n) => n === 1));
    },
    name,
    form,
  );
  await peer.said();
  await sleep(50);
  peer.kill('SIGSTOP');
  value.value = 1;
  await sleep(100);
  peer.kill('SIGCONT');
  expect(await peer.said()).toBe(1);
  await peer.done();
});

test.each(FORMS)('%s: killing one waiter does not disturb the others', async (form) => {
  const name = freshName();
  using value = Value.create(name, 'i32');
  const script = async ({ Value }: typeof import('isthmus'), { args, say }: never) => {
    const [name, form] = args as unknown as [string, string];
    const mine = Value.attach<'i32'>(name);
    (say as (value: unknown) => void)('waiting');
    const predicate = (n: number) => n === 1;
    (say as (value: unknown) => void)(
      form === 'Sync' ? mine.waitForSync(predicate) : await mine.waitFor(predicate),
    );
  };
  const peers = [1, 2, 3].map(() => start(script as never, name, form));
  for (const peer of peers) await peer.said();
  await sleep(60);
  peers[0]!.kill();
  await peers[0]!.exited;
  value.value = 1;
  expect(await peers[1]!.said()).toBe(1);
  expect(await peers[2]!.said()).toBe(1);
});

describe.runIf(spawnSync('cc', ['--version']).status === 0)('with a system clock that is set back', () => {
  // The realtime clock of the process goes back an hour after its first readings.
  const PRELOAD = `
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <sys/time.h>
    #include <time.h>
    static int readings;
    static void set_back(long *seconds) { if (++readings > 20) *seconds -= 3600; }
    int clock_gettime(clockid_t clock, struct timespec *time) {
      static int (*real)(clockid_t, struct timespec *);
      if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
      int result = real(clock, time);
      if (clock == CLOCK_REALTIME) set_back(&time->tv_sec);
      return result;
    }
    int gettimeofday(struct timeval *restrict time, void *restrict zone) {
      struct timespec now;
      clock_gettime(CLOCK_REALTIME, &now);
      time->tv_sec = now.tv_sec;
      time->tv_usec = now.tv_nsec / 1000;
      return 0;
    }`;

  test.each(FORMS)('%s: waits end by the monotonic clock', async (form) => {
    const folder = mkdtempSync(join(tmpdir(), 'isthmus-clock-'));
    try {
      writeFileSync(join(folder, 'clock.c'), PRELOAD);
      const library = join(folder, 'clock.so');
      execFileSync('cc', ['-shared', '-fPIC', '-o', library, join(folder, 'clock.c'), '-ldl']);
      const peer = startWith(
        { env: { LD_PRELOAD: [process.env.LD_PRELOAD, library].filter(Boolean).join(':') } },
        async ({ Value, Semaphore, SpscQueue }, { args, say }) => {
          const [name, form] = args as unknown as [string, string];
          const value = Value.create(`${name}-v`, 'i32', { lifetime: 'attached' });
          const consumer = SpscQueue.consumer(`${name}-q`, { lifetime: 'attached' });
          const semaphore = Semaphore.create(name, { initial: 0 });
          const started = Date.now();
          for (let i = 0; i < 50; i++) Date.now();
          say(Date.now() < started);
          const timeout = 60;
          const waits = [
            () =>
              form === 'Sync'
                ? value.waitForSync((n) => n === 1, { timeout })
                : value.waitFor((n) => n === 1, { timeout }),
            () => (form === 'Sync' ? consumer.getSync({ timeout }) : consumer.get({ timeout })),
            () => (form === 'Sync' ? semaphore.acquireSync({ timeout }) : semaphore.acquire({ timeout })),
          ];
          for (const wait of waits) {
            try {
              await wait();
            } catch (error) {
              say((error as { code: string }).code);
            }
          }
          for (const handle of [value, consumer, semaphore]) handle.close();
          Semaphore.unlink(name);
        },
        freshName(),
        form,
      );
      expect(await peer.said()).toBe(true);
      for (let i = 0; i < 3; i++) expect(await peer.said()).toBe('ERR_ISTHMUS_TIMEOUT');
      await peer.done();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
