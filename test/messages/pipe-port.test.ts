// A pipe's end as a MessagePort.

import { once } from 'node:events';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CorruptError, PeerDiedError, Pipe, type PipePort, unlink } from 'isthmus';
import { expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';

function ports(capacity = 65_536): [PipePort, PipePort, string] {
  const name = freshName();
  return [Pipe.open(name, { capacity }).port(), Pipe.open(name).port(), name];
}

const closing = (port: PipePort): Promise<unknown> =>
  new Promise((resolve) => port.once('close', (reason) => resolve(reason)));

test('between unrelated processes: onmessage here, on there', async () => {
  const name = freshName();
  const peer = start(({ Pipe }, { args }) => {
    const port = Pipe.open<unknown>(args[0]!).port();
    port.on('message', (value) => port.postMessage(['echo', value]));
  }, name);
  const port = Pipe.open<unknown>(name).port();
  const got: unknown[] = [];
  const all = new Promise<void>((resolve) => {
    port.onmessage = (event) => {
      expect(event).toBeInstanceOf(MessageEvent);
      got.push(event.data);
      if (got.length === 4) resolve();
    };
  });
  const messages = [1, { two: [2] }, 'three', null];
  for (const message of messages) port.postMessage(message);
  await all;
  expect(got).toEqual(messages.map((message) => ['echo', message]));
  port.close(); // and so the other one closes, and its process ends
  await peer.done();
});

test('nothing is delivered before start; addEventListener does not start, onmessage and on do', async () => {
  const [a, b] = ports();
  for (const n of [1, 2, 3]) a.postMessage(n);
  const events: unknown[] = [];
  b.addEventListener('message', (event) => events.push((event as MessageEvent).data));
  await sleep(20);
  expect(events).toEqual([]);
  b.start();
  b.start();
  while (events.length < 3) await sleep(1);
  expect(events).toEqual([1, 2, 3]);
  b.postMessage('x');
  const [value] = await new Promise<unknown[]>((resolve) => a.once('message', (...all) => resolve(all)));
  expect(value).toBe('x');
  a.close();
  await closing(b);
});

test('on, once, off; onmessage may be replaced and taken away', async () => {
  const [a, b] = ports();
  const got: unknown[] = [];
  const on = (value: unknown): void => void got.push(['on', value]);
  const never = (): void => void got.push('never');
  b.onmessage = never;
  b.onmessage = (event) => got.push(['onmessage', event.data]);
  b.on('message', on);
  b.on('message', on); // once is enough
  b.once('message', (value) => got.push(['once', value]));
  b.on('message', never);
  b.off('message', never);
  b.removeListener('message', never);
  a.postMessage(1);
  while (got.length < 3) await sleep(1);
  expect(got.splice(0)).toEqual([
    ['onmessage', 1],
    ['on', 1],
    ['once', 1],
  ]);
  b.onmessage = null;
  expect(b.onmessage).toBe(null);
  a.postMessage(2);
  while (got.length < 1) await sleep(1);
  expect(got).toEqual([['on', 2]]);
  expect(() => b.on('message', 5 as never)).toThrow(TypeError);
  a.close();
  await closing(b);
});

test('postMessage never blocks: what has no room waits, in order, as it was when it was posted', async () => {
  const [a, b] = ports(64);
  const message = { n: 0 };
  for (; message.n < 200; message.n++) a.postMessage(message);
  const got: number[] = [];
  b.on('message', (value) => got.push((value as { n: number }).n));
  a.close(); // after what was posted has been sent
  a.postMessage('after close: nothing happens');
  await closing(b);
  expect(got).toEqual(Array.from({ length: 200 }, (_, n) => n));
});

test('what waits to be sent keeps the process alive, also one that closed and unrefs', async () => {
  const name = freshName();
  const peer = start(({ Pipe }, { args }) => {
    const port = Pipe.open<string>(args[0]!, { capacity: 64 }).port();
    port.unref();
    port.onmessage = () => undefined;
    for (let n = 0; n < 20; n++) port.postMessage(`message ${n}`);
    port.close();
  }, name);
  await sleep(300);
  const pipe = Pipe.open<string>(name, { capacity: 64 });
  const got: string[] = [];
  for await (const one of pipe) got.push(one);
  expect(got).toEqual(Array.from({ length: 20 }, (_, n) => `message ${n}`));
  pipe.close();
  await peer.done();
});

test('an unref-ed port lets the process go', async () => {
  const peer = start(({ Pipe }, { args }) => {
    const port = Pipe.open(args[0]!).port();
    port.unref().on('message', () => undefined);
  }, freshName());
  await peer.done();
});

test('a transfer list must be empty; what cannot be sent throws and changes nothing', async () => {
  const [a, b] = ports(64);
  const buffer = new ArrayBuffer(8);
  expect(() => a.postMessage('x', [buffer])).toThrow(/nothing can be transferred/);
  expect(() => a.postMessage('x', { transfer: [buffer] })).toThrow(TypeError);
  expect(() => a.postMessage('x', 5 as never)).not.toThrow(); // no list in it
  a.postMessage('y', []);
  a.postMessage('z', {});
  expect(() => a.postMessage(undefined)).toThrow(TypeError);
  expect(() => a.postMessage(() => undefined)).toThrow(TypeError);
  expect(() => a.postMessage(new Uint8Array(57))).toThrow(RangeError);
  const got: unknown[] = [];
  b.on('message', (value) => got.push(value));
  a.close();
  await closing(b);
  expect(got).toEqual(['x', 'y', 'z']);
});

test('close is told once, on both sides, and ends delivery', async () => {
  const [a, b] = ports();
  const got: unknown[] = [];
  let closes = 0;
  a.onclose = () => closes++;
  b.addEventListener('close', () => closes++);
  b.on('message', (value) => {
    got.push(value);
    b.close();
  });
  a.start();
  a.postMessage(1);
  a.postMessage(2);
  await Promise.all([closing(a), once(b, 'close')]);
  a.close();
  b.close();
  await sleep(20);
  expect([got, closes, a.reason, b.reason]).toEqual([[1], 2, undefined, undefined]);
});

test('the other process killed: a started port closes and says why; after what it sent', async () => {
  const name = freshName();
  const pipe = Pipe.open(name); // first: whoever comes after a death takes the dead one's end
  const port = pipe.port();
  const peer = start(({ Pipe }, { args }) => {
    Pipe.open(args[0]!).port().postMessage('last words');
    process.kill(process.pid, 'SIGKILL');
  }, name);
  const got: unknown[] = [];
  port.on('message', (value) => got.push(value));
  expect(await closing(port)).toBeInstanceOf(PeerDiedError);
  expect(port.reason).toBeInstanceOf(PeerDiedError);
  expect([got, pipe.closed]).toEqual([['last words'], true]);
  await peer.exited;
});

test("with peerDeath 'wait' a port serves the dead one's successor", async () => {
  const name = freshName();
  const port = Pipe.open(name, { peerDeath: 'wait' }).port();
  const got: unknown[] = [];
  port.on('message', (value) => got.push(value));
  for (const n of [1, 2]) {
    const peer = start(
      ({ Pipe }, { args }) => {
        Pipe.open<unknown>(args[0]!).sendSync(args[1]!);
        process.kill(process.pid, 'SIGKILL');
      },
      name,
      n,
    );
    await peer.exited;
    while (got.length < n) await sleep(1);
  }
  expect(got).toEqual([1, 2]);
  port.close();
});

test('a message that makes no sense is a messageerror, and the next one comes', async () => {
  const [a, b, name] = ports();
  a.postMessage('spoilt');
  a.postMessage('good');
  const fd = openSync(`/dev/shm/${name}`, 'r+');
  const offset = Buffer.alloc(8);
  readSync(fd, offset, 0, 8, 32);
  writeSync(fd, Buffer.from([255]), 0, 1, Number(offset.readBigUInt64LE()) + 4); // its type
  closeSync(fd);
  const got: unknown[] = [];
  b.onmessageerror = (event) => got.push(event.data);
  b.on('messageerror', (error) => got.push(error));
  b.on('message', (value) => got.push(value));
  a.close();
  await closing(b);
  expect(got).toEqual([expect.any(CorruptError), expect.any(CorruptError), 'good']);
  expect(b.reason).toBe(undefined);
});

test('a pipe that is closed under its port; a one-way pipe has none', async () => {
  const name = freshName();
  const pipe = Pipe.open(name, { capacity: 64 });
  const port = pipe.port();
  port.on('message', () => undefined);
  port.postMessage('x'.repeat(56));
  port.postMessage('waits');
  const told = closing(port);
  pipe.close();
  expect(await told).toBe(undefined);
  port.postMessage('nothing happens');
  unlink(name);
  using oneWay = Pipe.open(freshName(), { duplex: false });
  expect(() => oneWay.port()).toThrow(/only receives/);
});
