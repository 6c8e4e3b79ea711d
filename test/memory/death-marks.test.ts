// Where the kernel must find out about a death under difficulties: other users of the thread's robust list, more objects
// than the kernel looks at, pid namespaces, children that fork and never exec.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, Lock } from 'isthmus';
import { describe, expect, test } from 'vitest';
import * as layout from '../../dist/memory/roster-layout.js';
import { FORMS, freshName, start, startWith } from '../processes/start.js';

const BOTH = [
  ['death marks', ''],
  ['lock bytes only', 'death_marks'],
] as const;

/** A slot of an object, and its mark (undefined where it has none), as they lie in the file. */
function slotOf(name: string, slot: number): { pid: number; mark: number | undefined } {
  const file = readFileSync(`/dev/shm/${name}`);
  const { rosterOffset, marksOffset } = inspect(name).header!;
  const field = (word: number): number =>
    file.readUInt32LE(rosterOffset + slot * layout.SLOT_BYTES + 4 * word);
  const mark = file.readUInt32LE(marksOffset + slot * layout.MARK_PAGE_BYTES + layout.MARK_OFFSET);
  return { pid: field(layout.SLOT.PID), mark: field(layout.SLOT.MARK) === 1 ? mark : undefined };
}

test('beside an addon that uses robust mutexes on the same thread (lmdb)', async () => {
  const names = [freshName(), freshName(), freshName()];
  using kept = Lock.create(names[2]!);
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-lmdb-'));
  try {
    const peer = start(
      async ({ Lock }, { args, say, heard, require }) => {
        const [folder, ...names] = args as unknown as [string, string, string, string];
        const { open } = require('lmdb') as typeof import('lmdb');
        const db = open({ path: folder });
        // Objects come and go between, and inside of, lmdb's own uses of the list.
        const first = Lock.open(names[0]!);
        db.putSync('a', 1);
        const second = Lock.open(names[1]!);
        db.transactionSync(() => {
          first.close();
          Lock.open(names[0]!).close();
          db.putSync('b', 2);
        });
        second.close();
        const lock = Lock.attach(names[2]!);
        lock.acquireSync();
        say(db.get('b'));
        await heard();
        db.transactionSync(() => {
          db.putSync('c', 3);
          process.kill(process.pid, 'SIGKILL'); // lmdb's mutex is the first of the list, held
        });
      },
      folder,
      ...names,
    );
    expect(await peer.said()).toBe(2);
    const before = slotOf(names[2]!, 1);
    expect(before.pid).toBe(peer.pid);
    expect(before.mark! & layout.MARK_DIED).toBe(0);
    const waiting = kept.acquire({ timeout: 30_000 });
    peer.tell();
    const guard = await waiting;
    expect(guard.abandoned).toBe(true);
    guard.release();
    expect(slotOf(names[2]!, 1).mark! & layout.MARK_DIED).toBe(layout.MARK_DIED);
    await peer.exited;
    // lmdb's own recovery worked, too: what was committed is there, what was not is not.
    const reader = start(({ Lock }, { args, say, require }) => {
      const { open } = require('lmdb') as typeof import('lmdb');
      const db = open({ path: args[0]! });
      db.putSync('d', 4);
      say([typeof Lock, db.get('a'), db.get('b'), db.get('c'), db.get('d')]);
    }, folder);
    expect(await reader.said()).toEqual(['function', 1, 2, undefined, 4]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('with more objects than the kernel walks of one thread (2,048)', async () => {
  const prefix = freshName();
  const names = Array.from({ length: 2100 }, (_, n) => `${prefix}-${n}`);
  try {
    const peer = start(
      ({ Lock }, { args, say }) => {
        const locks = (args[0]! as string[]).map((name) => Lock.create(name));
        // From the middle of the list as well: those behind must stay on it.
        locks[500]!.close();
        Lock.attach(`${args[1]!}-500`);
        for (const n of [0, 1000, 2099]) locks[n]!.acquireSync();
        say();
        setInterval(() => locks, 1000);
      },
      names,
      prefix,
    );
    await peer.said();
    const marked = names.filter((name) => slotOf(name, 0).mark !== undefined).length;
    expect(marked).toBeGreaterThanOrEqual(1900);
    expect(marked).toBeLessThanOrEqual(2048);
    const waiting = [0, 1000, 2099].map((n) => Lock.attach(names[n]!).acquire({ timeout: 30_000 }));
    peer.kill();
    for (const guard of await Promise.all(waiting)) expect(guard.abandoned).toBe(true);
    await peer.exited;
    // Every mark that was set has been found by the kernel, the oldest included.
    const died = names.filter((name) => ((slotOf(name, 0).mark ?? 0) & layout.MARK_DIED) !== 0).length;
    expect(died).toBe(marked);
  } finally {
    for (const name of names) rmSync(`/dev/shm/${name}`, { force: true });
  }
});

const noPidNamespace = ((): string | undefined => {
  const { status, error, stderr } = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `no pid namespace here: ${error?.message ?? stderr.trim()}`;
})();

describe.skipIf(noPidNamespace !== undefined)(`across pid namespaces ${noPidNamespace ?? ''}`, () => {
  const INSIDE = ['unshare', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc'];

  describe.each(BOTH)('with %s', (_way, disable) => {
    test.each(FORMS)('takeover works both ways, %s form', async (form) => {
      for (const holderInside of [true, false]) {
        const name = freshName();
        using lock = Lock.create(name);
        const env = { ISTHMUS_DISABLE: disable };
        const holder = startWith(
          holderInside ? { env, through: INSIDE } : { env },
          ({ Lock }, { args, say }) => {
            Lock.attach(args[0]!).acquireSync();
            say(process.pid);
            setInterval(() => undefined, 1000);
          },
          name,
        );
        const pid = await holder.said<number>();
        if (holderInside) expect(pid).toBe(1); // a number that means somebody else outside
        expect(lock.owner?.pid).toBe(pid);
        const waiter = startWith(
          holderInside ? { env } : { env, through: INSIDE },
          async ({ Lock }, { args, say }) => {
            const [name, form] = args as unknown as [string, string];
            const lock = Lock.attach(name);
            say(lock.owner?.pid);
            const guard = form === 'Sync' ? lock.acquireSync() : await lock.acquire();
            say(guard.abandoned);
            guard.release();
          },
          name,
          form,
        );
        expect(await waiter.said()).toBe(pid); // alive, though its pid says nothing here
        await new Promise((resolve) => setTimeout(resolve, 200));
        expect(lock.owner?.pid).toBe(pid);
        holder.kill();
        expect(await waiter.said()).toBe(true);
        await waiter.done();
      }
    });
  });
});

describe.runIf(spawnSync('cc', ['--version']).status === 0)('a child that forks and never execs', () => {
  const SOURCE = `
    #include <node_api.h>
    #include <unistd.h>
    static napi_value Fork(napi_env env, napi_callback_info info) {
      pid_t pid = fork();
      if (pid == 0) {
        for (int fd = 0; fd < 3; fd++) close(fd);
        for (;;) pause();
      }
      napi_value value;
      napi_create_int32(env, pid, &value);
      return value;
    }
    NAPI_MODULE_INIT() {
      napi_value function;
      napi_create_function(env, "fork", NAPI_AUTO_LENGTH, Fork, NULL, &function);
      return function;
    }`;

  test.each(BOTH)('does not keep its dead parent alive (%s)', async (_way, disable) => {
    const folder = mkdtempSync(join(tmpdir(), 'isthmus-fork-'));
    let child = 0;
    try {
      writeFileSync(join(folder, 'fork.c'), SOURCE);
      const headers = new URL('../../node_modules/node-api-headers/include', import.meta.url).pathname;
      const addon = join(folder, 'fork.node');
      execFileSync('cc', ['-shared', '-fPIC', '-I', headers, '-o', addon, join(folder, 'fork.c')]);
      const name = freshName();
      using lock = Lock.create(name);
      const parent = startWith(
        { env: { ISTHMUS_DISABLE: disable } },
        ({ Lock, SharedArray }, { args, say, require }) => {
          const [name, addon] = args as unknown as [string, string];
          const array = SharedArray.create(`${name}-array`, 'f64', 1000);
          Lock.attach(name).acquireSync();
          say((require(addon) as () => number)());
          setInterval(() => array, 1000);
        },
        name,
        addon,
      );
      child = await parent.said<number>();
      parent.kill();
      await parent.exited;
      expect(process.kill(child, 0)).toBe(true);
      const guard = lock.acquireSync({ timeout: 30_000 });
      expect(guard.abandoned).toBe(true);
      guard.release();
      expect(inspect(`${name}-array`).participants!.map(({ alive }) => alive)).toEqual([false]);
      rmSync(`/dev/shm/${name}-array`);
    } finally {
      if (child !== 0) process.kill(child, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
