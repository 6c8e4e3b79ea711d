// collect() removes what killed processes left, and nothing else. While others open and close: npm run stress.

import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { collect, inspect, list, SharedMemory, SpscQueue, Value } from 'isthmus';
import { expect, test } from 'vitest';
import * as layout from '../../dist/memory/header-layout.js';
import { freshName, type Peer, start, startWith } from '../processes/start.js';

/** A process that has the objects open until it is told or killed. */
async function user(...names: string[]): Promise<Peer> {
  const peer = start(async ({ Value }, { args, say, heard }) => {
    const values = (args[0]! as string[]).map((name) => Value.open(name, 'i32', { lifetime: 'attached' }));
    say();
    await heard();
    for (const value of values) value.close();
  }, names);
  await peer.said();
  return peer;
}

const info = (name: string) => list().find((one) => one.name === `/${name}`);

test('an orphan is shown as one, and removed', async () => {
  const [first, second] = [freshName(), freshName()];
  const peer = await user(first, second);
  const others = await user(second);
  expect(info(first)).toMatchObject({ orphaned: false, participants: [{ pid: peer.pid, alive: true }] });
  peer.kill();
  await peer.exited;
  expect(info(first)).toMatchObject({ orphaned: true, participants: [{ pid: peer.pid, alive: false }] });
  expect(inspect(second).orphaned).toBe(false);
  expect(collect().filter((name) => [`/${first}`, `/${second}`].includes(name))).toEqual([`/${first}`]);
  expect(existsSync(`/dev/shm/${first}`)).toBe(false);
  others.tell();
  await others.done();
  expect(existsSync(`/dev/shm/${second}`)).toBe(false);
});

test('what this very process has open stays, also after a kill of the others', async () => {
  const name = freshName();
  const peer = await user(name);
  using value = Value.attach(name);
  peer.kill();
  await peer.exited;
  expect(collect()).not.toContain(`/${name}`);
  expect(value.value).toBe(0);
  expect(inspect(name)).toMatchObject({ orphaned: false, condemned: false });
});

test('persistent objects, queues with messages, raw memory and files of others stay', async () => {
  const names = Array.from({ length: 5 }, () => freshName()) as [string, string, string, string, string];
  Value.create(names[0], 'i32', { initial: 5 }).close();
  const producer = SpscQueue.producer<string>(names[1]);
  producer.putSync('kept');
  producer.close();
  SharedMemory.create(names[2], 100).close();
  writeFileSync(`/dev/shm/${names[3]}`, 'not ours');
  // Ours and 'attached', but damaged: for people to look at.
  const peer = await user(names[4]);
  peer.kill();
  await peer.exited;
  const fd = openSync(`/dev/shm/${names[4]}`, 'r+');
  writeSync(fd, Buffer.from([9]), 0, 1, layout.HEADER.KIND);
  closeSync(fd);
  const before = names.map((name) => lstatSync(`/dev/shm/${name}`).ino);
  expect(collect().filter((name) => names.includes(name.slice(1)))).toEqual([]);
  expect(names.map((name) => lstatSync(`/dev/shm/${name}`).ino)).toEqual(before);
});

test('another user sweeps neither what it may not open nor what is not its own', async () => {
  if (process.getuid?.() !== 0) return; // only root can become another user
  const [closed, open] = [freshName(), freshName()];
  const peer = start(
    ({ Value }, { args, say }) => {
      Value.create(args[0]!, 'i32', { lifetime: 'attached' });
      Value.create(args[1]!, 'i32', { lifetime: 'attached', mode: 0o666 });
      say();
      setInterval(() => undefined, 1000);
    },
    closed,
    open,
  );
  await peer.said();
  peer.kill();
  await peer.exited;
  const other = startWith({ uid: 65_534 }, ({ collect }, { say }) => say(collect()));
  expect(await other.said()).toEqual([]);
  expect([existsSync(`/dev/shm/${closed}`), existsSync(`/dev/shm/${open}`)]).toEqual([true, true]);
  expect(collect()).toEqual(expect.arrayContaining([`/${closed}`, `/${open}`]));
});

test.each([true, false])(
  'a removal that was left half done is finished (or undone: somebody attached: %s)',
  async (used) => {
    const name = freshName();
    const peer = await user(name);
    const fd = openSync(`/dev/shm/${name}`, 'r+');
    writeSync(fd, Buffer.from([layout.STATE_CONDEMNED]), 0, 1, layout.HEADER.STATE);
    closeSync(fd);
    expect(inspect(name).condemned).toBe(true);
    if (used) {
      // collect() leaves what is in use alone; whoever attaches next opens it again.
      expect(collect()).not.toContain(`/${name}`);
      const next = await user(name);
      expect(inspect(name).participants).toHaveLength(2);
      expect(inspect(name).condemned).toBe(false);
      next.tell();
      await next.done();
      peer.tell();
      await peer.done();
    } else {
      peer.kill();
      await peer.exited;
      expect(collect()).toContain(`/${name}`);
    }
    expect(existsSync(`/dev/shm/${name}`)).toBe(false);
  },
);

test('files of objects that were never finished go when their maker is gone, not before', async () => {
  // Makers that are stopped in the middle: at the first step on the unfinished file.
  const unfinished = (): string[] =>
    readdirSync('/dev/shm').filter((file) => /^(sem\.)?\.isthmus-/.test(file));
  const before = new Set(unfinished());
  const made = (): string[] => unfinished().filter((file) => !before.has(file));
  const name = freshName();
  const makers = [
    startWith(
      { env: { ISTHMUS_DISABLE: 'o_tmpfile' } },
      ({ Value }, { args, require }) => {
        const { native } = require('../dist/native/load.js');
        const { create } = native;
        native.create = (...words: never[]) => {
          create(...words);
          process.kill(process.pid, 'SIGSTOP');
        };
        Value.create(args[0]!, 'i32');
      },
      name,
    ),
    start(({ Semaphore }, { args, require }) => {
      require('node:fs').chmodSync = () => process.kill(process.pid, 'SIGSTOP');
      Semaphore.create(args[0]!);
    }, name),
  ];
  while (made().length < 2) await sleep(10);
  await sleep(200);
  const long = new Date(Date.now() - 60_000);
  const files = made();
  expect(files.map((file) => file.startsWith('sem.')).sort()).toEqual([false, true]);
  // Old, as far as a file's times can be set: its ctime cannot, so wait until it is old enough.
  for (const file of files) utimesSync(`/dev/shm/${file}`, long, long);
  await sleep(10_500);
  collect();
  expect(made()).toEqual(files); // their makers are merely stopped
  for (const maker of makers) maker.kill();
  await Promise.all(makers.map((maker) => maker.exited));
  const removed = collect();
  expect(made()).toEqual([]);
  expect(removed).toHaveLength(2);
});

test('a maker whose unfinished file was swept all the same starts again', async () => {
  const name = freshName();
  const maker = startWith(
    { env: { ISTHMUS_DISABLE: 'o_tmpfile' } },
    async ({ Value, Semaphore }, { args, say, require }) => {
      const fs = require('node:fs') as typeof import('node:fs');
      const { native } = require('../dist/native/load.js');
      const { create } = native;
      let swept = 0;
      const sweep = (): void => {
        if (swept++ % 2 === 1) return;
        for (const file of fs.readdirSync('/dev/shm'))
          if (/^(sem\.)?\.isthmus-/.test(file)) fs.rmSync(`/dev/shm/${file}`);
      };
      native.create = (...words: never[]) => {
        const file = create(...words);
        sweep();
        return file;
      };
      const value = Value.create(args[0]!, 'i32', { initial: 3 });
      say([value.value, swept]);
      const { chmodSync } = fs;
      fs.chmodSync = (...words: Parameters<typeof chmodSync>) => {
        sweep();
        chmodSync(...words);
      };
      const semaphore = Semaphore.create(args[0]!, { initial: 4 });
      say([semaphore.value, swept]);
    },
    name,
  );
  expect(await maker.said()).toEqual([3, 2]);
  expect(await maker.said()).toEqual([4, 4]);
  await maker.done();
  rmSync(`/dev/shm/sem.${name}`);
});
