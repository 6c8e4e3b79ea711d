// What becomes of those who wait when another one that waits dies, leaves or is stopped: nobody waits for the dead, and
// nothing that a dead one was given is lost.

import { once } from 'node:events';
import * as isthmus from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, start } from '../processes/start.js';
import { arrived, asleep, KINDS, type Kind, sourceOf, waiter, workerThatWaits } from './kinds.js';

const OTHER = { Sync: 'promise', promise: 'Sync' } as const;
/** Each form of the one that dies, with and without what tells of its death. */
const CASES = [
  ['Sync', 'death marks', ''],
  ['promise', 'death marks', ''],
  ['Sync', 'lock bytes without futex_waitv', 'death_marks,futex_waitv'],
  ['promise', 'lock bytes only', 'death_marks'],
] as const;

describe.each(Object.entries(KINDS))('%s', (_name, kind) => {
  /** How a wait ends beside one that dies or leaves. */
  const end = kind.breaks ? 'ERR_ISTHMUS_BROKEN_BARRIER' : 'done';

  test.each(CASES)('a %s waiter is killed: the others go on (%s)', async (form, _way, disable) => {
    const name = freshName();
    const env = { ISTHMUS_DISABLE: disable };
    using thing = kind.open(isthmus, name, 3);
    const blocked = kind.block(thing);
    const dead = waiter(kind, form, name, { env, waiters: 3 });
    const alive = waiter(kind, OTHER[form], name, { env, waiters: 3 });
    for (const one of [dead, alive]) expect(await one.said()).toBe('waiting');
    await arrived(kind, name, 2);
    await asleep(dead, alive);
    dead.kill();
    await dead.exited;
    if (!kind.breaks) await kind.go(thing, blocked);
    expect(await alive.said()).toBe(end);
    await alive.done();
  });

  test.each(FORMS)('a worker in a %s wait is terminated: the others go on', async (form) => {
    const name = freshName();
    using thing = kind.open(isthmus, name, 3);
    const blocked = kind.block(thing);
    const worker = workerThatWaits(kind, form, name, 3);
    await once(worker, 'message');
    const peer = waiter(kind, OTHER[form], name, { waiters: 3 });
    expect(await peer.said()).toBe('waiting');
    await arrived(kind, name, 2);
    await asleep(peer);
    await worker.terminate();
    if (!kind.breaks) await kind.go(thing, blocked);
    expect(await peer.said()).toBe(end);
    await peer.done();
    expect(isthmus.inspect(name).participants).toHaveLength(1); // its slot was tidied: ours is left
  });

  test.each(FORMS)(
    'a %s waiter is stopped: the others go on, and so does it when it is continued',
    async (form) => {
      const name = freshName();
      using thing = kind.open(isthmus, name, 2);
      const blocked = kind.block(thing);
      const stopped = waiter(kind, form, name, { waiters: 2 });
      expect(await stopped.said()).toBe('waiting');
      await arrived(kind, name, 1);
      await asleep(stopped);
      stopped.kill('SIGSTOP');
      const peer = waiter(kind, OTHER[form], name, { waiters: 2 });
      expect(await peer.said()).toBe('waiting');
      await arrived(kind, name, 2);
      await asleep(peer);
      await new Promise((resolve) => setTimeout(resolve, 300)); // it is slept through
      await kind.go(thing, blocked);
      if (!kind.queues) expect(await peer.said()).toBe('done');
      stopped.kill('SIGCONT');
      if (kind.queues) expect(await peer.said()).toBe('done');
      expect(await stopped.said()).toBe('done');
      await stopped.done();
    },
  );

  test('a process leaves while its promise waits: the others go on', async () => {
    const name = freshName();
    using thing = kind.open(isthmus, name, 3);
    const blocked = kind.block(thing);
    const leaving = start(
      async (isthmus, { args, say, heard }) => {
        const [source, name] = args as unknown as [string, string];
        const kind = new Function(`return ${source}`)() as Kind;
        const waiting = kind.wait(kind.open(isthmus, name, 3), 'promise') as Promise<unknown>;
        waiting.catch(() => say('must not settle'));
        say('waiting');
        await heard();
        process.exit(0);
      },
      sourceOf(kind),
      name,
    );
    const peer = waiter(kind, 'Sync', name, { waiters: 3 });
    for (const one of [leaving, peer]) expect(await one.said()).toBe('waiting');
    await arrived(kind, name, 2);
    await asleep(leaving, peer);
    leaving.tell();
    await leaving.done();
    if (!kind.breaks) await kind.go(thing, blocked);
    expect(await peer.said()).toBe(end);
  });
});
