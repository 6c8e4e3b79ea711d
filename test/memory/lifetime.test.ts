// Creating, attaching, leaving and removing by several processes at once.

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { FullError, inspect, list, SharedArray, SharedMemory, SpscQueue, unlink, Value } from 'isthmus';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TURN, takeTurn } from '../processes/alone.mjs';
import { freshName, start, startWith } from '../processes/start.js';
import { until } from '../sync/kinds.js';

let endTurn: () => Promise<void>;
beforeAll(async () => {
  endTurn = await takeTurn();
}, TURN);
afterAll(() => endTurn());

/** Files of objects in the making, of whatever process. */
const unfinished = (): string[] => readdirSync('/dev/shm').filter((file) => file.startsWith('.isthmus-'));

describe.each([{}, { ISTHMUS_DISABLE: 'o_tmpfile' }])('with environment %o', (env) => {
  test('of several openers at once one creates, the others attach, and nobody sees a half-made object', async () => {
    const before = unfinished();
    const name = freshName();
    const script = (
      { Value, SharedArray, SpscQueue, unlink }: typeof import('isthmus'),
      { args, say, heard }: never,
    ) => {
      const [name] = args as [string];
      const rounds = async () => {
        (say as (value?: unknown) => void)();
        await (heard as () => Promise<unknown>)();
        const seen: number[] = [];
        for (let round = 0; round < 60; round++) {
          const value = Value.open(`${name}-${round}`, 'i32', { initial: 1000 });
          seen.push(value.add(1));
          const array = SharedArray.open(`${name}-a`, 'f64', [1, 2, 3]);
          if (array.at(2) !== 3) throw new Error('half-made array');
          array.close();
          if (round % 7 === 0) {
            try {
              unlink(`${name}-a`);
            } catch {}
          }
          SpscQueue.open(`${name}-q`, { capacity: 64 }).close();
        }
        (say as (value?: unknown) => void)(seen);
      };
      return rounds();
    };
    const peers = [1, 2, 3].map(() => startWith({ env }, script as never, name));
    for (const peer of peers) await peer.said();
    for (const peer of peers) peer.tell();
    const seen = await Promise.all(peers.map((peer) => peer.said<number[]>()));
    for (let round = 0; round < 60; round++) {
      expect(seen.map((one) => one[round]!).sort()).toEqual([1000, 1001, 1002]);
      unlink(`${name}-${round}`);
    }
    await Promise.all(peers.map((peer) => peer.done()));
    for (const file of readdirSync('/dev/shm').filter((file) => file.startsWith(name))) unlink(file);
    await until(() => unfinished().every((file) => before.includes(file))); // others make some, too, and finish them
  });
});

describe("lifetime 'attached'", () => {
  test('the object goes with the last handle, not before', () => {
    const name = freshName();
    const first = Value.create(name, 'i32', { lifetime: 'attached' });
    const second = Value.attach(name);
    first.close();
    expect(existsSync(`/dev/shm/${name}`)).toBe(true);
    second.close();
    expect(existsSync(`/dev/shm/${name}`)).toBe(false);
  });

  test('the object goes with the last process, however it leaves', async () => {
    for (const leave of ['close', 'exit', 'end']) {
      const name = freshName();
      const mine = Value.create(name, 'i32', { lifetime: 'attached' });
      const peer = start(
        async ({ Value }, { args, say, heard }) => {
          const value = Value.attach<'i32'>(args[0]!);
          value.add(1);
          say();
          await heard();
          if (args[1] === 'close') value.close();
          if (args[1] === 'exit') process.exit(0);
        },
        name,
        leave,
      );
      await peer.said();
      mine.close();
      expect(existsSync(`/dev/shm/${name}`)).toBe(true);
      peer.tell();
      await peer.done();
      expect(existsSync(`/dev/shm/${name}`)).toBe(false);
    }
  });

  test('an orphan (its last process was killed) is removed by whoever finds it', async () => {
    for (const find of ['open', 'attach'] as const) {
      const name = freshName();
      const peer = start(({ Value }, { args, say }) => {
        Value.create(args[0]!, 'i32', { lifetime: 'attached', initial: 5, participants: 1 });
        say();
        setInterval(() => undefined, 1000);
      }, name);
      await peer.said();
      expect(() => Value.attach(name)).toThrow(FullError);
      expect(() => Value.attach(name)).toThrow(new RegExp(`pids ${peer.pid}`));
      peer.kill();
      await peer.exited;
      expect(existsSync(`/dev/shm/${name}`)).toBe(true);
      if (find === 'attach') {
        expect(() => Value.attach(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
      } else {
        const value = Value.open(name, 'i32', { initial: 9, lifetime: 'attached' });
        expect(value.value).toBe(9);
        value.close();
      }
      expect(existsSync(`/dev/shm/${name}`)).toBe(false);
    }
  });

  test('a persistent object keeps its content and its free slots when its last process is killed', async () => {
    const name = freshName();
    const peer = start(({ Value }, { args, say }) => {
      Value.create(args[0]!, 'i32', { initial: 5, participants: 1 });
      say();
      setInterval(() => undefined, 1000);
    }, name);
    await peer.said();
    peer.kill();
    await peer.exited;
    using value = Value.attach(name);
    expect(value.value).toBe(5);
  });

  test('open and close by several processes at once never leaves two objects or none', async () => {
    const name = freshName();
    const script = async ({ Value }: typeof import('isthmus'), { args, say }: never) => {
      const [name] = args as [string];
      for (let round = 0; round < 300; round++) {
        const value = Value.open(name, 'i32', { lifetime: 'attached' });
        value.add(1);
        if (value.value < 1) throw new Error('another object under the same name');
        value.close();
      }
      (say as (value?: unknown) => void)();
    };
    const peers = [1, 2, 3].map(() => start(script as never, name));
    await Promise.all(peers.map((peer) => peer.done()));
    expect(existsSync(`/dev/shm/${name}`)).toBe(false);
  });
});

describe('looking without touching', () => {
  test('list and inspect tell kind, shape, size, permissions, participants and contents', () => {
    const name = freshName();
    using value = Value.create(`${name}-v`, 'i64', { initial: 2n ** 62n, mode: 0o640 });
    using _array = SharedArray.create(`${name}-a`, 'f32', [1, 2, 3]);
    using queue = SpscQueue.create<string>(`${name}-q`, { capacity: '64KB', codec: 'json' });
    using producer = queue.producer();
    using _memory = SharedMemory.create(`${name}-m`, 12_345);
    producer.putSync('hello');
    const mine = Object.fromEntries(
      list()
        .filter((info) => info.name.startsWith(`/${name}`))
        .map((info) => [info.name.slice(-1), info]),
    );
    expect(mine.v).toMatchObject({
      kind: 'value',
      shape: { type: 'i64' },
      mode: 0o640,
      uid: process.getuid?.(),
    });
    expect(mine.a).toMatchObject({ kind: 'array', shape: { type: 'f32', length: 3 }, mode: 0o600 });
    expect(mine.q).toMatchObject({ kind: 'spsc', shape: { capacity: 65_536, codec: 'json' } });
    expect(mine.m).toMatchObject({ kind: 'memory', shape: {}, size: 12_345 });
    expect(inspect(`${name}-v`)).toMatchObject({
      contents: { value: 2n ** 62n },
      condemned: false,
      participants: [{ pid: process.pid, thread: 0, alive: true }],
      header: { lifetime: 'persistent', creatorPid: process.pid },
    });
    const me = { pid: process.pid, thread: 0, alive: true };
    expect(inspect(`${name}-a`).contents).toEqual({ elements: [1, 2, 3], more: 0 });
    expect(inspect(`${name}-q`).contents).toEqual({ producer: me, used: 16, capacity: 65_536, ended: false });
    expect(value.value).toBe(2n ** 62n);
    for (const suffix of ['v', 'a', 'q', 'm']) unlink(`${name}-${suffix}`);
  });

  test('a damaged object is listed with its problem, a foreign file as memory', () => {
    const name = freshName();
    const other = freshName();
    writeFileSync(`/dev/shm/${name}`, 'isthmus\0 and then nonsense');
    writeFileSync(`/dev/shm/${other}`, 'something else');
    const find = (wanted: string) => list().find((info) => info.name === `/${wanted}`);
    expect(find(name)).toMatchObject({ problem: expect.stringMatching(/damaged/) });
    expect(find(other)).toMatchObject({ kind: 'memory' });
    expect(inspect(name).problem).toMatch(/damaged/);
    expect(() => inspect(freshName())).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  test('a process that was killed is shown as not alive, and its slot is used again', async () => {
    const name = freshName();
    using value = Value.create(name, 'i32', { participants: 2 });
    for (let round = 0; round < 3; round++) {
      const peer = start(({ Value }, { args, say }) => {
        Value.attach(args[0]!);
        say();
        setInterval(() => undefined, 1000);
      }, name);
      await peer.said();
      const states = () => inspect(name).participants!.map((one) => [one.pid, one.alive]);
      expect(states()).toEqual([
        [process.pid, true],
        [peer.pid, true],
      ]);
      peer.kill();
      await peer.exited;
      expect(states()).toEqual([
        [process.pid, true],
        [peer.pid, false],
      ]);
    }
    expect(value.value).toBe(0);
  });
});
