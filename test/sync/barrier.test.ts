// What a Barrier is beside the waiting that all have in common (waiting.test.ts): rounds, indexes, actions, and breaking.
// Deaths: barrier-deaths.test.ts.

import { Barrier, BrokenBarrierError, SharedArray, TimeoutError, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, type Peer, start } from '../processes/start.js';
import { contents, until } from './kinds.js';

type Form = (typeof FORMS)[number];

/** Waits once for each thing it is told (the options of the wait), and says the index or the error's code. */
function party(name: string, form: Form, action?: string): Peer {
  return start(
    async ({ Barrier, Value }, { args, say, heard, sleep }) => {
      const [name, form, action] = args as unknown as [string, Form, string | undefined];
      const act = action === undefined ? undefined : new Function('Value', 'sleep', action);
      const barrier = Barrier.attach(name, act && { action: () => act(Value, sleep) });
      say('ready');
      for (;;) {
        const wait = (await heard()) as object | undefined;
        try {
          say(form === 'Sync' ? barrier.waitSync(wait) : await barrier.wait(wait));
        } catch (error) {
          say((error as { code?: string }).code ?? (error as Error).message);
        }
      }
    },
    name,
    form,
    action,
  );
}

async function ready(...peers: Peer[]): Promise<void> {
  for (const peer of peers) expect(await peer.said()).toBe('ready');
}

const BROKEN = 'ERR_ISTHMUS_BROKEN_BARRIER';

test('5 processes x 1,000 passes in lockstep: nobody is more than one round ahead, each index once', async () => {
  const names = [freshName(), freshName(), freshName()];
  using barrier = Barrier.create(names[0]!, 5);
  using rounds = SharedArray.create(names[1]!, 'i32', 5);
  using indexes = SharedArray.create(names[2]!, 'i32', 5);
  const peers = [...FORMS, ...FORMS, 'Sync'].map((form, n) =>
    start(
      async ({ Barrier, SharedArray }, { args, say }) => {
        const [barrierName, roundsName, indexesName, form, n] = args as unknown as [
          string,
          string,
          string,
          string,
          number,
        ];
        const barrier = Barrier.attach(barrierName);
        const rounds = SharedArray.attach<'i32'>(roundsName);
        const indexes = SharedArray.attach<'i32'>(indexesName);
        let wrong = 0;
        for (let round = 1; round <= 1_000; round++) {
          rounds.set(n, round);
          indexes.add(form === 'Sync' ? barrier.waitSync() : await barrier.wait(), 1);
          // All have come to this round, and none can have passed the next one.
          for (let other = 0; other < 5; other++)
            if (rounds.at(other)! < round || rounds.at(other)! > round + 1) wrong++;
        }
        say(wrong);
      },
      ...names,
      form,
      n,
    ),
  );
  for (const peer of peers) expect(await peer.said()).toBe(0);
  for (const peer of peers) await peer.done();
  expect([...rounds.view]).toEqual(Array(5).fill(1_000));
  expect([...indexes.view]).toEqual(Array(5).fill(1_000));
  expect([barrier.waiting, barrier.broken, contents(names[0]!)['rounds']]).toEqual([0, false, 1_000]);
});

test('tells how many wait; a barrier of one is passed at once', async () => {
  const name = freshName();
  using barrier = Barrier.create(name, 3);
  expect([barrier.parties, barrier.waiting, barrier.broken]).toEqual([3, 0, false]);
  const waits = [barrier.wait(), barrier.wait()];
  expect(barrier.waiting).toBe(2);
  expect(barrier.waitSync()).toBe(2);
  expect(await Promise.all(waits)).toEqual([0, 1]);
  expect(barrier.waiting).toBe(0);

  let acted = 0;
  using one = Barrier.create(freshName(), 1, { action: () => acted++ });
  expect([one.waitSync(), await one.wait(), one.waitSync({ timeout: 0 })]).toEqual([0, 0, 0]);
  expect(acted).toBe(3);
});

test('waits of one process beyond the parties begin the next round', async () => {
  using barrier = Barrier.create(freshName(), 2);
  const waits = Array.from({ length: 6 }, () => barrier.wait());
  expect(await Promise.all(waits)).toEqual([0, 1, 0, 1, 0, 1]);
});

describe('the action', () => {
  test('runs exactly once a round, before anybody goes on, in the last to arrive', async () => {
    const names = [freshName(), freshName()];
    using _barrier = Barrier.create(names[0]!, 3);
    using acted = Value.create(names[1]!, 'i32');
    const peers = [...FORMS, 'Sync'].map((form) =>
      start(
        async ({ Barrier, Value }, { args, say }) => {
          const [barrierName, actedName, form] = args as unknown as [string, string, string];
          const acted = Value.attach<'i32'>(actedName);
          let mine = 0;
          const action = (): void => {
            mine++;
            acted.add(1);
          };
          const barrier = Barrier.attach(barrierName, { action });
          let wrong = 0;
          let last = 0;
          for (let round = 1; round <= 200; round++) {
            const index = form === 'Sync' ? barrier.waitSync() : await barrier.wait();
            if (index === 2) last++;
            if (acted.value < round || acted.value > round + 1) wrong++;
          }
          say([wrong, mine - last]);
        },
        ...names,
        form,
      ),
    );
    for (const peer of peers) expect(await peer.said()).toEqual([0, 0]);
    expect(acted.value).toBe(200);
  });

  test('may be asynchronous in the promise form: all wait for it', async () => {
    const events: string[] = [];
    let end: () => void = () => undefined;
    const mayEnd = new Promise<void>((resolve) => {
      end = resolve;
    });
    const action = async (): Promise<void> => {
      events.push('begins');
      await mayEnd;
      await new Promise((resolve) => setTimeout(resolve, 60));
      events.push(`ends, ${barrier.waiting} waiting`);
    };
    using barrier = Barrier.create(freshName(), 2, { action });
    const peer = party(barrier.name, 'Sync');
    await ready(peer);
    peer.tell();
    await until(() => barrier.waiting === 1);
    const passed = peer.said().then((index) => events.push(`other ${index}`));
    const waits = [barrier.wait()];
    const early = barrier.wait({ timeout: 10 }); // the round is full, and the next has not begun: gives up alone
    await expect(early).rejects.toThrow(TimeoutError);
    end();
    expect(await waits[0]).toBe(1);
    events.push('mine');
    await passed;
    expect(events.slice(0, 2)).toEqual(['begins', 'ends, 0 waiting']);
    expect(events.slice(2).sort()).toEqual(['mine', 'other 0']);
    expect(barrier.broken).toBe(false);
  });

  test.each(FORMS)(
    'that throws breaks it: its %s runner gets the error, the others a BrokenBarrierError',
    async (form) => {
      const name = freshName();
      using barrier = Barrier.create(name, 3);
      const others = FORMS.map((one) => party(name, one));
      const last = party(name, form, 'throw new Error("mine")');
      await ready(...others, last);
      for (const one of others) one.tell();
      await until(() => barrier.waiting === 2);
      last.tell();
      expect(await last.said()).toBe('mine');
      for (const one of others) expect(await one.said()).toBe(BROKEN);
      expect([barrier.broken, barrier.waiting]).toEqual([true, 0]);
    },
  );

  test('that is asynchronous is refused by waitSync; one that rejects breaks it', async () => {
    using sync = Barrier.create(freshName(), 1, { action: async () => undefined });
    expect(() => sync.waitSync()).toThrow(/synchronous for waitSync/);
    expect(sync.broken).toBe(true);
    using rejecting = Barrier.create(freshName(), 1, { action: () => Promise.reject(new Error('mine')) });
    await expect(rejecting.wait()).rejects.toThrow('mine');
    await expect(rejecting.wait()).rejects.toThrow(BrokenBarrierError);
  });

  test('of a barrier that is aborted, reset or closed meanwhile: the runner is told', async () => {
    for (const how of ['abort', 'reset', 'close'] as const) {
      let go: () => void = () => undefined;
      const action = (): Promise<void> =>
        new Promise((resolve) => {
          go = resolve;
        });
      const name = freshName();
      using watcher = Barrier.create(name, 2);
      const barrier = Barrier.attach(name, { action });
      const other = watcher.wait();
      const runner = barrier.wait();
      const outcomes = Promise.allSettled([other, runner]);
      await new Promise(setImmediate);
      if (how === 'close') barrier.close();
      else watcher[how]();
      go();
      const [waited, ran] = await outcomes;
      expect(waited).toMatchObject({ reason: { code: BROKEN } });
      expect(ran).toMatchObject({ reason: { code: how === 'close' ? 'ERR_ISTHMUS_CLOSED' : BROKEN } });
      expect(watcher.broken).toBe(how !== 'reset');
    }
  });
});

describe('breaking', () => {
  test.each(FORMS)(
    'by the timeout of a %s wait: a TimeoutError for it, a BrokenBarrierError for all others',
    async (form) => {
      const name = freshName();
      using barrier = Barrier.create(name, 4);
      const others = FORMS.map((one) => party(name, one));
      const impatient = party(name, form);
      await ready(...others, impatient);
      for (const one of others) one.tell();
      await until(() => barrier.waiting === 2);
      impatient.tell({ timeout: 30 });
      expect(await impatient.said()).toBe('ERR_ISTHMUS_TIMEOUT');
      for (const one of others) expect(await one.said()).toBe(BROKEN);
      // Later ones, too, in every form, until it is reset.
      for (const one of [...others, impatient]) {
        one.tell({ timeout: 30_000 });
        expect(await one.said()).toBe(BROKEN);
      }
      expect(() => barrier.waitSync()).toThrow(BrokenBarrierError);
      await expect(barrier.wait()).rejects.toThrow(/call reset\(\)/);
      barrier.reset();
      expect(barrier.broken).toBe(false);
      for (const one of [...others, impatient]) one.tell();
      const mine = await barrier.wait({ timeout: 40_000 });
      const indexes = [mine];
      for (const one of [...others, impatient]) indexes.push(await one.said());
      expect(indexes.sort()).toEqual([0, 1, 2, 3]);
    },
  );

  test('by an abort of the signal, before and during the wait', async () => {
    using barrier = Barrier.create(freshName(), 2);
    await expect(barrier.wait({ signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
    expect([barrier.broken, barrier.waiting]).toEqual([false, 0]); // it never arrived
    const abort = new AbortController();
    const wait = barrier.wait({ signal: abort.signal });
    abort.abort(new Error('during'));
    await expect(wait).rejects.toThrow('during');
    expect(barrier.broken).toBe(true);
  });

  test.each(['abort', 'reset'] as const)('by %s(): all who wait get a BrokenBarrierError', async (how) => {
    const name = freshName();
    using barrier = Barrier.create(name, 3);
    const peers = FORMS.map((form) => party(name, form));
    await ready(...peers);
    for (let round = 0; round < 2; round++) {
      for (const peer of peers) peer.tell();
      await until(() => barrier.waiting === 2);
      barrier[how]();
      barrier[how](); // doing it twice is doing it once
      for (const peer of peers) expect(await peer.said()).toBe(BROKEN);
      expect(barrier.broken).toBe(how === 'abort');
      barrier.reset();
    }
    for (const peer of peers) peer.tell();
    const indexes = [await barrier.wait({ timeout: 40_000 })];
    for (const peer of peers) indexes.push(await peer.said());
    expect(indexes.sort()).toEqual([0, 1, 2]);
  });

  test('whoever slept through a reset and the rounds after it is told of the reset all the same', async () => {
    const name = freshName();
    using barrier = Barrier.create(name, 2);
    const peer = party(name, 'promise');
    await ready(peer);
    peer.tell();
    await until(() => barrier.waiting === 1);
    peer.kill('SIGSTOP');
    barrier.reset();
    for (let round = 0; round < 20; round++) await Promise.all([barrier.wait(), barrier.wait()]);
    peer.kill('SIGCONT');
    expect(await peer.said()).toBe(BROKEN);
    // And one that passed, but looks only rounds later, has passed.
    peer.tell();
    await until(() => barrier.waiting === 1);
    peer.kill('SIGSTOP');
    expect(await barrier.wait()).toBe(1);
    barrier.reset();
    await Promise.all([barrier.wait(), barrier.wait()]);
    barrier.abort();
    peer.kill('SIGCONT');
    expect(await peer.said()).toBe(0);
  });

  test('reset of a sound barrier that nobody waits at changes nothing', async () => {
    const name = freshName();
    using barrier = Barrier.create(name, 2);
    barrier.reset();
    expect(contents(name)).toMatchObject({ waiting: 0, broken: false, rounds: 0 });
  });
});
