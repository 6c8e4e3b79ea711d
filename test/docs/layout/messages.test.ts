// SpscQueue, Queue and Pipe in /dev/shm as docs/layout.md says.

import { Buffer } from 'node:buffer';
import { Pipe, Queue, SpscQueue } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { numbers } from './document.js';
import { constant, freshName, keep, Reader, schemaKeys } from './reader.js';

describe('messages as the document says', () => {
  test('an SpscQueue: positions, roles, frames of every type, over the end of the ring', () => {
    // So near 2^32 that the positions wrap, at a place in the ring where a frame runs over its end.
    const start = 2 ** 32 - 24;
    const queue = keep(
      SpscQueue.create(freshName(), { capacity: 4096, codec: 'json', startPosition: start }),
    );
    const words = numbers('words: RING') as Record<
      'TAIL' | 'HEAD' | 'PRODUCER' | 'CONSUMER' | 'START',
      number
    >;
    const types = numbers('names: FRAME');
    const empty = new Reader(queue.name);
    expect(empty.kind).toBe('spsc');
    expect(Object.keys(empty.schema).sort()).toEqual(schemaKeys('spsc'));
    expect(empty.schema).toEqual({ capacity: 4096, codec: 'json' });
    expect(empty.field('FLAGS')).toBe(constant('FLAG_MIRRORED'));
    expect(empty.field('PAYLOAD_BYTES')).toBe(constant('RING_LEAST'));
    for (const word of [words.TAIL, words.HEAD, words.START])
      expect(empty.word('WORDS_OFFSET', word)).toBe(start);
    for (const word of [words.PRODUCER, words.CONSUMER]) expect(empty.word('WORDS_OFFSET', word)).toBe(0);

    const producer = keep(queue.producer());
    producer.putSync('a message that is longer than 24 bytes: ä');
    producer.putSync('alone \ud800');
    producer.putSync(new Uint8Array([1, 2, 3]));
    producer.putSync(Buffer.from('buffer'));
    producer.putSync('');
    producer.putSync({ n: [1, null] });
    producer.end();

    const file = new Reader(queue.name);
    const owner = file.word('WORDS_OFFSET', words.PRODUCER) & constant('OWNER_MASK');
    const slot = owner & 0x3ff;
    expect(owner >>> 10).toBe(file.slot(slot, 'GENERATION'));
    expect(file.slot(slot, 'PID')).toBe(process.pid);

    const tail = file.word('WORDS_OFFSET', words.TAIL);
    const head = file.word('WORDS_OFFSET', words.HEAD);
    expect(tail & constant('FLAGS')).toBe(constant('ENDED'));
    expect(head & constant('FLAGS')).toBe(0);
    const size = file.field('PAYLOAD_BYTES');
    const twice = Buffer.concat([file.payload, file.payload]); // as if mapped twice in a row
    const used = ((tail & ~constant('FLAGS')) - (head & ~constant('FLAGS'))) >>> 0;
    expect(used).toBe(queue.used);
    const messages: [number, string][] = [];
    for (let done = 0; done < used; ) {
      const at = ((head & ~constant('FLAGS')) + done) & (size - 1);
      const length = twice.readUInt32LE(at);
      const bytes = twice.subarray(at + constant('FRAME_BYTES'), at + constant('FRAME_BYTES') + length);
      messages.push([twice.readUInt32LE(at + 4), bytes.toString('latin1')]);
      done += constant('FRAME_BYTES') + Math.ceil(length / 8) * 8;
    }
    expect(messages).toEqual([
      [types.UTF8, Buffer.from('a message that is longer than 24 bytes: ä').toString('latin1')],
      [types.UTF16, Buffer.from('alone \ud800', 'utf16le').toString('latin1')],
      [types.BYTES, '\x01\x02\x03'],
      [types.BUFFER, 'buffer'],
      [types.UTF8, ''],
      [types.CODEC, '{"n":[1,null]}'],
    ]);
  });

  test('a Queue: positions, jobs, chains of blocks', () => {
    const limits = { capacity: 1024, maxItems: 9, maxJobs: 3, maxAttempts: 7 };
    const deadLetter = freshName().slice(0, 60);
    const queue = keep(Queue.create<unknown>(freshName(), { ...limits, codec: 'json', deadLetter }));
    const at = numbers('words: QUEUE');
    const flags = numbers('constants of lib/messages/queue-layout.ts');
    const types = numbers('names: FRAME');
    const jobWords = numbers('words: JOB');
    const blockWords = numbers('words: BLOCK');

    const long = 'x'.repeat(150);
    queue.putSync('got');
    queue.putManySync([long, { n: [1, null] }]);
    queue.putSync(new Uint8Array([1, 2, 3]));
    queue.putSync('');
    expect(queue.getSync()).toBe('got');
    const job = queue.takeSync()!;
    const back = queue.takeSync()!;
    back.retry();

    const file = new Reader(queue.name);
    expect(file.kind).toBe('queue');
    expect(Object.keys(file.schema).sort()).toEqual(schemaKeys('queue'));
    expect(file.schema).toEqual({ ...limits, codec: 'json', deadLetter });
    const word = (field: string): number => file.word('WORDS_OFFSET', at[field]!);
    const blocks = limits.capacity / flags.BLOCK_BYTES! + 1;
    const begin = Math.ceil((blocks * flags.BLOCK_HEAD_WORDS! * 4) / 64) * 64;
    expect(file.payload.length).toBe(begin + blocks * flags.BLOCK_BYTES!);
    const head = (block: number, field: string): number =>
      file.payload.readUInt32LE((block * flags.BLOCK_HEAD_WORDS! + blockWords[field]!) * 4);
    /** The message at a block, and the block behind it. */
    const read = (first: number): { message: [number, string]; after: number } => {
      const length = head(first, 'LENGTH');
      const parts: Buffer[] = [];
      let block = first;
      for (let left = Math.max(1, Math.ceil(length / flags.BLOCK_BYTES!)); left > 0; left--) {
        const from = begin + block * flags.BLOCK_BYTES!;
        parts.push(file.payload.subarray(from, from + flags.BLOCK_BYTES!));
        block = head(block, 'NEXT');
      }
      const bytes = Buffer.concat(parts).subarray(0, length);
      return { message: [head(first, 'TYPE'), bytes.toString('latin1')], after: block };
    };

    const [puts, taken] = [word('PUTS'), word('TAKEN')];
    const plain = ~(flags.OTHER! | flags.ENDED!);
    expect([(puts & plain) / flags.COUNT_STEP!, (taken & plain) / flags.COUNT_STEP!]).toEqual([5, 3]);
    expect(puts & flags.ENDED!).toBe(0);
    const chosen = (pair: string, by: number): number =>
      file.word('WORDS_OFFSET', at[pair]! + ((by & flags.OTHER!) === 0 ? 0 : 1));
    const messages: [number, string][] = [];
    let block = chosen('HEADS', taken);
    for (let left = 2; left > 0; left--) {
      const { message, after } = read(block);
      messages.push(message);
      block = after;
    }
    expect(messages).toEqual([
      [types.BYTES, '\x01\x02\x03'],
      [types.UTF8, ''],
    ]);
    expect(block).toBe(chosen('TAILS', puts));
    // All free blocks: those that nothing has, up to the free end.
    let free = 1;
    for (; block !== word('FREE_END'); block = head(block, 'NEXT')) free++;
    expect(free).toBe(blocks - 3 - 1 - 1 - 1);
    expect(word('INTENT_FIRST')).toBe(flags.NO_BLOCK);

    expect(word('TOP')).toBe(2);
    const entry = (n: number, field: string): number =>
      file.word('WORDS_OFFSET', at.JOBS! + n * flags.JOB_WORDS! + jobWords[field]!);
    expect(entry(0, 'OWNER')).toBe(file.slot(0, 'GENERATION') << 10);
    expect(entry(1, 'OWNER')).toBe(flags.JOB_RETURNED);
    expect(entry(2, 'OWNER')).toBe(0);
    expect([0, 1].map((n) => read(entry(n, 'FIRST')).message)).toEqual([
      [types.UTF8, long],
      [types.CODEC, '{"n":[1,null]}'],
    ]);
    expect([0, 1].map((n) => entry(n, 'ATTEMPT'))).toEqual([1, 1]);
    expect([0, 1].map((n) => entry(n, 'NUMBER') / flags.COUNT_STEP!)).toEqual([1, 2]);

    job.done();
    queue.end();
    expect(new Reader(queue.name).word('WORDS_OFFSET', at.PUTS!) & flags.ENDED!).toBe(flags.ENDED);
    for (const lock of ['PUT_LOCK', 'GET_LOCK']) expect(word(lock)).toBe(0);
  });

  test('a Pipe: both directions, the steps of closing', () => {
    const name = freshName();
    const a = keep(Pipe.open(name, { capacity: 4096, codec: 'json', startPosition: 64 }));
    const b = keep(Pipe.open(name));
    const { A_TO_B, B_TO_A, A, B } = numbers('words: PIPE') as Record<
      'A_TO_B' | 'B_TO_A' | 'A' | 'B',
      number
    >;
    const { TAIL, HEAD, START } = numbers('words: RING') as Record<'TAIL' | 'HEAD' | 'START', number>;
    a.sendSync('to b');
    a.sendSync('second');
    b.sendSync('to a');
    const file = new Reader(a.name);
    const word = (index: number): number => new Reader(a.name).word('WORDS_OFFSET', index);
    expect(file.kind).toBe('pipe');
    expect(Object.keys(file.schema).sort()).toEqual(schemaKeys('pipe'));
    expect(file.schema).toEqual({ capacity: 4096, codec: 'json', duplex: true });
    expect(file.field('FLAGS')).toBe(constant('FLAG_MIRRORED'));
    expect(file.field('PAYLOAD_BYTES')).toBe(2 * constant('RING_LEAST'));
    expect([word(A), word(B)]).toEqual([file.ownerOf(0), file.ownerOf(0)]); // both of this environment
    for (const [first, tail] of [
      [A_TO_B, 64 + 2 * 16],
      [B_TO_A, 64 + 16],
    ] as const)
      expect([word(first + TAIL), word(first + HEAD), word(first + START)]).toEqual([tail, 64, 64]);
    const text = (ring: number): string => {
      const at = ring * constant('RING_LEAST') + 64;
      const length = file.payload.readUInt32LE(at);
      return file.payload.toString(
        'utf8',
        at + constant('FRAME_BYTES'),
        at + constant('FRAME_BYTES') + length,
      );
    };
    expect([text(0), text(1)]).toEqual(['to b', 'to a']);

    a.end();
    expect(word(A_TO_B + TAIL) & constant('FLAGS')).toBe(constant('ENDED'));
    expect(word(A)).toBe(file.ownerOf(0));
    a.close();
    expect(word(B_TO_A + HEAD) & constant('FLAGS')).toBe(constant('GONE'));
    expect([word(A), word(B)]).toEqual([constant('END_CLOSED'), file.ownerOf(0)]);

    const reader = keep(Pipe.open(freshName(), { duplex: false, capacity: 64 }));
    const oneWay = new Reader(reader.name);
    expect(oneWay.schema).toMatchObject({ duplex: false });
    expect(oneWay.field('PAYLOAD_BYTES')).toBe(constant('RING_LEAST'));
    expect([A, B].map((end) => oneWay.word('WORDS_OFFSET', end))).toEqual([0, oneWay.ownerOf(0)]);
    expect(constant('DIRECTION_WORDS')).toBe(B_TO_A - A_TO_B);
  });
});
