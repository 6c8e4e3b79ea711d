// isthmus inspect: what is in an object, of every kind, also while it is used and when it is damaged.

import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import {
  inspect,
  Namespace,
  Pipe,
  Queue,
  SharedArray,
  SharedList,
  SharedMap,
  SharedMemory,
  SharedStruct,
  SpscQueue,
  text,
} from 'isthmus';
import { describe, expect, test } from 'vitest';
import { start } from '../processes/start.js';
import { fileOf, freshName, isthmus } from './command.js';

async function told(name: string, ...options: string[]): Promise<string> {
  const { code, stdout, stderr } = await isthmus(['inspect', name, ...options]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.toString();
}

async function contents(name: string, ...options: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await told(name, '--json', ...options)).contents;
}

/** Lines with this label. */
function lines(text: string, label: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${label} `))
    .map((line) => line.slice(label.length).trim());
}

describe('contents', () => {
  test('a map: its first entries, and how many more', async () => {
    const map = SharedMap.open<string | number, unknown>(freshName(), { maxBytes: '1MB' });
    for (let n = 0; n < 30; n++) map.set(`key ${n}`, { n });
    const text = await told(map.name);
    expect(lines(text, 'entry')).toHaveLength(16);
    expect(lines(text, 'entry')[0]).toMatch(/^"key (\d+)" → \{"n":\1\}$/);
    expect(lines(text, 'more')).toEqual(['14']);
    expect(lines(await told(map.name, '--limit', '3'), 'more')).toEqual(['27']);
    map.clear();
    map.set(7, new Uint8Array([1, 2]), { ttl: 60_000 });
    map.set('big', 2n ** 70n);
    const { first } = await contents(map.name, '--all');
    expect(first).toHaveLength(2);
    expect(first).toContainEqual({ key: 7, value: { base64: 'AQI=' }, expiresIn: expect.any(Number) });
    expect(first).toContainEqual({ key: 'big', value: String(2n ** 70n) });
    map.close();
  });

  test('a map that has grown: every entry exactly once', async () => {
    const map = SharedMap.open<number, number>(freshName(), { maxBytes: '4MB' });
    for (let n = 0; n < 5000; n++) map.set(n, n);
    for (let n = 0; n < 5000; n += 2) map.delete(n);
    const { contents } = inspect(map.name, { limit: Number.POSITIVE_INFINITY });
    const keys = (contents!['first'] as { key: number; value: number }[]).map(({ key }) => key);
    expect(keys.sort((a, b) => a - b)).toEqual([...map.keys()].sort((a, b) => a - b));
    expect(contents).not.toHaveProperty('unseenParts');
    map.close();
  });

  test('a map that grows and is cleared while it is looked at: every key once, and no problem', async () => {
    const name = freshName();
    const peer = start(({ SharedMap }, { args, say }) => {
      const map = SharedMap.open<number, string>(args[0]!, { maxBytes: '16MB' });
      map.set(-1, 'stays');
      say();
      const end = performance.now() + 4000;
      for (let n = 0; performance.now() < end; n++) {
        map.set(n, 'x'.repeat(n % 100));
        if (n < 20_000) continue;
        n = 0;
        map.clear();
        map.set(-1, 'stays');
      }
      say('done');
    }, name);
    await peer.said();
    let running = true;
    void peer.said().then(() => {
      running = false;
    });
    const wrong: unknown[] = [];
    let shown = 0;
    while (running) {
      const { contents, problem } = inspect(name, { limit: 3000 });
      const keys = (contents!['first'] as { key: number }[]).map(({ key }) => key);
      if (problem !== undefined || new Set(keys).size !== keys.length) wrong.push(problem ?? keys);
      shown += keys.length;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(wrong).toEqual([]);
    expect(shown).toBeGreaterThan(0);
  });

  test('a large table with little in it: what is there is found; too much in vain is left out, and said', async () => {
    using map = SharedMap.open<number, number>(freshName(), { maxBytes: '32MB' });
    for (let n = 0; n < 70_000; n++) map.set(n, n);
    for (let n = 0; n < 70_000; n++) map.delete(n);
    expect(inspect(map.name, { limit: 16 }).contents).toMatchObject({ entries: 0, first: [] });
    for (const key of [-7, -8]) map.set(key, 1);
    const { contents } = inspect(map.name, { limit: 16 });
    expect(contents!['first']).toHaveLength(2);
    expect(contents!['first']).toContainEqual({ key: -7, value: 1 });
    expect(contents).not.toHaveProperty('unseenParts');
    map.clear();
    for (let n = 0; n < 70_000; n++) map.set(n, n, { ttl: 4000 });
    await new Promise((resolve) => setTimeout(resolve, 4100)); // a timer may be 1 ms early
    const expired = inspect(map.name, { limit: 16 }).contents!; // nobody has used it since: all are still there
    expect(expired).toMatchObject({ first: [], unseenParts: expect.any(Number) });
  });

  test('a namespace and a list', async () => {
    const names = [freshName(), freshName()] as const;
    const space = Namespace.open<{ colour: string }>(names[0]);
    space.colour = 'red';
    expect(lines(await told(names[0]), 'entry')).toEqual(['"colour" → "red"']);
    const list = SharedList.open<unknown>(names[1], { maxBytes: '1MB' });
    for (let n = 0; n < 40; n++) list.push(n);
    for (let n = 0; n < 20; n++) list.shift(); // it goes round in its ring
    list.push('text', null, { a: [1] });
    const told1 = await told(names[1]);
    expect(lines(told1, '[0]')).toEqual(['20']);
    expect(lines(told1, 'more')).toEqual(['7']);
    expect((await contents(names[1], '--all'))['first']).toEqual([...list]);
    list.close();
  });

  test('a struct by field, an array with --limit', async () => {
    const [struct, array] = [freshName(), freshName()] as const;
    const shape = { hits: 'u64', label: text(32), samples: ['i32', 20], inner: { on: 'bool' } } as const;
    SharedStruct.create(struct, shape, { initial: { hits: 9n, label: 'hé', inner: { on: true } } }).close();
    const shown = await told(struct, '--limit', '2');
    expect(lines(shown, '.hits')).toEqual(['9']);
    expect(lines(shown, '.label')).toEqual(['"hé"']);
    expect(lines(shown, '.samples')).toEqual(['0, 0 and 18 more']);
    expect(lines(shown, '.inner.on')).toEqual(['true']);
    SharedArray.create(array, 'i32', [1, 2, 3]).close();
    expect(await contents(array, '--limit', '2')).toEqual({ elements: [1, 2], more: 1 });
    expect(lines(await told(array), 'more')).toEqual([]);
  });

  test('messages that wait are shown and not taken: Queue, SpscQueue, Pipe', async () => {
    const queue = Queue.open(freshName(), { capacity: '64KB' });
    for (const message of ['a', { b: 1 }, 'c'.repeat(1000), 'd']) queue.tryPut(message);
    const first = queue.tryTake()!;
    queue.tryTake()!.done();
    first.retry(); // comes before the others again
    expect((await contents(queue.name))['first']).toEqual(['a', 'c'.repeat(1000), 'd']);
    expect(lines(await told(queue.name), 'message')[1]).toMatch(/^"c{299} … \(1002 characters\)$/);
    expect([queue.tryGet(), queue.tryGet(), queue.tryGet(), queue.tryGet()]).toEqual([
      'a',
      'c'.repeat(1000),
      'd',
      undefined,
    ]);
    queue.close();

    const name = freshName();
    const producer = SpscQueue.producer(name, { capacity: 65_536, startPosition: 2 ** 32 - 24 });
    producer.tryPutMany(['one', { two: 2 }, Buffer.from('three'), 'x'.repeat(60_000)]);
    const messages = ['one', { two: 2 }, { base64: 'dGhyZWU=' }, 'x'.repeat(60_000)];
    expect((await contents(name))['first']).toEqual(messages); // across both ends of the ring and of 32 bits
    const consumer = SpscQueue.consumer<unknown>(name);
    expect(consumer.tryGet()).toBe('one');
    expect(lines(await told(name, '--limit', '1'), 'message')).toEqual(['{"two":2}']);
    expect(lines(await told(name, '--limit', '1'), 'more')).toEqual(['58.6 KB of messages']);
    producer.close();
    consumer.close();

    const a = Pipe.open(freshName(), { capacity: 4096 });
    const other = Pipe.open(a.name);
    a.trySend('there');
    other.trySend(['back', 1]);
    expect(lines(await told(a.name), 'to B')).toEqual(['"there"']);
    expect(lines(await told(a.name), 'to A')).toEqual(['["back",1]']);
    a.close();
    other.close();
  });

  test('what cannot be decoded here says why', async () => {
    const codec = { name: 'mine', encode: () => Buffer.from('abc'), decode: () => 1 };
    const queue = Queue.open<unknown>(freshName(), { codec });
    queue.tryPut({});
    queue.tryPut('y'.repeat(2 ** 19));
    expect(lines(await told(queue.name), 'message')[0]).toBe('(3 B: encoded by a codec of its own, mine)');
    queue.close();
  });

  test('raw memory: a dump, repeated lines once; a semaphore: its permits', async () => {
    const [name, semaphore] = [freshName(), freshName()];
    const memory = SharedMemory.create(name, 1000);
    Buffer.from(memory.buffer).write('hello\u001b', 64);
    const text = await told(name, '--all');
    expect(text).toContain('at 00000040  68 65 6c 6c 6f 1b 00');
    expect(text).toContain('  hello...........\n');
    expect(text.split('\n').filter((line) => line.startsWith('at '))).toHaveLength(4); // zeros, hello, zeros, the rest
    expect(lines(await told(name), 'more')).toEqual(['744 B']);
    expect((await contents(name, '--limit', '1'))['bytes']).toEqual({
      base64: Buffer.alloc(16).toString('base64'),
    });
    memory.close();
    writeFileSync(fileOf(`sem.${semaphore}`), Buffer.from([3, 0, 0, 0, ...new Array(28).fill(0)]));
    expect(await contents(semaphore)).toEqual({ value: 3 });
  });

  test('an object that is used meanwhile: nothing but what was there', async () => {
    const [queue, map, ring] = [freshName(), freshName(), freshName()];
    const peer = start(
      ({ Queue, SharedMap, SpscQueue }, { args, say }) => {
        const queue = Queue.open<string>(args[0]!, { capacity: 4096 });
        const map = SharedMap.open<number, string>(args[1]!, { maxBytes: '1MB' });
        const producer = SpscQueue.producer<string>(args[2]!, { capacity: 4096 });
        const consumer = SpscQueue.consumer<string>(args[2]!);
        say();
        const end = performance.now() + 3000;
        for (let n = 0; performance.now() < end; n++) {
          const text = String(n % 10).repeat(1 + (n % 300));
          queue.tryPut(text);
          producer.tryPut(text);
          map.set(n % 50, text);
          if (n % 3 > 0) map.delete((n * 7) % 50);
          while (queue.size > 5) queue.tryGet();
          if (n % 5 === 0) consumer.tryGetMany(10);
        }
        say('done');
      },
      queue,
      map,
      ring,
    );
    await peer.said();
    let shown = 0;
    const wrong: unknown[] = [];
    const done = peer.said();
    let running = true;
    void done.then(() => {
      running = false;
    });
    while (running) {
      for (const name of [queue, ring, map]) {
        const { contents, problem } = inspect(name, { limit: 100 });
        if (problem !== undefined) wrong.push(problem);
        for (const one of (contents!['first'] ?? []) as unknown[]) {
          const text = name === map ? (one as { value: unknown }).value : one;
          shown++;
          if (typeof text !== 'string' || !/^(\d)\1*$/.test(text)) wrong.push(text);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(wrong).toEqual([]);
    expect(shown).toBeGreaterThan(0);
  });

  test('a limit that cannot be one', async () => {
    expect((await isthmus(['inspect', 'a', '--limit', '0'])).code).toBe(2);
    expect((await isthmus(['inspect', 'a', '--limit', '2', '--all'])).stderr).toMatch(/cannot be used with/);
    expect(() => inspect('a', { limit: -1 })).toThrow(RangeError);
    expect(() => inspect('a', { limit: 'all' } as never)).toThrow(TypeError);
  });
});

describe('damage', () => {
  function overwrite(name: string, offset: number, bytes: Buffer): void {
    const fd = openSync(fileOf(name), 'r+');
    writeSync(fd, bytes, 0, bytes.length, offset);
    closeSync(fd);
  }

  test('a damaged header: what it says, part by part', async () => {
    const name = freshName();
    SharedArray.create(name, 'f64', 100).close();
    truncateSync(fileOf(name), 70_000);
    const { code, stdout } = await isthmus(['inspect', name]);
    expect(code).toBe(4);
    const shown = stdout.toString();
    expect(lines(shown, 'problem')[0]).toMatch(/70000.*truncated/);
    expect(lines(shown, 'says kind')).toEqual(['array']);
    expect(lines(shown, 'says schema')).toEqual(['{"type":"f64","length":100}']);
    expect(lines(shown, 'at 00000000')[0]).toMatch(/isthmus\./);
  });

  test('a damaged message: those before it, and the problem', async () => {
    const ring = freshName();
    const producer = SpscQueue.producer(ring);
    producer.tryPutMany(['sound', 'hurt', 'behind']);
    const { payloadOffset } = inspect(ring).header!;
    overwrite(ring, payloadOffset + 16, Buffer.from([255, 255, 255, 255]));
    const { code, stdout } = await isthmus(['inspect', ring]);
    expect(code).toBe(4);
    expect(lines(stdout.toString(), 'message')).toEqual(['"sound"']);
    expect(lines(stdout.toString(), 'problem')[0]).toMatch(/a frame says it has 4294967295 bytes/);
    producer.close();
  });

  test('a map whose chain goes round in a circle ends, with a problem', async () => {
    const map = SharedMap.open<number, number>(freshName(), { maxBytes: '1MB' });
    map.set(1, 1);
    const { payloadOffset } = inspect(map.name).header!;
    const bytes = readFileSync(fileOf(map.name)).subarray(payloadOffset);
    const words = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const table = words[496]!; // its directory's first part
    const ref = [...words.subarray(table + 2, table + 66)].find((one) => one !== 0)!;
    overwrite(map.name, payloadOffset + 4 * (ref + 1), Buffer.from(Int32Array.of(ref).buffer));
    const { code, stdout } = await isthmus(['inspect', map.name]);
    expect(code).toBe(4);
    expect(stdout.toString()).toMatch(/^problem +.*goes round in a circle/m);
    map.close();
  });

  /** Overwrites a member at the end of the schema, which stays as long as it was. */
  function claim(name: string, member: string, value: string): void {
    const head = readFileSync(fileOf(name)).subarray(0, 4096).toString('latin1');
    const from = head.indexOf(`"${member}":`);
    const length = head.slice(from).search(/[,}]/);
    overwrite(name, from, Buffer.from(`"${member}":${value}`.padEnd(length, ' ')));
  }

  test('an array that says it has 8e12 elements, in a sparse file of that size: some, with no limit too', async () => {
    const name = freshName();
    SharedArray.create(name, 'u8', 1_000_000).close();
    const { payloadOffset } = inspect(name).header!;
    claim(name, 'length', '8e12');
    const size = (value: number): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
    truncateSync(fileOf(name), payloadOffset + 2 ** 43);
    overwrite(name, 24, size(payloadOffset + 2 ** 43));
    overwrite(name, 40, size(2 ** 43));
    const { contents, problem } = inspect(name, { limit: Number.POSITIVE_INFINITY });
    expect(problem).toBe(undefined);
    expect(contents!['elements']).toHaveLength(2 ** 20);
    expect(contents!['more']).toBe(8e12 - 2 ** 20);
  });

  test('a queue whose schema does not fit it', () => {
    const queue = Queue.open(freshName(), { capacity: 4096 });
    queue.tryPut('there');
    claim(queue.name.slice(1), 'capacity', '1e9');
    expect(inspect(queue.name, { limit: 1 }).problem).toMatch(/schema makes no sense or does not fit/);
    queue.close();
  });

  test('messages whose blocks are said to be more than there are', () => {
    const queue = Queue.open(freshName(), { capacity: '8MB' });
    for (const message of ['one', 'two', 'three']) queue.tryPut(message);
    const { payloadOffset } = inspect(queue.name).header!;
    const head = Int32Array.of(1, 5_000_000); // the second block comes after itself, and its message is as long as that
    overwrite(queue.name.slice(1), payloadOffset + 16, Buffer.from(head.buffer));
    const { contents, problem } = inspect(queue.name, { limit: 3 });
    expect(problem).toMatch(/its list of blocks has no end/);
    expect(contents!['first']).toMatchObject(['one', { unread: 5_000_000 }]);
    queue.close();
  });

  test('a file that is truncated while it is looked at: CorruptError as a problem, nothing else', async () => {
    const name = freshName();
    const map = SharedMap.create<number, number>(name, { maxBytes: '1MB' });
    for (let n = 0; n < 1000; n++) map.set(n, n);
    map.close();
    const whole = readFileSync(fileOf(name));
    const peer = start(({ inspect }, { args, say }) => {
      say();
      const begun = performance.now();
      const seen = new Set<string>();
      // For 2 s, and until it has seen both (but for 30 s at most).
      for (let ms = 0; ms < 2000 || (seen.size < 2 && ms < 30_000); ms = performance.now() - begun) {
        try {
          seen.add(inspect(args[0]!, { limit: 50 }).problem === undefined ? 'sound' : 'problem');
        } catch (error) {
          seen.add(`thrown: ${(error as Error).name}`);
        }
      }
      say([...seen].sort());
    }, name);
    await peer.said();
    let running = true;
    const seen = peer.said().finally(() => {
      running = false;
    });
    for (let n = 0; running; n++) {
      truncateSync(fileOf(name), (n * 997) % 20_000);
      // Sometimes it stays so for a moment: where there is one core only, nobody would ever see it otherwise.
      if (n % 4 === 1) await new Promise((resolve) => setTimeout(resolve, 1));
      writeFileSync(fileOf(name), whole);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(await seen).toEqual(['problem', 'sound']);
  });
});
