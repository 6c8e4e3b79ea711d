// collect() removes what killed processes left, and nothing else. While others open and close: npm run stress.

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { collect, inspect, list, SharedMemory, SpscQueue, Value } from 'isthmus';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as layout from '../../dist/memory/header-layout.js';
import { TURN, takeTurn } from '../processes/alone.mjs';
import { freshName, type Peer, start, startWith } from '../processes/start.js';

let endTurn: () => Promise<void>;
beforeAll(async () => {
  endTurn = await takeTurn();
}, TURN);
afterAll(() => endTurn());

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
  writeSync(fd, Buffer.from([250]), 0, 1, layout.HEADER.KIND);
  closeSync(fd);
  const before = names.map((name) => lstatSync(`/dev/shm/${name}`).ino);
  expect(collect().filter((name) => names.includes(name.slice(1)))).toEqual([]);
  expect(names.map((name) => lstatSync(`/dev/shm/${name}`).ino)).toEqual(before);
});

const root = process.getuid?.() === 0; // only root can become another user

test.runIf(root)('another user sweeps neither what it may not open nor what is not its own', async () => {
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

test.runIf(root)('what another user leaves last, and may not remove, is an orphan of its owner', async () => {
  const name = freshName();
  const value = Value.create(name, 'i32', { lifetime: 'attached', mode: 0o666 });
  const other = startWith(
    { uid: 65_534 },
    async ({ Value }, { args, say, heard }) => {
      const value = Value.attach(args[0]!, { owner: 'any' });
      say();
      await heard();
      value.close();
      try {
        Value.attach(args[0]!, { owner: 'any' });
      } catch (error) {
        say((error as { code: string }).code);
      }
    },
    name,
  );
  await other.said();
  value.close();
  other.tell();
  expect(await other.said()).toBe('EPERM');
  await other.done();
  expect(inspect(name).orphaned).toBe(true);
  expect(collect()).toContain(`/${name}`);
});

/** Waits until a process has stopped itself. */
async function stopped(peer: Peer): Promise<void> {
  while (!/^State:\s+T/m.test(readFileSync(`/proc/${peer.pid}/status`, 'utf8'))) await sleep(5);
}

test('whoever comes late to an orphan that is gone leaves the new object alone, whatever else leads to the old one', async () => {
  const name = freshName();
  const dead = await user(name);
  dead.kill();
  await dead.exited;
  // What a maker leaves that is killed between giving the name and taking the temporary one away.
  const temporary = `/dev/shm/${layout.TEMPORARY_PREFIX}${randomBytes(16).toString('hex')}`;
  linkSync(`/dev/shm/${name}`, temporary);
  try {
    const late = start(async ({ Value }, { args, say, heard, require }) => {
      const { native } = require('../dist/native/load.js');
      const { open } = native;
      native.open = (...words: never[]) => {
        const file = open(...words);
        native.open = open;
        process.kill(process.pid, 'SIGSTOP');
        return file;
      };
      const value = Value.attach(args[0]!);
      say(value.value);
      await heard();
      value.close();
    }, name);
    await stopped(late);
    expect(collect()).toContain(`/${name}`);
    const live = Value.create(name, 'i32', { lifetime: 'attached', initial: 42 });
    late.kill('SIGCONT');
    expect(await late.said()).toBe(42);
    expect(inspect(name)).toMatchObject({ contents: { value: 42 }, participants: [{}, { pid: late.pid }] });
    live.close();
    late.tell();
    await late.done();
    expect(existsSync(`/dev/shm/${name}`)).toBe(false);
  } finally {
    rmSync(temporary);
  }
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
      expect(collect()).not.toContain(`/${name}`);
      expect(inspect(name)).toMatchObject({
        condemned: false,
        participants: [{ pid: peer.pid, alive: true }],
      });
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

/** The unfinished files that a process has open. */
function unfinishedOf(pid: number): string[] {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  return links.filter((link) => /^\/dev\/shm\/(sem\.)?\.isthmus-/.test(link)).map((link) => link.slice(9));
}

test('files of objects that were never finished go when their maker is gone, not before', async () => {
  const name = freshName();
  // Makers that are stopped in the middle: at the first step on the unfinished file.
  const makers = [
    startWith(
      { env: { ISTHMUS_DISABLE: 'o_tmpfile' } },
      ({ Value }, { args, require }) => {
        const { native } = require('../dist/native/load.js');
        const { create } = native;
        native.create = (...words: never[]) => {
          const file = create(...words);
          process.kill(process.pid, 'SIGSTOP');
          return file;
        };
        Value.create(args[0]!, 'i32');
      },
      name,
    ),
    start(({ Semaphore }, { args, require }) => {
      require('node:fs').linkSync = () => process.kill(process.pid, 'SIGSTOP');
      Semaphore.create(args[0]!);
    }, name),
  ];
  for (const maker of makers) await stopped(maker);
  const files = makers.flatMap(({ pid }) => unfinishedOf(pid));
  expect(files.map((file) => file.startsWith('sem.'))).toEqual([false, true]);
  // A user's own object may begin like one.
  const odd = `${layout.TEMPORARY_PREFIX}${freshName()}`;
  Value.create(odd, 'i32').close();
  const there = () => [...files, odd].map((file) => existsSync(`/dev/shm/${file}`));
  try {
    await sleep(10_500); // no call makes a file's ctime older
    collect();
    expect(there()).toEqual([true, true, true]); // the makers are merely stopped
    for (const maker of makers) maker.kill();
    await Promise.all(makers.map((maker) => maker.exited));
    const names = files.map((file) => `/${file.replace(/^sem\./, '')}`);
    const removed = collect();
    expect(there()).toEqual([false, false, true]);
    expect(removed).toEqual(expect.arrayContaining(names));
    expect(removed).toEqual([...removed].sort());
  } finally {
    for (const file of [...files, odd]) rmSync(`/dev/shm/${file}`, { force: true });
  }
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
        for (const fd of fs.readdirSync('/proc/self/fd')) {
          const file = fs.existsSync(`/proc/self/fd/${fd}`) ? fs.readlinkSync(`/proc/self/fd/${fd}`) : '';
          if (/^\/dev\/shm\/(sem\.)?\.isthmus-/.test(file)) fs.rmSync(file, { force: true });
        }
      };
      native.create = (...words: never[]) => {
        const file = create(...words);
        sweep();
        return file;
      };
      const value = Value.create(args[0]!, 'i32', { initial: 3 });
      say([value.value, swept]);
      const { linkSync } = fs;
      fs.linkSync = (...words: Parameters<typeof linkSync>) => {
        sweep();
        linkSync(...words);
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
