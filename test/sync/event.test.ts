// What an Event is beside the waiting that all have in common (waiting.test.ts): set, clear, and who is woken.

import { Event, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, start } from '../processes/start.js';
import { asleep, contents, KINDS, waiter } from './kinds.js';

test('is set and clear for everybody; doing either twice is doing it once', async () => {
  const name = freshName();
  using event = Event.create(name);
  using other = Event.attach(name);
  expect([event.isSet, contents(name)]).toEqual([false, { set: false, awaited: false }]);
  event.clear();
  event.set();
  other.set();
  expect([event.isSet, other.isSet, contents(name)]).toEqual([true, true, { set: true, awaited: false }]);
  event.waitSync({ timeout: 0 });
  await event.wait({ timeout: 0 });
  const peer = start(({ Event }, { args, say }) => {
    const event = Event.attach(args[0]!);
    event.waitSync({ timeout: 0 });
    say(event.isSet);
    event.clear();
    event.clear();
  }, name);
  expect(await peer.said()).toBe(true);
  await peer.done();
  expect([event.isSet, other.isSet]).toEqual([false, false]);
  expect(() => event.waitSync({ timeout: 0 })).toThrow(/was not set/);
});

test('set directly followed by clear wakes everybody who waited, 200 times in 4 processes', async () => {
  const names = [freshName(), freshName(), freshName()];
  using event = Event.create(names[0]!);
  using waiting = Value.create(names[1]!, 'i32');
  using rounds = Value.create(names[2]!, 'i32');
  const peers = [...FORMS, ...FORMS].map((form) =>
    start(
      async ({ Event, Value }, { args, require, sleep }) => {
        const [eventName, waitingName, roundsName, form] = args as unknown as string[];
        const event = Event.attach(eventName!);
        const waiting = Value.attach<'i32'>(waitingName!);
        const rounds = Value.attach<'i32'>(roundsName!);
        // A Sync form says that it waits when it falls asleep.
        const { native } = require('../dist/native/load.js') as {
          native: { futexWait: (...args: never[]) => unknown };
        };
        const { futexWait } = native;
        let begun = true;
        native.futexWait = (...args) => {
          if (!begun) waiting.add(1);
          begun = true;
          return futexWait(...args);
        };
        for (let round = 0; round < 200; round++) {
          if (form === 'Sync') {
            begun = false;
            event.waitSync();
          } else {
            const wait = event.wait();
            waiting.add(1);
            if (round % 3 === 0) await sleep(2); // late to look
            await wait;
          }
          await rounds.waitFor((done) => done > round); // else the next wait might still find it set
        }
      },
      ...names,
      form,
    ),
  );
  for (let round = 0; round < 200; round++) {
    await waiting.waitFor((count) => count === peers.length, { timeout: 40_000 });
    waiting.value = 0;
    event.set();
    event.clear();
    rounds.add(1);
  }
  for (const peer of peers) await peer.done();
  expect(event.isSet).toBe(false);
});

test('whoever begins to wait after the clear waits for the next set', async () => {
  using event = Event.create(freshName());
  const first = event.wait();
  event.set();
  event.clear();
  const settled: number[] = [];
  const second = event.wait().then(() => settled.push(2));
  await first;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(settled).toEqual([]);
  expect(() => event.waitSync({ timeout: 20 })).toThrow(/was not set/);
  event.set();
  await second;
});

describe.each(FORMS)('of five %s waiters', (form) => {
  test.each([0, 1, 2, 3, 4])(
    'number %i is killed: the others are woken, and set and isSet hang nobody',
    async (which) => {
      const name = freshName();
      using event = Event.create(name);
      const peers = [0, 1, 2, 3, 4].map((n) =>
        waiter(KINDS.Event!, n === which ? form : FORMS[n % 2]!, name),
      );
      for (const peer of peers) expect(await peer.said()).toBe('waiting');
      await asleep(...peers);
      const [dead] = peers.splice(which, 1);
      dead!.kill();
      await dead!.exited;
      event.set();
      expect(event.isSet).toBe(true);
      for (const peer of peers) expect(await peer.said()).toBe('done');
      for (const peer of peers) await peer.done();
    },
  );
});

test.each(FORMS)(
  'a %s waiter goes on though the setter is killed between storing and waking',
  async (form) => {
    const name = freshName();
    using event = Event.create(name);
    const peer = waiter(KINDS.Event!, form, name);
    expect(await peer.said()).toBe('waiting');
    await asleep(peer);
    const setter = start(({ Event }, { args, require }) => {
      const { native } = require('../dist/native/load.js') as { native: { futexWake: () => number } };
      native.futexWake = () => {
        process.kill(process.pid, 'SIGKILL');
        return 0;
      };
      Event.attach(args[0]!).set();
    }, name);
    expect((await setter.exited).signal).toBe('SIGKILL');
    expect(event.isSet).toBe(true);
    expect(await peer.said()).toBe('done');
  },
);

test('set in a signal handler during waits of the same process ends them', async () => {
  const name = freshName();
  using event = Event.create(name);
  const peer = start(async ({ Event }, { args, say }) => {
    const event = Event.attach(args[0]!);
    process.on('SIGUSR2', () => event.set());
    const waits = [event.wait(), event.wait()];
    say(event.isSet);
    await Promise.all(waits);
    say(event.isSet);
  }, name);
  expect(await peer.said()).toBe(false);
  peer.kill('SIGUSR2');
  expect(await peer.said()).toBe(true);
  expect(event.isSet).toBe(true);
});
