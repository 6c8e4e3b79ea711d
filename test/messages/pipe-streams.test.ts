// A pipe's end as Node and Web streams; a queue's ends as Web streams.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pipe, SpscQueue } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The bytes in chunks of this size. */
function* chunksOf(data: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

describe('duplex()', () => {
  test('pipeline there and back through another process, 20 MB byte-exact', async () => {
    const name = freshName();
    const peer = start(async ({ Pipe }, { args, require }) => {
      const { Transform } = require('node:stream') as typeof import('node:stream');
      const { pipeline } = require('node:stream/promises') as typeof import('node:stream/promises');
      const stream = Pipe.open(args[0]!, { capacity: '256KB' }).duplex();
      const invert = new Transform({
        transform: (chunk: Buffer, _encoding, done) =>
          done(
            null,
            chunk.map((byte) => ~byte),
          ),
      });
      await pipeline(stream, invert, stream);
    }, name);
    const data = randomBytes(20_000_000);
    const stream = Pipe.open(name, { capacity: '256KB' }).duplex();
    const back: Buffer[] = [];
    const collect = new Writable({
      write(chunk, _encoding, done) {
        back.push(chunk);
        if (back.length % 100 === 0) setTimeout(done, 1);
        else done();
      },
    });
    // Chunks larger than the pipe, too.
    const source = Readable.from(chunksOf(data, 300_000), { objectMode: false });
    await Promise.all([pipeline(source, stream), pipeline(stream, collect)]);
    const expected = Buffer.from(data.map((byte) => ~byte));
    expect(hash(Buffer.concat(back))).toBe(hash(expected));
    await peer.done();
  });

  test('half-open: it goes on reading after its end, and writing after the other end has ended', async () => {
    const name = freshName();
    const pipe = Pipe.open<string>(name);
    const stream = pipe.duplex({ objectMode: true });
    using other = Pipe.open<string>(name);
    stream.end('last');
    expect(await other.receive()).toBe('last');
    expect(await other.receive()).toBe(undefined);
    other.sendSync('still comes');
    expect((await once(stream, 'data'))[0]).toBe('still comes');
    expect(pipe.closed).toBe(false);
    other.end();
    await once(stream, 'close'); // both directions have ended
    expect(pipe.closed).toBe(true);

    const second = Pipe.open<string>(`${name}-2`).duplex({ objectMode: true });
    const far = Pipe.open<string>(`${name}-2`);
    far.end();
    second.resume();
    await once(second, 'end');
    second.write('after the end');
    expect(await far.receive()).toBe('after the end');
    far.close();
    second.destroy();
    (await import('isthmus')).unlink(`${name}-2`);
  });

  test('allowHalfOpen: false ends the writing side with the reading one', async () => {
    const name = freshName();
    const stream = Pipe.open(name).duplex({ allowHalfOpen: false });
    using other = Pipe.open(name);
    stream.resume();
    other.end();
    await once(stream, 'close');
    expect(await other.receive()).toBe(undefined);
    expect(stream.writableFinished).toBe(true);
  });

  test('it does not accept more than the pipe has room for', async () => {
    const name = freshName();
    const stream = Pipe.open<string>(name, { capacity: 64 }).duplex({ objectMode: true, highWaterMark: 2 });
    using other = Pipe.open<string>(name);
    const messages = ['1', '2', '3', '4', '5', '6', '7', '8'];
    let drained = false;
    stream.on('drain', () => {
      drained = true;
    });
    for (const message of messages) stream.write(message);
    await sleep(50);
    expect([stream.writableNeedDrain, drained]).toEqual([true, false]);
    stream.end();
    const got: string[] = [];
    for await (const message of other) got.push(message);
    expect(got).toEqual(messages);
    stream.destroy();
  });

  test('destroy in the middle closes the end: the other side drains, sees the end, and its sends are refused', async () => {
    const name = freshName();
    const peer = start(async ({ Pipe }, { args, say }) => {
      const pipe = Pipe.open<Uint8Array>(args[0]!, { capacity: '64KB' });
      say();
      let bytes = 0;
      for await (const chunk of pipe) bytes += chunk.length;
      say(bytes);
      // The end is told a moment before the closing is complete: what is sent in between is lost, as in a socket.
      let refused: string | undefined;
      while (refused === undefined)
        refused = await pipe.send(new Uint8Array(1)).then(
          () => undefined,
          (error) => error.code,
        );
      say(refused);
    }, name);
    await peer.said();
    const pipe = Pipe.open(name, { capacity: '64KB' });
    const stream = pipe.duplex();
    let written = 0;
    const endless = new Readable({
      read() {
        written += 10_000;
        if (written > 300_000) this.destroy(new Error('the source broke'));
        else this.push(Buffer.alloc(10_000));
      },
    });
    await expect(pipeline(endless, stream)).rejects.toThrow('the source broke');
    expect(stream.destroyed).toBe(true);
    expect(pipe.closed).toBe(true);
    expect(await peer.said()).toBeLessThanOrEqual(300_000);
    expect(await peer.said()).toBe('ERR_ISTHMUS_CLOSED');
    await peer.done();
  });

  test('errors come through pipeline: the other side killed, the other side closed while we write', async () => {
    const name = freshName();
    const peer = start(async ({ Pipe }, { args, say }) => {
      const pipe = Pipe.open(args[0]!, { capacity: '64KB' });
      await pipe.receive();
      say();
      setInterval(() => pipe.name, 1000);
    }, name);
    const zeros = new Readable({
      read() {
        this.push(Buffer.alloc(10_000));
      },
    });
    const stream = Pipe.open(name, { capacity: '64KB' }).duplex();
    const result = pipeline(zeros, stream);
    await peer.said();
    peer.kill();
    await expect(result).rejects.toThrow(expect.objectContaining({ code: 'ERR_ISTHMUS_PEER_DIED' }));
    expect(zeros.destroyed).toBe(true);

    const second = `${name}-2`;
    const far = Pipe.open(second, { capacity: 64 });
    const writing = pipeline(Readable.from(['a'.repeat(1000)]), Pipe.open(second).duplex());
    await far.receive();
    far.close();
    await expect(writing).rejects.toThrow(expect.objectContaining({ code: 'ERR_ISTHMUS_CLOSED' }));
    (await import('isthmus')).unlink(second);
  });

  test('a one-way pipe has one side; readable and writable leave the end open', async () => {
    const name = freshName();
    using reader = Pipe.open(name, { duplex: false });
    const writer = Pipe.open(name);
    const [input, output] = [reader.duplex(), writer.duplex()];
    expect([input.readable, input.writable, output.readable, output.writable]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    output.end('text');
    expect(Buffer.concat(await input.toArray()).toString()).toBe('text');
    while (!writer.closed) await sleep(1);

    const both = `${name}-2`;
    using a = Pipe.open<string>(both);
    using b = Pipe.open<string>(both);
    a.writable().destroy();
    b.readable().destroy();
    const written = a.writable({ objectMode: true });
    written.write('one message');
    expect(await b.receive()).toBe('one message');
    expect(() => a.duplex({ objectmode: true } as never)).toThrow(/did you mean 'objectMode'/);
    (await import('isthmus')).unlink(both);
  });
});

describe('Web streams', () => {
  /** Two ends of the same: a way for messages in, and one out. */
  const WAYS = {
    'of a queue': (name: string, capacity: number) => ({
      writer: SpscQueue.producer<unknown>(name, { capacity }),
      reader: SpscQueue.consumer<unknown>(name),
    }),
    'of a pipe': (name: string, capacity: number) => ({
      writer: Pipe.open<unknown>(name, { capacity }),
      reader: Pipe.open<unknown>(name),
    }),
  };

  describe.each(Object.keys(WAYS))('%s', (way) => {
    const make = WAYS[way as keyof typeof WAYS];

    test('pipeTo carries bytes exactly and ends', async () => {
      const { writer, reader } = make(freshName(), 65_536);
      const data = randomBytes(2_000_000);
      const got: Uint8Array[] = [];
      const source = new ReadableStream<unknown>({
        start(controller) {
          for (const chunk of chunksOf(data, 150_000)) controller.enqueue(chunk);
          controller.close();
        },
      });
      const target = new WritableStream<unknown>({
        write: (chunk) => void got.push(chunk as Uint8Array),
      });
      await Promise.all([
        source.pipeTo(writer.webWritable() as never),
        (reader.webReadable() as never as typeof source).pipeTo(target),
      ]);
      expect(hash(Buffer.concat(got))).toBe(hash(data));
      writer.close();
      reader.close();
    });

    test('messages as chunks; back-pressure', async () => {
      const { writer, reader } = make(freshName(), 64);
      const sink = writer.webWritable({ objectMode: true, highWaterMark: 1 }).getWriter();
      const writes = Array.from({ length: 20 }, (_, n) => sink.write({ n }));
      let done = 0;
      for (const one of writes) void one.then(() => done++);
      await sleep(50);
      expect(done).toBeLessThan(20);
      expect(sink.desiredSize).toBeLessThanOrEqual(0);
      void sink.close();
      const got: unknown[] = [];
      for await (const chunk of reader.webReadable({ objectMode: true })) got.push(chunk);
      expect(got).toEqual(Array.from({ length: 20 }, (_, n) => ({ n })));
      writer.close();
      reader.close();
    });

    test('cancel and abort leave the handle usable', async () => {
      const { writer, reader } = make(freshName(), 64);
      const readable = reader.webReadable({ objectMode: true }).getReader();
      const read = readable.read();
      await sleep(20);
      await readable.cancel();
      expect(await read).toEqual({ done: true, value: undefined });
      const sink = writer.webWritable({ objectMode: true }).getWriter();
      await sink.write('first');
      const closed = sink.closed.catch((error) => error.message);
      const blocked = sink.write('x'.repeat(56)).catch((error) => error.message);
      await sleep(20);
      await sink.abort(new Error('mine')).catch(() => undefined);
      expect(await closed).toBe('mine');
      expect(await blocked).toBe('mine');
      const get = (): unknown => ('tryGet' in reader ? reader.tryGet() : reader.tryReceive());
      expect(get()).toBe('first');
      if ('tryPut' in writer) writer.putSync('still works');
      else writer.sendSync('still works');
      expect(get()).toBe('still works');
      writer.close();
      reader.close();
    });

    test('errors come through', async () => {
      const { writer, reader } = make(freshName(), 64);
      const sink = writer.webWritable({ objectMode: true }).getWriter();
      const closed = sink.closed.catch((error) => error);
      await expect(sink.write('x'.repeat(57))).rejects.toThrow(RangeError);
      expect(await closed).toBeInstanceOf(RangeError);
      if ('tryPut' in writer) writer.putManySync([null, { no: 'bytes' }]);
      else for (const message of [null, { no: 'bytes' }]) writer.sendSync(message);
      const objects = reader.webReadable({ objectMode: true }).getReader();
      expect(await objects.read()).toEqual({ done: false, value: null }); // unlike Node's, these can carry it
      await objects.cancel();
      await expect(reader.webReadable().getReader().read()).rejects.toThrow(TypeError);
      writer.close();
      reader.close();
    });
  });

  test('between unrelated processes', async () => {
    const name = freshName();
    const peer = start(async ({ Pipe }, { args }) => {
      const pipe = Pipe.open(args[0]!, { capacity: '64KB' });
      const { readable, writable } = new TransformStream<unknown, unknown>();
      await Promise.all([
        (pipe.webReadable() as never as typeof readable).pipeTo(writable),
        readable.pipeTo(pipe.webWritable() as never as typeof writable),
      ]);
    }, name);
    using pipe = Pipe.open(name, { capacity: '64KB' });
    const data = randomBytes(1_000_000);
    const source = Readable.from(chunksOf(data, 50_000), { objectMode: false });
    const through = new PassThrough();
    const copy = new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) });
    const written = pipeline(source, copy, through, pipe.writable());
    const got: Uint8Array[] = [];
    for await (const chunk of pipe.webReadable()) got.push(chunk as Uint8Array);
    await written;
    expect(hash(Buffer.concat(got))).toBe(hash(data));
    await peer.done();
  });
});
