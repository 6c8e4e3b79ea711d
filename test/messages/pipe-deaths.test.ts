// What a kill -9 leaves of a pipe, who is told, and what damaged contents can do.

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { inspect, PeerDiedError, Pipe, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, type Peer, start, startWith } from '../processes/start.js';

const gaveUp = expect.objectContaining({ code: 'ERR_ISTHMUS_TIMEOUT' });

/** A process that has an end, sends something, and then does nothing until it is killed. */
async function other(name: string, messages: readonly string[] = [], disable = ''): Promise<Peer> {
  const peer = startWith(
    { env: { ISTHMUS_DISABLE: disable } },
    ({ Pipe }, { args, say }) => {
      const [name, messages] = args as unknown as [string, string[]];
      const pipe = Pipe.open(name, { capacity: '64KB' });
      for (const message of messages) pipe.sendSync(message);
      say();
      setInterval(() => pipe.name, 1000);
    },
    name,
    messages,
  );
  await peer.said();
  return peer;
}

/** A process that has an end, makes one kind of wait again and again, and says how it ended. */
async function waiting(name: string, form: string, wait: string, disable = ''): Promise<Peer> {
  const peer = startWith(
    { env: { ISTHMUS_DISABLE: disable } },
    async ({ Pipe }, { args, say }) => {
      const [name, form, wait] = args as unknown as [string, string, string];
      const sync = form === 'Sync';
      const seen: unknown[] = [];
      const pipe = Pipe.open<string>(name, { capacity: '64KB' });
      say('waiting');
      try {
        if (wait === 'iterate') for await (const message of pipe) seen.push(message);
        if (wait === 'stream')
          for await (const message of pipe.duplex({ objectMode: true })) seen.push(message);
        for (let n = 0; ; n++) {
          const forever = { timeout: Number.POSITIVE_INFINITY };
          if (wait === 'receive') seen.push(sync ? pipe.receiveSync() : await pipe.receive());
          else if (wait === 'poll') {
            seen.push(sync ? pipe.pollSync(forever) : await pipe.poll(forever));
            pipe.tryReceive();
          } else {
            await (sync ? pipe.sendSync('x'.repeat(20_000)) : pipe.send('x'.repeat(20_000)));
            seen.push(n);
          }
        }
      } catch (error) {
        const { code, pid } = error as { code?: string; pid?: number };
        say([code, pid, seen]);
      }
    },
    name,
    form,
    wait,
  );
  expect(await peer.said()).toBe('waiting');
  await new Promise((resolve) => setTimeout(resolve, 150)); // asleep by now; if not, so much the better
  return peer;
}

describe.each([
  ['death marks', ''],
  ['lock bytes only', 'death_marks'],
  ['without futex_waitv', 'futex_waitv'],
])('with %s', (_way, disable) => {
  describe.each(FORMS)('%s form', (form) => {
    test('a receive ends with the life of the other side, after everything that it sent', async () => {
      const name = freshName();
      const peer = await other(name, ['a', 'b'], disable);
      const waiter = await waiting(name, form, 'receive', disable);
      peer.kill();
      expect(await waiter.said()).toEqual(['ERR_ISTHMUS_PEER_DIED', peer.pid, ['a', 'b']]);
      await waiter.done();
    });

    test('a send that is blocked ends with the life of the other side; a successor gets what was sent', async () => {
      const name = freshName();
      const peer = await other(name, [], disable);
      const waiter = await waiting(name, form, 'send', disable);
      peer.kill();
      expect(await waiter.said()).toEqual(['ERR_ISTHMUS_PEER_DIED', peer.pid, [0, 1, 2]]);
      using successor = Pipe.open<string>(name);
      await waiter.done();
      const lengths: unknown[] = [];
      for await (const message of successor) lengths.push(message.length);
      expect(lengths).toEqual([20_000, 20_000, 20_000]);
    });
  });
});

describe.each(FORMS)('%s form', (form) => {
  const receive = async (pipe: Pipe<string>, wait: object): Promise<string | undefined> =>
    form === 'Sync' ? pipe.receiveSync(wait) : pipe.receive(wait);
  const poll = async (pipe: Pipe<string>, wait?: object): Promise<boolean> =>
    form === 'Sync' ? pipe.pollSync(wait) : pipe.poll(wait);

  test.each(['poll', 'iterate', 'stream'])('%s tells, too', async (wait) => {
    const name = freshName();
    const peer = await other(name, ['a', 'b']);
    const waiter = await waiting(name, form, wait);
    peer.kill();
    const seen = wait === 'poll' ? [true, true] : ['a', 'b'];
    expect(await waiter.said()).toEqual(['ERR_ISTHMUS_PEER_DIED', peer.pid, seen]);
  });

  test('of an end that is taken while the other side waits already', async () => {
    const name = freshName();
    const waiter = await waiting(name, form, 'receive');
    const peer = await other(name);
    await new Promise((resolve) => setTimeout(resolve, 100));
    peer.kill();
    expect(await waiter.said()).toEqual(['ERR_ISTHMUS_PEER_DIED', peer.pid, []]);
  });

  test("a dead one's end is taken over, again and again, and the handle serves the successors", async () => {
    const name = freshName();
    using pipe = Pipe.open<string>(name, { capacity: '64KB' });
    using watcher = Value.open(`${name}-v`, 'i32');
    for (let round = 0; round < 3; round++) {
      const peer = await other(name, [`from ${round}`]);
      expect(() => Pipe.open(name)).toThrow(/taken already/);
      pipe.sendSync(`for ${round}`);
      peer.kill();
      await peer.exited;
      expect(pipe.tryReceive()).toBe(`from ${round}`);
      expect(pipe.tryReceive()).toBe(undefined); // a try form waits for nobody, so it tells nothing
      expect(await poll(pipe)).toBe(false);
      await expect(receive(pipe, { timeout: 5000 })).rejects.toThrow(PeerDiedError);
      await expect(poll(pipe, { timeout: 5000 })).rejects.toThrow(PeerDiedError);
      await expect(receive(pipe, { timeout: 30, peerDeath: 'wait' })).rejects.toThrow(gaveUp);
    }
    const coming = form === 'Sync' ? undefined : pipe.receive({ timeout: 30_000, peerDeath: 'wait' });
    const successor = start(async ({ Pipe }, { args, say }) => {
      const pipe = Pipe.open<string>(args[0]!);
      say([pipe.tryReceive(), pipe.tryReceive(), pipe.tryReceive(), pipe.tryReceive()]);
      pipe.sendSync('from the last one');
    }, name);
    expect(await (coming ?? receive(pipe, { timeout: 30_000, peerDeath: 'wait' }))).toBe('from the last one');
    expect(await successor.said()).toEqual(['for 0', 'for 1', 'for 2', undefined]);
    await successor.done();
    expect(await receive(pipe, { timeout: 30_000 })).toBe(undefined);
    (await import('isthmus')).unlink(`${name}-v`);
    expect(watcher.closed).toBe(false);
  });

  test('what send accepted is received though the sender was killed at any moment; nothing is torn', async () => {
    const name = freshName();
    const noted = Value.open(`${name}-n`, 'u32');
    using pipe = Pipe.open<number[]>(name, { capacity: 4096 });
    let next = 0;
    for (let round = 0; round < 8; round++) {
      const peer = start(
        async ({ Pipe, Value }, { args, say }) => {
          const [name, form, from] = args as unknown as [string, string, number];
          const noted = Value.open(`${name}-n`, 'u32');
          noted.value = from; // the one before may have been accepted and not noted
          const pipe = Pipe.open<number[]>(name);
          say();
          for (let n = from; ; n++) {
            const message = [n, ...Array(n % 20).fill(n)];
            if (form === 'Sync') pipe.sendSync(message);
            else await pipe.send(message);
            noted.value = n + 1;
          }
        },
        name,
        form,
        next,
      );
      await peer.said();
      setTimeout(() => peer.kill(), 5 + Math.random() * 30);
      for (;;) {
        try {
          const message = await pipe.receive();
          expect(message).toEqual([next, ...Array(next % 20).fill(next)]);
          next++;
        } catch (error) {
          expect(error).toBeInstanceOf(PeerDiedError);
          break;
        }
      }
      // The one after the last noted may have been accepted, too.
      expect([noted.value, noted.value + 1]).toContain(next);
    }
    noted.close();
    (await import('isthmus')).unlink(`${name}-n`);
  });

  test('an end that ended and died afterwards has ended; its successor can only receive', async () => {
    const name = freshName();
    using pipe = Pipe.open<string>(name);
    const dead = start(({ Pipe }, { args }) => {
      const pipe = Pipe.open<string>(args[0]!);
      pipe.sendSync('a');
      pipe.end();
      process.kill(process.pid, 'SIGKILL');
    }, name);
    await dead.exited;
    expect(await receive(pipe, { timeout: 5000 })).toBe('a');
    expect(await receive(pipe, { timeout: 5000 })).toBe(undefined);
    using successor = Pipe.open<string>(name);
    expect(() => successor.trySend('x')).toThrow(/has ended/);
    pipe.sendSync('b');
    expect(await receive(successor, { timeout: 5000 })).toBe('b');
  });
});

test("worker.terminate() is a death, a worker's end is its own, its exit closes", async () => {
  const name = freshName();
  using pipe = Pipe.open<string>(name);
  const source = (then: string): string => `
    const { Pipe } = require('isthmus');
    const pipe = Pipe.open(${JSON.stringify(name)});
    pipe.sendSync('from a worker');
    ${then}`;
  const worker = new Worker(source('setInterval(() => pipe.name, 1000);'), { eval: true });
  expect(await pipe.receive()).toBe('from a worker');
  await worker.terminate();
  await expect(pipe.receive()).rejects.toThrow(PeerDiedError);
  new Worker(source(''), { eval: true });
  expect(await pipe.receive({ peerDeath: 'wait' })).toBe('from a worker');
  expect(await pipe.receive()).toBe(undefined);
});

test('both sides killed: two newcomers go on where they stopped', async () => {
  const name = freshName();
  const dead = [await other(name, ['from A']), await other(name, ['from B'])];
  for (const one of dead) one.kill();
  for (const one of dead) await one.exited;
  using a = Pipe.open<string>(name);
  using b = Pipe.open<string>(name);
  expect([a.tryReceive(), b.tryReceive()]).toEqual(['from B', 'from A']);
  a.sendSync('on');
  expect(b.receiveSync()).toBe('on');
});

test('a one-way pipe: the death of the sender, and of the receiver', async () => {
  const name = freshName();
  const open = (end: 'send' | 'receive'): Peer =>
    start(
      ({ Pipe }, { args, say }) => {
        const [name, end] = args as unknown as [string, 'send' | 'receive'];
        const pipe = Pipe.open(name, { end, capacity: 64 });
        if (end === 'send') pipe.sendSync('a');
        say();
        setInterval(() => pipe.name, 1000);
      },
      name,
      end,
    );
  const sender = open('send');
  await sender.said();
  const reader = Pipe.open(name, { end: 'receive' });
  sender.kill();
  expect(await reader.receive()).toBe('a');
  await expect(reader.receive()).rejects.toThrow(PeerDiedError);
  using writer = Pipe.open<unknown>(name, { end: 'send' });
  reader.close();
  expect(() => writer.trySend('x')).toThrow(/closed/);
  writer.close();
  using again = Pipe.open<unknown>(name, { end: 'send', capacity: 64 });
  const receiver = open('receive');
  await receiver.said();
  again.sendSync(new Uint8Array(56));
  receiver.kill();
  await expect(again.send('x')).rejects.toThrow(PeerDiedError);
});

// ---- words as a process that dies half-way leaves them, and damaged ones

const TAIL_AB = 0;
const HEAD_AB = 32;
const TAIL_BA = 256;
const HEAD_BA = 288;
const END_A = 512;
const END_B = 544;

/** Reads a control word, or overwrites it. */
function word(name: string, index: number, value?: number): number {
  const fd = openSync(`/dev/shm/${name}`, 'r+');
  const bytes = Buffer.alloc(4);
  readSync(fd, bytes, 0, 4, 48);
  const at = bytes.readUInt32LE() + 4 * index;
  readSync(fd, bytes, 0, 4, at);
  const before = bytes.readUInt32LE();
  if (value !== undefined) {
    bytes.writeUInt32LE(value >>> 0);
    writeSync(fd, bytes, 0, 4, at);
  }
  closeSync(fd);
  return before;
}

describe('killed while closing', () => {
  test('after the first step: the other side sees the end, and is told that a send is in vain once it waits', async () => {
    const name = freshName();
    using pipe = Pipe.open<string>(name, { capacity: 64 });
    const peer = await other(name).catch(() => undefined);
    expect(peer).toBe(undefined); // another capacity
    const b = await killed(name);
    word(name, TAIL_BA, word(name, TAIL_BA) | 2); // ENDED
    expect(await pipe.receive()).toBe(undefined);
    pipe.sendSync('x'.repeat(56));
    await expect(pipe.send('y')).rejects.toThrow(PeerDiedError);
    expect(b).toBeGreaterThan(0);
  });

  test('before the last step: the end counts as closed, and nobody takes it over', async () => {
    const name = freshName();
    const pipe = Pipe.open<string>(name, { capacity: 64 });
    await killed(name);
    word(name, TAIL_BA, word(name, TAIL_BA) | 2); // ENDED
    word(name, HEAD_AB, word(name, HEAD_AB) | 4); // GONE
    expect(await pipe.receive()).toBe(undefined);
    pipe.sendSync('x'.repeat(56));
    const closed = expect.objectContaining({ code: 'ERR_ISTHMUS_CLOSED' });
    await expect(pipe.send('y')).rejects.toThrow(closed);
    expect(() => pipe.sendSync('y')).toThrow(closed);
    expect(() => Pipe.open(name)).toThrow(closed);
    expect(inspect(name).contents).toMatchObject({ closed: ['B'] });
    pipe.close();
    using again = Pipe.open<string>(name, { capacity: 128 });
    expect(again.capacity).toBe(128);
  });

  test('while replacing a finished pipe: the next opener does it, an attacher finds nothing', () => {
    for (const how of ['open', 'attach'] as const) {
      const name = freshName();
      Pipe.open(name).close();
      Pipe.open(name).close();
      const fd = openSync(`/dev/shm/${name}`, 'r+');
      writeSync(fd, Buffer.from([2, 0, 0, 0]), 0, 4, 128); // STATE_CONDEMNED
      closeSync(fd);
      if (how === 'attach')
        expect(() => Pipe.attach(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
      using pipe = Pipe.open<string>(name, { capacity: 64 });
      expect(pipe.capacity).toBe(64);
      expect(inspect(name).condemned).toBe(false);
    }
  });

  /** A process takes the second end and is killed. */
  async function killed(name: string): Promise<number> {
    const peer = start(({ Pipe }, { args }) => {
      Pipe.open(args[0]!);
      process.kill(process.pid, 'SIGKILL');
    }, name);
    await peer.exited;
    return peer.pid;
  }
});

describe('damaged words are an error or a bounded wait, never a crash or an endless loop', () => {
  const WILD = [1, 4, 6, 8, 64, 0x7ffffff8, 0x80000000, 0xfffffff8, 0xffffffff, 0x40000001, 0x3fffffff];

  test.each([TAIL_AB, HEAD_AB, TAIL_BA, HEAD_BA, END_A, END_B])('word %d', async (index) => {
    for (const value of WILD) {
      const name = freshName();
      const pipe = Pipe.open<string>(name, { capacity: 64 });
      const second = Pipe.open<string>(name);
      pipe.sendSync('there');
      word(name, index, value);
      const tried: unknown[] = [];
      for (const one of [pipe, second]) {
        for (const call of [
          () => one.tryReceive(),
          () => one.receiveSync({ timeout: 5 }),
          () => one.pollSync(),
          () => one.trySend('x'),
          () => one.sendSync('x'.repeat(50), { timeout: 5 }),
          () => one.receive({ timeout: 5 }),
          () => one.send('x'.repeat(50), { timeout: 5 }),
          () => one.ended,
          () => Pipe.open(name).close(),
        ]) {
          try {
            tried.push(await call());
          } catch (error) {
            expect((error as { code?: string }).code).toMatch(/^ERR_ISTHMUS_/);
          }
        }
      }
      inspect(name);
      pipe.close();
      second.close();
    }
  });
});
