// What holds for every wait of a synchroniser, in its Sync and its promise form: it goes on, gives up, is cancelled,
// closed, unreferenced. Whose death ends what: waiting-deaths.test.ts.

import { once } from 'node:events';
import * as isthmus from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, start } from '../processes/start.js';
import {
  arrived,
  asleep,
  coded,
  type Form,
  KINDS,
  type Kind,
  sourceOf,
  waiter,
  workerThatWaits,
} from './kinds.js';

describe.each(Object.entries(KINDS))('%s', (_name, kind) => {
  test('waits in other processes go on when they may, asleep in either form', async () => {
    const name = freshName();
    using thing = kind.open(isthmus, name, 2);
    const blocked = kind.block(thing);
    const peers = FORMS.map((form) => waiter(kind, form, name, { waiters: 2 }));
    for (const peer of peers) expect(await peer.said()).toBe('waiting');
    await arrived(kind, name, 2);
    await asleep(...peers);
    await kind.go(thing, blocked);
    for (const peer of peers) expect(await peer.said()).toBe('done');
    for (const peer of peers) await peer.done();
  });

  test.each(FORMS)('a %s wait without futex_waitv goes on, too', async (form) => {
    const name = freshName();
    using thing = kind.open(isthmus, name, 1);
    const blocked = kind.block(thing);
    const peer = waiter(kind, form, name, { env: { ISTHMUS_DISABLE: 'futex_waitv,death_marks' } });
    expect(await peer.said()).toBe('waiting');
    await arrived(kind, name, 1);
    await asleep(peer);
    await kind.go(thing, blocked);
    expect(await peer.said()).toBe('done');
    await peer.done();
  });

  test.each(FORMS)('a worker waits in its %s form', async (form) => {
    const name = freshName();
    using thing = kind.open(isthmus, name, 1);
    const blocked = kind.block(thing);
    const worker = workerThatWaits(kind, form, name);
    expect(await once(worker, 'message')).toEqual(['waiting']);
    const word = once(worker, 'message');
    await arrived(kind, name, 1);
    await new Promise((resolve) => setTimeout(resolve, 50)); // asleep by now; if not, so much the better
    await kind.go(thing, blocked);
    expect(await word).toEqual(['done']);
    await worker.terminate();
  });

  test.each(FORMS)('%s: wrong options are refused before anything is changed; timeouts', async (form) => {
    const name = freshName();
    using thing = kind.open(isthmus, name, 1);
    const blocked = kind.block(thing);
    const wrong = [
      [{ timeout: Number.NaN }, 'ERR_OUT_OF_RANGE'],
      [{ timeout: '1' }, 'ERR_INVALID_ARG_TYPE'],
      [{ timout: 1 }, 'ERR_INVALID_ARG_VALUE'],
      [null, 'ERR_INVALID_ARG_TYPE'],
      [5, 'ERR_INVALID_ARG_TYPE'],
      form === 'Sync' ? [{ signal: null }, 'ERR_INVALID_ARG_VALUE'] : [{ signal: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ];
    const before = isthmus.inspect(name).contents;
    for (const [wait, code] of wrong) {
      const waiting = async (): Promise<unknown> => kind.wait(thing, form, wait as never);
      await expect(waiting(), JSON.stringify(wait)).rejects.toThrow(coded(code as string) as Error);
    }
    expect(isthmus.inspect(name).contents).toEqual(before);
    const impatient = start(
      async (isthmus, { args, say }) => {
        const [source, form, name] = args as unknown as [string, Form, string];
        const kind = new Function(`return ${source}`)() as Kind;
        const thing = kind.open(isthmus, name, 1);
        for (const timeout of [0, -1, Number.NEGATIVE_INFINITY, 30]) {
          const began = performance.now();
          try {
            await kind.wait(thing, form, { timeout });
            say('went on');
          } catch (error) {
            const early = performance.now() - began < timeout;
            say([timeout, (error as { code?: string }).code, early]);
          }
          if (thing instanceof isthmus.Barrier) thing.reset(); // it broke
        }
      },
      sourceOf(kind),
      form,
      name,
    );
    for (const timeout of [0, -1, Number.NEGATIVE_INFINITY, 30])
      expect(await impatient.said()).toEqual([timeout, 'ERR_ISTHMUS_TIMEOUT', false]);
    await impatient.done();
    const peer = waiter(kind, form, name, { wait: { timeout: 40_000 } });
    expect(await peer.said()).toBe('waiting');
    await arrived(kind, name, 1);
    await asleep(peer);
    await kind.go(thing, blocked); // nothing is left of those that gave up
    expect(await peer.said()).toBe('done');
  });

  test('an abort ends the wait with its reason, and leaves the others theirs', async () => {
    const name = freshName();
    using thing = kind.open(isthmus, name, 1);
    const blocked = kind.block(thing);
    const wait = async (signal: AbortSignal): Promise<unknown> => kind.wait(thing, 'promise', { signal });
    await expect(wait(AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
    const abort = new AbortController();
    const aborted = wait(abort.signal);
    const other = kind.breaks ? undefined : (kind.wait(thing, 'promise') as Promise<unknown>);
    await new Promise((resolve) => setTimeout(resolve, 30));
    abort.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    if (kind.breaks) (thing as isthmus.Barrier).reset();
    const last = kind.wait(thing, 'promise');
    await kind.go(thing, blocked);
    await Promise.all([other, last]);
  });

  test('closing a handle ends its waits, and nobody else’s', async () => {
    const name = freshName();
    using thing = kind.open(isthmus, name, 4);
    const blocked = kind.block(thing);
    const closing = kind.open(isthmus, name, 4);
    const closed = Promise.allSettled([kind.wait(closing, 'promise'), kind.wait(closing, 'promise')]);
    const other = Promise.allSettled([kind.wait(thing, 'promise')]);
    const peer = waiter(kind, 'Sync', name, { waiters: 4 });
    expect(await peer.said()).toBe('waiting');
    await arrived(kind, name, 4);
    await asleep(peer);
    closing.close();
    closing.close();
    const refused = { status: 'rejected', reason: coded('ERR_ISTHMUS_CLOSED') };
    expect(await closed).toEqual([refused, refused]);
    for (const form of FORMS) {
      const again = async (): Promise<unknown> => kind.wait(closing, form);
      await expect(again()).rejects.toThrow(coded('ERR_ISTHMUS_CLOSED') as Error);
    }
    if (!kind.breaks) await kind.go(thing, blocked);
    const broken = { status: 'rejected', reason: coded('ERR_ISTHMUS_BROKEN_BARRIER') };
    expect(await other).toEqual([kind.breaks ? broken : expect.objectContaining({ status: 'fulfilled' })]);
    expect(await peer.said()).toBe(kind.breaks ? 'ERR_ISTHMUS_BROKEN_BARRIER' : 'done');
  });

  test('a pending wait keeps the process alive; unref lets it go', async () => {
    const name = freshName();
    using thing = kind.open(isthmus, name, 1);
    const blocked = kind.block(thing);
    const peers = [false, true].map((loose) =>
      start(
        (isthmus, { args, say }) => {
          const [source, name, loose] = args as unknown as [string, string, boolean];
          const kind = new Function(`return ${source}`)() as Kind;
          const thing = kind.open(isthmus, name, 1);
          if (loose) thing.unref();
          (kind.wait(thing, 'promise') as Promise<unknown>).then(() => say('done'));
          say('waiting');
        },
        sourceOf(kind),
        name,
        loose,
      ),
    );
    for (const peer of peers) expect(await peer.said()).toBe('waiting');
    await peers[1]!.done(); // leaves while it waits
    if (kind.breaks) return; // which breaks a barrier
    await arrived(kind, name, 1);
    await kind.go(thing, blocked);
    expect(await peers[0]!.said()).toBe('done');
    await peers[0]!.done();
  });
});
