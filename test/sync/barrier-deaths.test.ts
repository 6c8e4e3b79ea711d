// A party that dies breaks the barrier, wherever it is at that moment; one that has closed its handle is no party.

import { Barrier } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, type Peer, startWith } from '../processes/start.js';
import { asleep, until, WAYS } from './kinds.js';

type Form = (typeof FORMS)[number];

/** Waits, again and again, each time it is told 'wait'; closes at 'close', exits at 'exit'. */
function party(name: string, form: Form, disable = ''): Peer {
  return startWith(
    { env: { ISTHMUS_DISABLE: disable } },
    async ({ Barrier }, { args, say, heard }) => {
      const [name, form] = args as unknown as [string, Form];
      const barrier = Barrier.attach(name);
      say('ready');
      for (;;) {
        const word = await heard();
        if (word === 'exit') process.exit(0);
        if (word === 'close') {
          barrier.close();
          say('closed');
          continue;
        }
        try {
          say(form === 'Sync' ? barrier.waitSync() : await barrier.wait());
        } catch (error) {
          say((error as { code?: string }).code ?? String(error));
        }
      }
    },
    name,
    form,
  );
}

async function ready(...peers: Peer[]): Promise<void> {
  for (const peer of peers) expect(await peer.said()).toBe('ready');
}

/** All wait once, and pass. */
async function pass(...peers: Peer[]): Promise<void> {
  for (const peer of peers) peer.tell('wait');
  const indexes: number[] = [];
  for (const peer of peers) indexes.push(await peer.said<number>());
  expect(indexes.sort()).toEqual(peers.map((_, n) => n));
}

const BROKEN = 'ERR_ISTHMUS_BROKEN_BARRIER';

describe.each(FORMS)('of five %s parties', (form) => {
  test.each([0, 1, 2, 3, 4])(
    'number %i is killed while it waits: the others are told, and go on after a reset',
    async (which) => {
      const name = freshName();
      using barrier = Barrier.create(name, 5);
      const peers = [0, 1, 2, 3, 4].map((n) => party(name, n === which ? form : FORMS[n % 2]!));
      await ready(...peers);
      const late = peers[(which + 1) % 5]!;
      for (const peer of peers) if (peer !== late) peer.tell('wait');
      await until(() => barrier.waiting === 4);
      await asleep(...peers);
      const [dead] = peers.splice(which, 1);
      dead!.kill();
      for (const peer of peers) if (peer !== late) expect(await peer.said()).toBe(BROKEN);
      late.tell('wait');
      expect(await late.said()).toBe(BROKEN);
      expect([barrier.broken, barrier.waiting]).toEqual([true, 0]);
      barrier.reset();
      const successor = party(name, form);
      await ready(successor);
      await pass(...peers, successor);
    },
  );
});

describe.each(WAYS)('with %s', (_way, disable) => {
  test.each(FORMS)('a party is killed while it does not wait: %s waiters are told at once', async (form) => {
    const name = freshName();
    using barrier = Barrier.create(name, 2);
    const peers = [party(name, form, disable), party(name, form, disable)];
    await ready(...peers);
    await pass(...peers); // now both are parties
    peers[0]!.tell('wait');
    await until(() => barrier.waiting === 1);
    await asleep(...peers);
    peers[1]!.kill();
    expect(await peers[0]!.said()).toBe(BROKEN);
    expect(barrier.broken).toBe(true);
  });

  test('a party dies while nobody waits: it is broken for whoever looks or comes', async () => {
    const name = freshName();
    using barrier = Barrier.create(name, 2);
    for (const form of FORMS) {
      const peers = [party(name, form, disable), party(name, form, disable)];
      await ready(...peers);
      await pass(...peers);
      peers[1]!.kill();
      await peers[1]!.exited;
      if (form === 'Sync') expect(barrier.broken).toBe(true);
      peers[0]!.tell('wait');
      expect(await peers[0]!.said()).toBe(BROKEN);
      peers[0]!.tell('close');
      expect(await peers[0]!.said()).toBe('closed');
      barrier.reset(); // forgets the dead
      expect(barrier.broken).toBe(false);
    }
  });

  test('the slot of a dead party is taken by another: still broken', async () => {
    const name = freshName();
    using barrier = Barrier.create(name, 2, { participants: 3 });
    const peers = [party(name, 'Sync', disable), party(name, 'promise', disable)];
    await ready(...peers);
    await pass(...peers);
    peers[0]!.kill();
    await peers[0]!.exited;
    const successor = party(name, 'Sync', disable);
    await ready(successor);
    successor.tell('wait');
    expect(await successor.said()).toBe(BROKEN);
    barrier.reset();
    await pass(peers[1]!, successor);
  });
});

describe('no party any more', () => {
  test('is one that has closed its handle, or left, between rounds', async () => {
    const name = freshName();
    using barrier = Barrier.create(name, 2);
    const peers = [party(name, 'Sync'), party(name, 'promise'), party(name, 'Sync')];
    await ready(...peers);
    await pass(peers[0]!, peers[1]!);
    peers[0]!.tell('close');
    expect(await peers[0]!.said()).toBe('closed');
    peers[0]!.kill();
    await peers[0]!.exited;
    expect(barrier.broken).toBe(false);
    await pass(peers[1]!, peers[2]!);
    peers[2]!.tell('exit');
    await peers[2]!.done();
    expect(barrier.broken).toBe(false);
    const wait = barrier.wait();
    await pass2(peers[1]!, wait);
  });

  test('is one that has the barrier open and has never waited', async () => {
    const name = freshName();
    using barrier = Barrier.create(name, 2);
    const onlooker = party(name, 'Sync');
    await ready(onlooker);
    onlooker.kill();
    await onlooker.exited;
    expect(await Promise.all([barrier.wait(), barrier.wait()])).toEqual([0, 1]);
  });

  test('is a process with a handle left that waited: the others of it closed', async () => {
    const name = freshName();
    using barrier = Barrier.create(name, 2);
    const other = Barrier.attach(name);
    await Promise.all([barrier.wait(), other.wait()]);
    other.close(); // the process is still a party through the first
    expect(barrier.broken).toBe(false);
    expect(await Promise.all([barrier.wait(), barrier.wait()])).toEqual([0, 1]);
  });

  async function pass2(peer: Peer, mine: Promise<number>): Promise<void> {
    peer.tell('wait');
    expect([await peer.said(), await mine].sort()).toEqual([0, 1]);
  }
});

test.each(FORMS)('the last to arrive is killed in its action: the %s waiters are told', async (form) => {
  const name = freshName();
  using barrier = Barrier.create(name, 3);
  const peers = [party(name, form), party(name, 'Sync')];
  await ready(...peers);
  for (const peer of peers) peer.tell('wait');
  await until(() => barrier.waiting === 2);
  const actor = startWith(
    {},
    ({ Barrier }, { args }) => {
      const action = (): void => {
        process.kill(process.pid, 'SIGKILL');
        for (;;);
      };
      Barrier.attach(args[0]!, { action }).waitSync();
    },
    name,
  );
  await actor.exited;
  for (const peer of peers) expect(await peer.said()).toBe(BROKEN);
  barrier.reset();
  expect([barrier.broken, barrier.waiting]).toEqual([false, 0]);
});

test('a party that is stopped breaks nothing: the others wait for it', async () => {
  const name = freshName();
  using barrier = Barrier.create(name, 3);
  const peers = [party(name, 'Sync'), party(name, 'promise'), party(name, 'Sync')];
  await ready(...peers);
  await pass(...peers);
  const stopped = peers[2]!;
  stopped.kill('SIGSTOP');
  for (const peer of peers) peer.tell('wait');
  await until(() => barrier.waiting === 2);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect([barrier.broken, barrier.waiting]).toEqual([false, 2]);
  stopped.kill('SIGCONT');
  const indexes: number[] = [];
  for (const peer of peers) indexes.push(await peer.said<number>());
  expect(indexes.sort()).toEqual([0, 1, 2]);
});
