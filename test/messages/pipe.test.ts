// What a pipe carries, and who gets an end. Deaths are in pipe-deaths.test.ts.

import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, Pipe, RoleTakenError, TimeoutError, unlink } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, start } from '../processes/start.js';

const closed = expect.objectContaining({ code: 'ERR_ISTHMUS_CLOSED' });
const notOwner = expect.objectContaining({ code: 'ERR_ISTHMUS_NOT_OWNER' });
const timeout = expect.objectContaining({ code: 'ERR_ISTHMUS_TIMEOUT' });

describe.each(FORMS)('%s form', (form) => {
  const sync = form === 'Sync';
  const send = async (pipe: Pipe, message: unknown, wait?: { timeout: number }): Promise<void> =>
    sync ? pipe.sendSync(message, wait) : pipe.send(message, wait);
  const receive = async (pipe: Pipe, wait = { timeout: 20_000 }): Promise<unknown> =>
    sync ? pipe.receiveSync(wait) : pipe.receive(wait);
  const poll = async (pipe: Pipe, wait?: { timeout: number }): Promise<boolean> =>
    sync ? pipe.pollSync(wait) : pipe.poll(wait);

  test.each(['this process first', 'the other process first'])(
    'messages both ways between unrelated processes, %s',
    async (order) => {
      const name = freshName();
      const echo = () =>
        start(
          async ({ Pipe }, { args, say }) => {
            const [name, form] = args as unknown as [string, string];
            const pipe = Pipe.open(name);
            say();
            for (;;) {
              const message = form === 'Sync' ? pipe.receiveSync() : await pipe.receive();
              if (message === undefined) break;
              if (form === 'Sync') pipe.sendSync([message]);
              else await pipe.send([message]);
            }
          },
          name,
          form,
        );
      let peer = order.startsWith('this') ? undefined : echo();
      await peer?.said();
      using pipe = Pipe.open(name);
      const messages = [
        1,
        'two',
        { three: [3] },
        null,
        new Uint8Array([4]),
        Buffer.from('5'),
        new Date(6),
        7n,
      ];
      for (const message of messages) await send(pipe, message);
      peer ??= echo();
      for (const message of messages) expect(await receive(pipe)).toEqual([message]);
      pipe.end();
      await peer.done();
      expect(await receive(pipe)).toBe(undefined);
    },
  );

  test('messages are never merged or split, and empty ones are messages', async () => {
    const name = freshName();
    const peer = start(
      async ({ Pipe }, { args }) => {
        const [name, form] = args as unknown as [string, string];
        const pipe = Pipe.open<Uint8Array | string>(name, { capacity: 64 });
        for (let n = 0; n < 300; n++) {
          const messages = [new Uint8Array(n % 57).fill(n), '', new Uint8Array(0), 'x'.repeat(n % 50)];
          for (const message of messages) {
            if (form === 'Sync') pipe.sendSync(message);
            else await pipe.send(message);
          }
        }
      },
      name,
      form,
    );
    using pipe = Pipe.open(name, { capacity: 64 });
    for (let n = 0; n < 300; n++) {
      expect(await receive(pipe)).toEqual(new Uint8Array(n % 57).fill(n));
      expect(await receive(pipe)).toBe('');
      expect(await receive(pipe)).toEqual(new Uint8Array(0));
      expect(await receive(pipe)).toBe('x'.repeat(n % 50));
    }
    expect(await receive(pipe)).toBe(undefined);
    await peer.done();
  });

  test('an empty message counts for poll, which consumes nothing', async () => {
    const name = freshName();
    using a = Pipe.open(name);
    using b = Pipe.open(name);
    expect(await poll(b)).toBe(false);
    await send(a, '');
    await send(a, 'next');
    for (let n = 0; n < 3; n++) expect(await poll(b)).toBe(true);
    expect(await receive(b)).toBe('');
    expect(await poll(b, { timeout: 0 })).toBe(true);
    expect(await receive(b)).toBe('next');
    expect(await poll(b, { timeout: -1 })).toBe(false);
    expect(await poll(b, { timeout: 20 })).toBe(false);
    await expect(poll(b, { timeout: null as never })).rejects.toThrow(TypeError);
    await expect(poll(b, [] as never)).rejects.toThrow(TypeError);
    a.end();
    for (let n = 0; n < 2; n++) expect(await poll(b)).toBe(true);
    expect(await receive(b)).toBe(undefined);
    expect(await poll(b)).toBe(true);
  });

  test('poll with a timeout waits for a message of another process, and for the end', async () => {
    const name = freshName();
    using pipe = Pipe.open(name);
    const peer = start(async ({ Pipe }, { args, sleep, heard, say }) => {
      const pipe = Pipe.open(args[0]!);
      say();
      await sleep(100);
      pipe.sendSync('a');
      await heard();
    }, name);
    await peer.said();
    expect(await poll(pipe, { timeout: 30_000 })).toBe(true);
    expect(pipe.tryReceive()).toBe('a');
    setTimeout(() => peer.tell(), 50);
    if (sync) peer.tell(); // this thread is about to be blocked
    expect(await poll(pipe, { timeout: Number.POSITIVE_INFINITY })).toBe(true);
    expect(pipe.tryReceive()).toBe(undefined);
    expect(pipe.ended).toBe(true);
  });

  test('half-close: the other side drains and sees the end, and goes on sending', async () => {
    const name = freshName();
    const peer = start(
      async ({ Pipe }, { args, say }) => {
        const [name, form] = args as unknown as [string, string];
        const pipe = Pipe.open(name);
        say();
        const got = [];
        for (;;) {
          const message = form === 'Sync' ? pipe.receiveSync() : await pipe.receive();
          if (message === undefined) break;
          got.push(message);
        }
        pipe.sendSync(got);
        say(pipe.ended);
      },
      name,
      form,
    );
    using pipe = Pipe.open(name);
    await peer.said();
    await send(pipe, 'a');
    await send(pipe, 'b');
    pipe.end();
    pipe.end();
    await expect(send(pipe, 'c')).rejects.toThrow(closed);
    expect(() => pipe.trySend('c')).toThrow(closed);
    expect(await receive(pipe)).toEqual(['a', 'b']);
    expect(await peer.said()).toBe(true);
    await peer.done();
  });

  test('the other end closed: what it sent is received first, then the end; a send is refused, again and again', async () => {
    const name = freshName();
    using pipe = Pipe.open(name);
    await send(pipe, 'nobody will receive this one');
    const peer = start(({ Pipe }, { args }) => {
      const pipe = Pipe.open(args[0]!);
      for (let n = 0; n < 5; n++) pipe.sendSync(n);
      // an exit closes
    }, name);
    await peer.done();
    for (let n = 0; n < 3; n++) await expect(send(pipe, 'x')).rejects.toThrow(closed);
    expect(() => pipe.trySend('x')).toThrow(/the other end .* is closed/);
    expect(pipe.ended).toBe(false);
    for (let n = 0; n < 5; n++) expect(await receive(pipe)).toBe(n);
    for (let n = 0; n < 2; n++) expect(await receive(pipe)).toBe(undefined);
    expect(pipe.ended).toBe(true);
  });

  test('a blocked send is refused when the other end closes; a waiting receive sees the end', async () => {
    const name = freshName();
    const peer = start(
      async ({ Pipe }, { args, say }) => {
        const [name, form] = args as unknown as [string, string];
        const pipe = Pipe.open(name, { capacity: 64 });
        pipe.sendSync(new Uint8Array(56));
        say();
        const send = async () => (form === 'Sync' ? pipe.sendSync('x') : pipe.send('x'));
        const first = await send().catch((error) => error.code);
        say([first, form === 'Sync' ? pipe.receiveSync() : await pipe.receive()]);
      },
      name,
      form,
    );
    const pipe = Pipe.open(name, { capacity: 64 });
    await peer.said();
    await sleep(150); // asleep by now; if not, so much the better
    pipe.close();
    expect(await peer.said()).toEqual(['ERR_ISTHMUS_CLOSED', undefined]);
    await peer.done();
  });

  test('data sent by an end that closed is there for the other one, which nobody had opened yet', async () => {
    const name = freshName();
    await start(({ Pipe }, { args }) => {
      const pipe = Pipe.open(args[0]!, { capacity: '64KB' });
      for (let n = 0; n < 5; n++) pipe.sendSync({ n });
      pipe.close();
    }, name).done();
    using pipe = Pipe.open(name);
    for (let n = 0; n < 5; n++) expect(await receive(pipe)).toEqual({ n });
    expect(await receive(pipe)).toBe(undefined);
    await expect(send(pipe, 'x')).rejects.toThrow(closed);
  });

  test('a timeout loses nothing', async () => {
    const name = freshName();
    using a = Pipe.open<unknown>(name, { capacity: 64 });
    using b = Pipe.open<unknown>(name);
    await expect(receive(b, { timeout: 20 })).rejects.toThrow(timeout);
    await send(a, new Uint8Array(56));
    await expect(send(a, 'x', { timeout: 20 })).rejects.toThrow(timeout);
    await expect(send(a, 'x', { timeout: 0 })).rejects.toThrow(TimeoutError);
    expect(a.trySend('x')).toBe(false);
    expect(await receive(b)).toEqual(new Uint8Array(56));
    await send(a, 'y', { timeout: 0 });
    expect(await receive(b, { timeout: 0 })).toBe('y');
  });

  test('two scripts may be run twice: a finished pipe is replaced', async () => {
    const name = freshName();
    for (let run = 0; run < 3; run++) {
      const scripts = [0, 1].map(() =>
        start(
          async ({ Pipe }, { args, say }) => {
            const [name, form, run] = args as unknown as [string, string, number];
            const pipe = Pipe.open(name, { capacity: 64 * (run + 1) }); // not even the shape must agree
            pipe.sendSync(run);
            say(form === 'Sync' ? pipe.receiveSync() : await pipe.receive());
          },
          name,
          form,
          run,
        ),
      );
      expect([await scripts[0]!.said(), await scripts[1]!.said()]).toEqual([run, run]);
      for (const script of scripts) await script.done();
    }
    expect(() => Pipe.attach(name)).toThrow(/is finished/);
    unlink(name);
  });
});

describe('the ends', () => {
  test('a third opener is refused and told the pids; its refusal takes nothing away', async () => {
    const name = freshName();
    using pipe = Pipe.open(name);
    const peer = start(async ({ Pipe }, { args, say, heard }) => {
      const pipe = Pipe.open(args[0]!);
      say(pipe.name);
      await heard();
      say(pipe.tryReceive());
    }, name);
    expect(await peer.said()).toBe(`/${name}`);
    const third = start(({ Pipe }, { args, say }) => {
      for (const how of ['open', 'attach'] as const) {
        try {
          Pipe[how](args[0]!);
        } catch (error) {
          const { code, message, pid } = error as { code: string; message: string; pid: number };
          say([code, message, pid]);
        }
      }
    }, name);
    for (let n = 0; n < 2; n++) {
      const [code, message, pid] = await third.said<[string, string, number]>();
      expect(code).toBe('ERR_ISTHMUS_ROLE_TAKEN');
      expect(pid).toBe(process.pid);
      expect(message).toContain(`process ${process.pid} and process ${peer.pid}`);
    }
    await third.done();
    expect(() => Pipe.open(name)).toThrow(RoleTakenError);
    pipe.sendSync('still works');
    peer.tell();
    expect(await peer.said()).toBe('still works');
    await peer.done();
  });

  test('of many who open at once, two get an end', async () => {
    const name = freshName();
    const openers = Array.from({ length: 6 }, () =>
      start(async ({ Pipe }, { args, say, heard }) => {
        say();
        await heard();
        try {
          const pipe = Pipe.open(args[0]!);
          say('got one');
          await heard();
          pipe.close();
        } catch (error) {
          say((error as { code: string }).code);
        }
      }, name),
    );
    for (const opener of openers) await opener.said();
    for (const opener of openers) opener.tell();
    const answers = [];
    for (const opener of openers) answers.push(await opener.said());
    expect(answers.filter((answer) => answer === 'got one')).toHaveLength(2);
    expect(answers.filter((answer) => answer === 'ERR_ISTHMUS_ROLE_TAKEN')).toHaveLength(4);
  });

  test('many who open a finished pipe at once: one new pipe, two get an end', async () => {
    const name = freshName();
    for (let round = 0; round < 3; round++) {
      const a = Pipe.open(name);
      a.sendSync('of the old one');
      const b = Pipe.open(name);
      a.close();
      b.close();
      const openers = Array.from({ length: 4 }, () =>
        start(async ({ Pipe }, { args, say, heard }) => {
          say();
          await heard();
          try {
            const pipe = Pipe.open(args[0]!);
            say(pipe.tryReceive() ?? 'nothing old');
            await heard();
            pipe.close();
          } catch (error) {
            say((error as { code: string }).code);
          }
        }, name),
      );
      for (const opener of openers) await opener.said();
      for (const opener of openers) opener.tell();
      const answers = [];
      for (const opener of openers) answers.push(await opener.said());
      expect(answers.sort()).toEqual([
        'ERR_ISTHMUS_ROLE_TAKEN',
        'ERR_ISTHMUS_ROLE_TAKEN',
        'nothing old',
        'nothing old',
      ]);
      for (const opener of openers) opener.tell();
      for (const opener of openers) await opener.done();
    }
  });

  test('an end that was closed is closed for good while the other one is in use', () => {
    const name = freshName();
    const a = Pipe.open(name);
    const b = Pipe.open(name);
    b.close();
    expect(() => Pipe.open(name)).toThrow(closed);
    expect(() => Pipe.attach(name)).toThrow(/unlink it first/);
    a.close();
    using again = Pipe.open(name);
    expect(again.trySend(1)).toBe(true);
  });

  test("lifetime 'attached': it goes with the last end, or is found when both sides were killed", async () => {
    const name = freshName();
    const a = Pipe.open<string>(name, { lifetime: 'attached' });
    const b = Pipe.open<string>(name);
    a.sendSync('x');
    a.close();
    expect(b.receiveSync()).toBe('x');
    b.close();
    expect(() => inspect(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    const dead = start(({ Pipe }, { args }) => {
      for (const _ of [1, 2]) Pipe.open(args[0]!, { lifetime: 'attached' }).sendSync('old');
      process.kill(process.pid, 'SIGKILL');
    }, name);
    await dead.exited;
    using again = Pipe.open<string>(name, { lifetime: 'attached' });
    expect(again.tryReceive()).toBe(undefined);
  });

  test('create, attach and open: EEXIST, ENOENT, shapes that disagree', () => {
    const name = freshName();
    expect(() => Pipe.attach(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    using a = Pipe.create<number>(name, { capacity: '64KB', codec: 'json' });
    expect(() => Pipe.create(name)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    const mismatch = expect.objectContaining({ code: 'ERR_ISTHMUS_MISMATCH' });
    expect(() => Pipe.open(name, { capacity: 64 })).toThrow(mismatch);
    expect(() => Pipe.open(name, { codec: 'v8' })).toThrow(mismatch);
    expect(() => Pipe.open(name, { duplex: false })).toThrow(mismatch);
    expect(() => Pipe.open(name, { end: 'send' })).toThrow(mismatch);
    using b = Pipe.attach<number>(name);
    expect([a.capacity, b.codec, b.maxMessageBytes, b.sends, b.receives]).toEqual([
      65_536,
      'json',
      65_528,
      true,
      true,
    ]);
    expect(() => Pipe.open(freshName(), { duplex: 1 as never })).toThrow(TypeError);
    expect(() => Pipe.open(freshName(), { duplex: true, end: 'send' })).toThrow(RangeError);
    expect(() => Pipe.open(freshName(), { duplex: false, end: 'both' as never })).toThrow(RangeError);
    expect(() => Pipe.open(freshName(), { peerDeath: 'x' as never })).toThrow(RangeError);
    expect(() => Pipe.open(freshName(), { dupelx: false } as never)).toThrow(/did you mean 'duplex'/);
  });

  test('messages that cannot be sent change nothing', () => {
    const name = freshName();
    using a = Pipe.open<unknown>(name, { capacity: 64 });
    using b = Pipe.open<unknown>(name);
    expect(() => a.trySend(undefined)).toThrow(TypeError);
    expect(() => a.sendSync(() => undefined)).toThrow(TypeError);
    expect(() => a.sendSync(new Uint8Array(57))).toThrow(RangeError);
    expect(b.tryReceive()).toBe(undefined);
    a.sendSync(new Uint8Array(56));
    expect(b.tryReceive()).toEqual(new Uint8Array(56));
  });

  test('positions wrap in both directions', () => {
    for (const startPosition of [2 ** 31 - 64, 2 ** 32 - 64]) {
      const name = freshName();
      using a = Pipe.open<string>(name, { capacity: 72, startPosition });
      using b = Pipe.open<string>(name);
      for (let n = 0; n < 100; n++) {
        a.sendSync(`to b ${n}`);
        b.sendSync(`to a ${n}`);
        expect([a.tryReceive(), b.tryReceive()]).toEqual([`to a ${n}`, `to b ${n}`]);
      }
    }
  });

  test('for await ends with the pipe; waits serve in the order of the calls', async () => {
    const name = freshName();
    using a = Pipe.open<number>(name, { capacity: 64 });
    using b = Pipe.open<number>(name);
    const sends = Array.from({ length: 50 }, (_, n) => a.send(n));
    const receives = [b.receive(), b.receive()];
    expect(await Promise.all(receives)).toEqual([0, 1]);
    const got: number[] = [];
    void Promise.all(sends).then(() => a.close());
    for await (const message of b) got.push(message);
    expect(got).toEqual(Array.from({ length: 48 }, (_, n) => n + 2));
  });

  test('a signal ends a wait', async () => {
    using pipe = Pipe.open<string>(freshName(), { capacity: 64 });
    const abort = new AbortController();
    pipe.sendSync('x'.repeat(56));
    const waits = [
      pipe.receive({ signal: abort.signal }),
      pipe.poll({ timeout: 60_000, signal: abort.signal }),
      pipe.send('y', { signal: abort.signal }),
    ];
    const reason = new Error('enough');
    setTimeout(() => abort.abort(reason), 20);
    for (const wait of waits) await expect(wait).rejects.toBe(reason);
  });

  test('close ends pending waits; afterwards everything throws ClosedError', async () => {
    const pipe = Pipe.open<string>(freshName(), { capacity: 64 });
    pipe.sendSync('x'.repeat(56));
    const waits = [pipe.receive(), pipe.send('y'), pipe.poll({ timeout: 60_000 })];
    pipe.close();
    pipe.close();
    for (const wait of waits) await expect(wait).rejects.toThrow(closed);
    expect(pipe.closed).toBe(true);
    for (const call of [
      () => pipe.trySend('x'),
      () => pipe.sendSync('x'),
      () => pipe.tryReceive(),
      () => pipe.receiveSync(),
      () => pipe.pollSync(),
      () => pipe.end(),
      () => pipe.ended,
      () => pipe.duplex(),
      () => pipe.port(),
      () => pipe.webReadable(),
    ])
      expect(call).toThrow(closed);
    await expect(pipe.send('x')).rejects.toThrow(closed);
    await expect(pipe.receive()).rejects.toThrow(closed);
    await expect(pipe.poll()).rejects.toThrow(closed);
  });

  test('unref lets the process go while it waits', async () => {
    const peer = start(({ Pipe }, { args }) => {
      void Pipe.open(args[0]!).unref().receive();
    }, freshName());
    await peer.done();
  });
});

describe('a one-way pipe', () => {
  test('the first opener receives, the second sends; the other way round is refused', async () => {
    const name = freshName();
    using reader = Pipe.open<string>(name, { duplex: false });
    const peer = start(async ({ Pipe }, { args, say }) => {
      const writer = Pipe.open<string>(args[0]!, { duplex: false });
      writer.sendSync('a');
      const codes: unknown[] = [];
      for (const call of [
        () => writer.tryReceive(),
        () => writer.receiveSync(),
        () => writer.pollSync(),
        () => writer.readable(),
        () => writer.port(),
      ]) {
        try {
          codes.push(call());
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      }
      codes.push(await writer.receive().catch((error) => error.message));
      say([writer.sends, writer.receives, writer.ended, codes]);
    }, name);
    const [sends, receives, ended, codes] = await peer.said<[boolean, boolean, boolean, string[]]>();
    expect([sends, receives, ended]).toEqual([true, false, true]);
    expect(codes.slice(0, 5)).toEqual(Array(5).fill('ERR_ISTHMUS_NOT_OWNER'));
    expect(codes[5]).toContain('this end of');
    expect(codes[5]).toContain('only sends');
    expect([reader.sends, reader.receives]).toEqual([false, true]);
    for (const call of [() => reader.trySend('x'), () => reader.sendSync('x'), () => reader.end()])
      expect(call).toThrow(notOwner);
    await expect(reader.send('x')).rejects.toThrow(/only receives/);
    expect(await reader.receive()).toBe('a');
    expect(await reader.receive()).toBe(undefined);
    await peer.done();
  });

  test('either end by name, in any order; each once', () => {
    const name = freshName();
    const writer = Pipe.open<string>(name, { end: 'send' });
    expect(() => Pipe.open(name, { end: 'send' })).toThrow(/the end to send taken already/);
    const reader = Pipe.attach<string>(name, { end: 'receive' });
    expect(() => Pipe.attach(name, { end: 'receive' })).toThrow(RoleTakenError);
    expect(() => Pipe.open(name)).toThrow(RoleTakenError);
    writer.sendSync('a');
    writer.close();
    expect(() => Pipe.open(name, { end: 'send' })).toThrow(closed);
    expect([reader.receiveSync(), reader.receiveSync()]).toEqual(['a', undefined]);
    reader.close();
    using again = Pipe.open<string>(name, { end: 'send' }); // finished, so a new one
    expect(again.trySend('b')).toBe(true);
  });

  test('a send is refused once the reader has closed', () => {
    const name = freshName();
    const reader = Pipe.open<string>(name, { duplex: false });
    using writer = Pipe.open<string>(name);
    reader.close();
    expect(() => writer.sendSync('x')).toThrow(closed);
  });

  test('it holds one ring, a duplex pipe two; inspect tells who has which end', () => {
    const name = freshName();
    using reader = Pipe.open<string>(name, { duplex: false, capacity: '64KB' });
    using other = Pipe.open<string>(`${name}-2`, { capacity: '64KB' });
    expect(inspect(name).header).toMatchObject({ payloadBytes: 65_536 });
    expect(inspect(`${name}-2`).header).toMatchObject({ payloadBytes: 131_072 });
    const owner = { pid: process.pid, thread: 0, alive: true };
    expect(inspect(name).contents).toEqual({
      capacity: 65_536,
      toB: 0,
      toA: undefined,
      closed: [],
      finished: false,
      a: undefined,
      b: owner,
    });
    other.sendSync('12345678');
    expect(inspect(`${name}-2`).contents).toMatchObject({ toB: 16, toA: 0, a: owner, b: undefined });
    unlink(`${name}-2`);
    expect(reader.closed).toBe(false);
  });
});
