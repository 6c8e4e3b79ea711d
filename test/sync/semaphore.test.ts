import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ClosedError, ForeignError, Semaphore, TimeoutError } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, start, startWith } from '../processes/start.js';
import { until } from './kinds.js';

const has = (command: string) => spawnSync(command, ['--version']).status === 0;

test('counts permits', () => {
  using semaphore = Semaphore.create(freshName(), { initial: 2 });
  expect([semaphore.tryAcquire(), semaphore.tryAcquire(), semaphore.tryAcquire()]).toEqual([
    true,
    true,
    false,
  ]);
  expect(semaphore.value).toBe(0);
  semaphore.release();
  semaphore.release(3);
  expect(semaphore.value).toBe(4);
  semaphore.acquireSync();
  expect(semaphore.value).toBe(3);
});

test('names, options and what stands under the name are checked', () => {
  const name = freshName();
  for (const bad of ['', '/', 'a/b', '..', 'x'.repeat(201)])
    expect(() => Semaphore.open(bad)).toThrow(RangeError);
  for (const options of [
    { initial: -1 },
    { initial: 2 ** 31 },
    { initial: 1.5 },
    { max: 0 },
    { initial: 3, max: 2 },
    { mode: 0o7777 },
  ]) {
    expect(() => Semaphore.open(name, options), JSON.stringify(options)).toThrow(RangeError);
  }
  expect(() => Semaphore.open(name, { initial: '1' as never })).toThrow(TypeError);
  expect(() => Semaphore.open(name, { intial: 1 } as never)).toThrow(/did you mean 'initial'/);
  expect(() => Semaphore.attach(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  expect(() => Semaphore.unlink(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  using semaphore = Semaphore.create(name, { initial: 1 });
  expect(() => Semaphore.create(name)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  for (const n of [0, -1, 1.5, 2 ** 31]) expect(() => semaphore.release(n)).toThrow(RangeError);
  expect(() => semaphore.release(2 ** 31 - 1)).toThrow(RangeError);
  expect(() => semaphore.release('1' as never)).toThrow(TypeError);
  expect(semaphore.value).toBe(1);
});

test('a file that is no semaphore is refused and left alone', () => {
  const [empty, link, folder] = [freshName(), freshName(), freshName()];
  writeFileSync(`/dev/shm/sem.${empty}`, '');
  symlinkSync('/etc/passwd', `/dev/shm/sem.${link}`);
  mkdirSync(`/dev/shm/sem.${folder}`);
  for (const name of [empty, link, folder]) {
    expect(() => Semaphore.attach(name)).toThrow(ForeignError);
    expect(() => Semaphore.open(name)).toThrow(ForeignError);
  }
});

test('mode is set exactly, whatever the umask', () => {
  const before = process.umask(0o077);
  try {
    const name = freshName();
    Semaphore.create(name, { mode: 0o666 }).close();
    expect(statSync(`/dev/shm/sem.${name}`).mode & 0o7777).toBe(0o666);
    chmodSync(`/dev/shm/sem.${name}`, 0o600);
  } finally {
    process.umask(before);
  }
});

test.runIf(process.getuid?.() === 0)('a umask that cuts the maker itself off changes nothing', async () => {
  const name = freshName();
  const peer = startWith(
    { uid: 65_534 }, // root may open any file
    ({ Semaphore }, { args, say }) => {
      process.umask(0o777);
      const semaphore = Semaphore.create(args[0]!, { initial: 2 });
      say(semaphore.value);
      semaphore.close();
    },
    name,
  );
  expect(await peer.said()).toBe(2);
  await peer.done();
  expect(statSync(`/dev/shm/sem.${name}`).mode & 0o7777).toBe(0o600);
});

describe.each([{}, { ISTHMUS_DISABLE: 'sem_clockwait' }])('with environment %o', (env) => {
  test.each(FORMS)('%s: a release in another process ends the wait', async (form) => {
    const name = freshName();
    using semaphore = Semaphore.create(name, { initial: 0 });
    const peer = startWith(
      { env },
      async ({ Semaphore }, { args, say }) => {
        const mine = Semaphore.attach(args[0]!);
        for (let i = 0; i < 3; i++) {
          say('waiting');
          if (args[1] === 'Sync') mine.acquireSync();
          else await mine.acquire();
          say('got one');
        }
      },
      name,
      form,
    );
    for (let i = 0; i < 3; i++) {
      expect(await peer.said()).toBe('waiting');
      await sleep(20 + 60 * i);
      semaphore.release();
      expect(await peer.said()).toBe('got one');
    }
    await peer.done();
    expect(semaphore.value).toBe(0);
  });

  test.each(FORMS)('%s: timeouts', async (form) => {
    const name = freshName();
    Semaphore.create(name, { initial: 0 }).close();
    const peer = startWith(
      { env },
      async ({ Semaphore }, { args, say }) => {
        const mine = Semaphore.attach(args[0]!);
        for (const timeout of [0, -1, 40]) {
          const before = performance.now();
          try {
            if (args[1] === 'Sync') mine.acquireSync({ timeout });
            else await mine.acquire({ timeout });
            say('acquired');
          } catch (error) {
            say([(error as { code: string }).code, performance.now() - before >= timeout]);
          }
        }
      },
      name,
      form,
    );
    for (let i = 0; i < 3; i++) expect(await peer.said()).toEqual(['ERR_ISTHMUS_TIMEOUT', true]);
  });
});

describe('promise form', () => {
  test('is first come, first served, and try does not overtake', async () => {
    using semaphore = Semaphore.create(freshName(), { initial: 0 });
    const order: number[] = [];
    const waits = [0, 1, 2, 3].map((i) => semaphore.acquire().then(() => order.push(i)));
    await sleep(10);
    expect(semaphore.tryAcquire()).toBe(false);
    semaphore.release(2);
    semaphore.release(2);
    await Promise.all(waits);
    expect(order).toEqual([0, 1, 2, 3]);
    expect(semaphore.value).toBe(0);
  });

  test('an abort settles at once; the permit that comes late goes to the next waiter, or back', async () => {
    using semaphore = Semaphore.create(freshName(), { initial: 0 });
    const abort = new AbortController();
    const first = semaphore.acquire({ signal: abort.signal });
    const second = semaphore.acquire();
    await sleep(80); // its thread sleeps for one now
    abort.abort(new Error('mine'));
    await expect(first).rejects.toThrow('mine');
    semaphore.release();
    await second;
    expect(semaphore.value).toBe(0);

    const third = semaphore.acquire({ timeout: 20 });
    await expect(third).rejects.toThrow(TimeoutError);
    semaphore.release();
    await sleep(150);
    await until(() => semaphore.value === 1); // unless its thread has it just now, and gives it back
    await expect(semaphore.acquire({ signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    expect(semaphore.value).toBe(1);
  });

  test('close ends it with ClosedError and gives permits back', async () => {
    const name = freshName();
    using watcher = Semaphore.create(name, { initial: 0 });
    const semaphore = Semaphore.attach(name);
    const waits = [semaphore.acquire(), semaphore.acquire()];
    await sleep(80);
    semaphore.close();
    for (const wait of waits) await expect(wait).rejects.toThrow(ClosedError);
    watcher.release(2);
    await sleep(150);
    await until(() => watcher.value === 2); // unless their thread has one just now, and gives it back
    expect(() => semaphore.release()).toThrow(ClosedError);
    expect(() => semaphore.tryAcquire()).toThrow(ClosedError);
    expect(() => semaphore.value).toThrow(ClosedError);
    await expect(semaphore.acquire()).rejects.toThrow(ClosedError);
    semaphore.close();
  });

  test("waits without libuv's pool: files are read while 20 are pending", async () => {
    const name = freshName();
    Semaphore.create(name, { initial: 0 }).close();
    const peer = startWith(
      { env: { UV_THREADPOOL_SIZE: '1' } },
      async ({ Semaphore }, { args, say, require }) => {
        const { readFile } = require('node:fs/promises') as typeof import('node:fs/promises');
        const mine = Semaphore.attach(args[0]!);
        const waits = Array.from({ length: 20 }, () => mine.acquire());
        await new Promise((resolve) => setTimeout(resolve, 50));
        say((await Promise.all([1, 2, 3, 4].map(() => readFile('package.json')))).length);
        mine.release(20);
        await Promise.all(waits);
        say(mine.value);
      },
      name,
    );
    expect(await peer.said()).toBe(4);
    expect(await peer.said()).toBe(0);
    await peer.done();
  });

  test('keeps the process alive while pending; unref lets it go', async () => {
    const name = freshName();
    using semaphore = Semaphore.create(name, { initial: 0 });
    const script = async ({ Semaphore }: typeof import('isthmus'), { args, say }: never) => {
      const mine = Semaphore.attach(args[0]);
      if (args[1]) mine.unref();
      mine.acquire().then(() => (say as (value: string) => void)('got it'));
      (say as (value: string) => void)('waiting');
    };
    const kept = start(script as never, name, false);
    const loose = start(script as never, name, true);
    expect(await kept.said()).toBe('waiting');
    expect(await loose.said()).toBe('waiting');
    await loose.done();
    semaphore.release();
    expect(await kept.said()).toBe('got it');
    await kept.done();
  });
});

describe('the bounded kind', () => {
  test('refuses to go beyond max, and changes nothing then', () => {
    const name = freshName();
    using bounded = Semaphore.create(name, { initial: 2, max: 3 });
    using free = Semaphore.attach(name);
    expect(() => bounded.release(2)).toThrow(/at most 3 \(max\).*got 4/);
    bounded.release();
    expect(() => bounded.release()).toThrow(RangeError);
    expect([bounded.value, bounded.max, free.max]).toEqual([3, 3, undefined]);
    free.release(); // the bound is the opener's
    expect(free.value).toBe(4);
    Semaphore.unlink(name);
    bounded.acquireSync();
    bounded.acquireSync();
    bounded.release(); // works without its name
    expect(bounded.value).toBe(3);
  });

  test('two processes that release at once never exceed it', async () => {
    const name = freshName();
    using semaphore = Semaphore.create(name, { initial: 1, max: 1 });
    const peers = [1, 2].map(() =>
      start(({ Semaphore }, { args, say }) => {
        const mine = Semaphore.attach(args[0]!, { max: 1 });
        let most = 0;
        let refused = 0;
        for (let round = 0; round < 5_000; round++) {
          if (round % 3 === 0) mine.tryAcquire();
          try {
            mine.release();
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
            refused++;
          }
          most = Math.max(most, mine.value);
        }
        say([most, refused > 0]);
      }, name),
    );
    for (const peer of peers) expect(await peer.said()).toEqual([1, true]);
    expect(semaphore.value).toBeLessThanOrEqual(1);
  });
});

describe('worker threads', () => {
  test('terminate() while a worker waits loses no permit', async () => {
    const name = freshName();
    using semaphore = Semaphore.create(name, { initial: 0 });
    for (const wait of ['s.acquireSync()', 's.acquire(); s.acquire();']) {
      for (const delay of [0, 30, 90]) {
        const worker = new Worker(
          `const { Semaphore } = require('isthmus'); const { parentPort, workerData } = require('node:worker_threads');
           const s = Semaphore.attach(workerData); parentPort.postMessage(1); ${wait}`,
          { eval: true, workerData: name },
        );
        await once(worker, 'message');
        await sleep(delay);
        await worker.terminate();
        semaphore.release(2);
        await sleep(80);
        await until(() => semaphore.value === 2); // unless its thread has one just now, and gives it back
        for (let n = 0; n < 2; n++) semaphore.acquireSync({ timeout: 30_000 });
        expect(semaphore.value).toBe(0);
      }
    }
  });
});

describe('a permit on its way', () => {
  test('is not lost when a worker is terminated inside acquireSync and the release comes before its slice ends', async () => {
    const name = freshName();
    using semaphore = Semaphore.create(name, { initial: 0 });
    for (let round = 0; round < 10; round++) {
      const worker = new Worker(
        `const { Semaphore } = require('isthmus'); const { parentPort, workerData } = require('node:worker_threads');
         const s = Semaphore.attach(workerData); parentPort.postMessage(1); s.acquireSync();`,
        { eval: true, workerData: name },
      );
      await once(worker, 'message');
      await sleep(10);
      const terminated = worker.terminate();
      semaphore.release();
      await terminated;
      semaphore.acquireSync({ timeout: 20_000 });
      expect(semaphore.value).toBe(0);
    }
  });

  test('reaches a blocked call although promises of the same handle wait, or have just been aborted', async () => {
    const name = freshName();
    using semaphore = Semaphore.create(name, { initial: 0 });
    for (const abortFirst of [true, false]) {
      const abort = new AbortController();
      const pending = semaphore.acquire({ signal: abort.signal });
      pending.catch(() => undefined);
      await sleep(80); // its thread sleeps for one
      const peer = start(async ({ Semaphore }, { args, sleep }) => {
        const mine = Semaphore.attach(args[0]!);
        await sleep(30);
        mine.release();
      }, name);
      if (abortFirst) abort.abort();
      semaphore.acquireSync({ timeout: 20_000 });
      await peer.done();
      semaphore.release();
      if (!abortFirst) await pending;
      else await until(() => semaphore.tryAcquire()); // unless the thread of the aborted one has it just now
      expect(semaphore.value).toBe(0);
    }
  });

  test('can be given back by an exit listener that was added after opening', async () => {
    const name = freshName();
    using semaphore = Semaphore.create(name, { initial: 1 });
    const peer = start(async ({ Semaphore, Value }, { args, sleep }) => {
      const mine = Semaphore.attach(args[0]!);
      const value = Value.create(args[0]!, 'i32');
      mine.acquireSync();
      process.on('exit', () => {
        value.add(1);
        mine.release();
      });
      await sleep(1);
      process.exit(0);
    }, name);
    await peer.done();
    expect(semaphore.value).toBe(1);
  });
});

describe('with other languages', () => {
  const PYTHON = `
import ctypes, ctypes.util, sys
libc = ctypes.CDLL(ctypes.util.find_library('pthread') or None, use_errno=True)
libc.sem_open.restype = ctypes.c_void_p
libc.sem_wait.argtypes = libc.sem_post.argtypes = [ctypes.c_void_p]
there = libc.sem_open(('/' + sys.argv[1]).encode(), 0)
back = libc.sem_open(('/' + sys.argv[2]).encode(), 0)
for _ in range(200):
    assert libc.sem_wait(there) == 0
    assert libc.sem_post(back) == 0
`;
  const C = `
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) {
  char there[300] = "/", back[300] = "/";
  sem_t *a = sem_open(strcat(there, argv[1]), 0), *b = sem_open(strcat(back, argv[2]), 0);
  for (int i = 0; i < 200; i++) if (sem_wait(a) || sem_post(b)) return 1;
  return 0;
}`;

  async function exchange(command: string, ...args: string[]): Promise<void> {
    const [there, back] = [freshName(), freshName()];
    using ours = Semaphore.create(there, { initial: 0 });
    using theirs = Semaphore.create(back, { initial: 0 });
    const child = spawn(command, [...args, there, back], { stdio: ['ignore', 'inherit', 'inherit'] });
    const exit = once(child, 'exit');
    for (let i = 0; i < 200; i++) {
      ours.release();
      if (i % 2 === 0) theirs.acquireSync({ timeout: 30_000 });
      else await theirs.acquire({ timeout: 30_000 });
    }
    expect((await exit)[0]).toBe(0);
    expect([ours.value, theirs.value]).toEqual([0, 0]);
  }

  test.runIf(has('python3'))('a Python program exchanges permits', () => exchange('python3', '-c', PYTHON));

  test.runIf(has('cc'))('a C program exchanges permits', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isthmus-c-'));
    try {
      writeFileSync(join(folder, 'peer.c'), C);
      execFileSync('cc', ['-pthread', '-o', join(folder, 'peer'), join(folder, 'peer.c')]);
      await exchange(join(folder, 'peer'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('the file is the one POSIX names', () => {
    const name = freshName();
    using _semaphore = Semaphore.create(name);
    expect(readFileSync(`/dev/shm/sem.${name}`).length).toBeGreaterThanOrEqual(16);
  });
});
