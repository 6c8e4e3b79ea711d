// After close nothing faults, nothing works, nothing is left behind.

import { readFileSync, rmSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import * as isthmus from 'isthmus';
import { describe, expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';

const { ClosedError, SharedArray, SharedMemory, SpscQueue, Value } = isthmus;

/** Mapped ranges of shared memory in this process; a file shows under the name it had when it was mapped, if any. */
const mappings = (): number =>
  readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes('/dev/shm/')).length;

/** Moves a buffer away, where this version of Node can: 20 copies an addon's buffer, later ones refuse to clone it. */
function moveAway(buffer: ArrayBufferLike): boolean {
  const movable = buffer as ArrayBuffer & { transfer?: () => ArrayBuffer };
  movable.transfer?.();
  return movable.byteLength === 0;
}

test('close is idempotent, and afterwards every method throws ClosedError', async () => {
  const value = Value.create(freshName(), 'i32');
  const array = SharedArray.create(freshName(), 'i32', 3);
  const queue = SpscQueue.create(freshName());
  const producer = queue.producer();
  const consumer = queue.consumer();
  const memory = SharedMemory.create(freshName(), 10);
  for (const handle of [value, array, queue, producer, consumer, memory]) {
    expect(handle.closed).toBe(false);
    handle.close();
    handle.close();
    handle[Symbol.dispose]();
    expect(handle.closed).toBe(true);
    expect(handle.name).toMatch(/^\/it-/); // the name stays readable
  }
  const uses: (() => unknown)[] = [
    () => value.value,
    () => (value.value = 1),
    () => value.add(1),
    () => value.update((n) => n),
    () => value.compareExchange(0, 1),
    () => value.waitForSync(() => true),
    () => array.view,
    () => array.at(0),
    () => array.set(0, 1),
    () => [...array],
    () => queue.used,
    () => queue.producer(),
    () => producer.tryPut(1),
    () => producer.putSync(1),
    () => producer.tryPutMany([]),
    () => producer.putManySync([]),
    () => producer.reserve(1),
    () => producer.commit(),
    () => producer.cancel(),
    () => producer.end(),
    () => producer.flushSync(),
    () => producer.writable(),
    () => consumer.tryGet(),
    () => consumer.getSync(),
    () => consumer.tryGetMany(),
    () => consumer.getManySync(),
    () => consumer.peek(),
    () => consumer.release(),
    () => consumer.drain(),
    () => consumer.ended,
    () => consumer.readable(),
    () => memory.buffer,
    () => memory.size,
  ];
  for (const use of uses) expect(use, String(use)).toThrow(ClosedError);
  const promises: (() => Promise<unknown>)[] = [
    () => value.waitFor(() => true),
    () => value.changes().next(),
    () => array.waitFor(0, () => true),
    () => producer.put(1),
    () => producer.putMany([]),
    () => producer.flush(),
    () => consumer.get(),
    () => consumer.getMany(),
    () => consumer[Symbol.asyncIterator]().next(),
    () => consumer.batches().next(),
  ];
  for (const use of promises) await expect(use(), String(use)).rejects.toThrow(ClosedError);
});

test('views become empty, also inside hot code', () => {
  const array = SharedArray.create(freshName(), 'f64', 100);
  const { view } = array;
  const sum = () => {
    let total = 0;
    for (let i = 0; i < 100; i++) total += view[i] ?? Number.NaN;
    return total;
  };
  view.fill(1);
  for (let i = 0; i < 20_000; i++) sum();
  array.close();
  expect(view.length).toBe(0);
  expect(sum()).toBeNaN();
  view[0] = 5; // ignored, no fault
  expect(view[0]).toBe(undefined);
});

test('two handles in one process share one mapping and one slot; the last close unmaps', () => {
  const name = freshName();
  const first = SharedArray.create(name, 'i32', 4);
  const second = SharedArray.attach<'i32'>(name);
  expect(second.view.buffer).toBe(first.view.buffer);
  expect(mappings()).toBe(3); // control pages, payload, and the page of our death mark
  const { view } = first;
  first.close();
  expect(() => first.view).toThrow(ClosedError);
  second.set(0, 9);
  expect(view[0]).toBe(9);
  second.close();
  expect(view.length).toBe(0);
  expect(mappings()).toBe(0);
});

test('an unlinked object stays usable for those who have it; the name is free for another', () => {
  const name = freshName();
  using old = Value.create(name, 'i32', { initial: 1 });
  const peer = Value.attach<'i32'>(name);
  expect(peer.value).toBe(1);
  isthmus.unlink(name);
  expect(() => Value.attach(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  using fresh = Value.create(name, 'i32', { initial: 2 });
  expect([old.value, peer.value, fresh.value]).toEqual([1, 1, 2]);
  peer.close();
});

describe('a buffer the user has moved away', () => {
  const movers: [string, string][] = [
    ['structuredClone', '(buffer) => structuredClone(buffer, { transfer: [buffer] })'],
    ['ArrayBuffer.prototype.transfer', '(buffer) => buffer.transfer()'],
    [
      'postMessage',
      '(buffer) => { const { port1, port2 } = new MessageChannel(); port1.postMessage(buffer, [buffer]); port1.close(); port2.close(); }',
    ],
  ];
  test.each(movers)('%s: close() leaves the mapping, releases the rest, warns once', async (_, mover) => {
    const name = freshName();
    const peer = start(
      ({ SharedArray, list }, { args, say, require }) => {
        const { readFileSync } = require('node:fs') as typeof import('node:fs');
        const warnings: string[] = [];
        process.on('warning', (warning) => warnings.push((warning as { code?: string }).code ?? ''));
        // biome-ignore lint/security/noGlobalEval: the mover came as text
        const move = eval(args[1]!) as (buffer: ArrayBuffer) => ArrayBuffer | undefined;
        if (args[2] && !('transfer' in ArrayBuffer.prototype)) {
          SharedArray.create(`${args[0]!}-2`, 'i32', 4).close();
          return say('unsupported');
        }
        SharedArray.create(`${args[0]!}-2`, 'i32', 4).close();
        const array = SharedArray.create(args[0]!, 'i32', 4);
        array.view[0] = 7;
        let moved: ArrayBuffer | undefined;
        try {
          moved = move(array.view.buffer as ArrayBuffer);
        } catch (error) {
          // From Node 22 on an addon's buffer is not cloned with transfer: then nothing has moved.
          say(['refused', (error as Error).name, array.view[0]]);
          array.close();
          return;
        }
        const left = array.view.length === 0; // Node 20 copies an addon's buffer instead of moving it
        array.close();
        const again = SharedArray.attach<'i32'>(`${args[0]!}-2`);
        if (moved) again.view.set(new Int32Array(moved));
        again.close();
        const mapped = readFileSync('/proc/self/maps', 'utf8').includes('/dev/shm/');
        setImmediate(() =>
          say([left, moved ? new Int32Array(moved)[0] : 7, mapped, warnings, list().length >= 1]),
        );
      },
      name,
      mover,
      mover.includes('.transfer()'),
    );
    const answer = await peer.said<unknown[] | string>();
    const expected =
      answer[0] === true || mover.includes('.transfer()')
        ? [true, 7, true, ['ISTHMUS_MOVED_BUFFER'], true]
        : [false, 7, false, [], true];
    if (mover.includes('.transfer()')) {
      // Every Node that has transfer() moves the buffer; Node 20 has none.
      expect(answer).toEqual('transfer' in ArrayBuffer.prototype ? expected : 'unsupported');
    } else if (answer[0] === 'refused') {
      expect(answer).toEqual(['refused', 'DataCloneError', 7]); // nothing has moved, the array is as it was
    } else {
      expect(answer).toEqual(expected);
    }
    await peer.done();
    rmSync(`/dev/shm/${name}-2`);
  });

  test('attaching again says so until every handle is closed; then it works', () => {
    const name = freshName();
    const array = SharedArray.create(name, 'i32', [5]);
    const memory = SharedMemory.create(`${name}-m`, 10);
    const moved = [array.view.buffer, memory.buffer].map(moveAway);
    if (moved[0]) {
      expect(() => SharedArray.attach(name)).toThrow(/transferred away/);
      expect(() => SharedMemory.attach(`${name}-m`)).toThrow(/transferred away/);
    }
    array.close();
    memory.close();
    using again = SharedArray.attach(name);
    using _memory = SharedMemory.attach(`${name}-m`);
    expect(again.at(0)).toBe(5);
    isthmus.unlink(`${name}-m`);
  });

  test('a queue whose ring was moved away says so instead of writing into nothing', () => {
    using queue = SpscQueue.create(freshName());
    using producer = queue.producer();
    using consumer = queue.consumer();
    producer.putSync('x');
    const { buffer } = consumer.peek()!;
    if (!moveAway(buffer)) return;
    expect(() => producer.putSync('y')).toThrow(/transferred away/);
    expect(() => consumer.getSync()).toThrow(/transferred away/);
  });
});

describe('worker threads', () => {
  const code = (body: string) => `
    const { parentPort, workerData } = require('node:worker_threads');
    const { Value, SharedArray, SpscQueue } = require('isthmus');
    ${body}
  `;
  const run = (body: string, data: unknown): Worker =>
    new Worker(code(body), { eval: true, workerData: data });
  const ended = (worker: Worker) =>
    new Promise<number>((resolve, reject) => worker.on('exit', resolve).on('error', reject));

  test('a worker is a participant of its own with its own mapping of the same name', async () => {
    const name = freshName();
    using value = Value.create(name, 'i32');
    using other = SharedArray.create(`${name}-a`, 'i32', 2);
    const worker = run(
      `const v = Value.attach(workerData); for (let i = 0; i < 1000; i++) v.add(1);
       SharedArray.attach(workerData + '-a').view[1] = 5;`,
      name,
    );
    for (let i = 0; i < 1000; i++) value.add(1);
    expect(await ended(worker)).toBe(0);
    expect(value.value).toBe(2000);
    expect(other.view[1]).toBe(5);
    isthmus.unlink(`${name}-a`);
  });

  test('a worker that exits with views alive, waits pending and handles open leaves nothing mapped', async () => {
    const before = mappings(); // buffers moved away by the tests above stay mapped
    const name = freshName();
    for (const how of ['', 'process.exit(3);', 'setTimeout(() => { throw new Error("on purpose") }, 20);']) {
      const worker = run(
        `globalThis.a = SharedArray.open(workerData, 'f64', 1000); globalThis.view = a.view; view.fill(1);
         globalThis.v = Value.open(workerData + '-v', 'i32');
         const pending = v.waitFor((n) => n === 77); pending.catch(() => {}); v.unref();
         const hot = () => { let s = 0; for (let i = 0; i < 1000; i++) s += view[i]; return s; };
         for (let i = 0; i < 2000; i++) hot();
         ${how}`,
        name,
      );
      worker.on('error', () => undefined);
      await new Promise((resolve) => worker.on('exit', resolve));
    }
    expect(mappings()).toBe(before);
    for (const left of [name, `${name}-v`]) isthmus.unlink(left);
  });

  test('terminate() in a Sync wait, in hot code and with promises pending', async () => {
    const before = mappings(); // buffers moved away by the tests above stay mapped
    const name = freshName();
    const bodies = [
      `const v = Value.open(workerData, 'i32'); parentPort.postMessage(1); v.waitForSync((n) => n === 9);`,
      `const v = Value.open(workerData, 'i32'); parentPort.postMessage(1); v.waitFor((n) => n === 9);`,
      `const q = SpscQueue.consumer(workerData + '-q'); parentPort.postMessage(1); q.getSync();`,
      `const q = SpscQueue.consumer(workerData + '-q'); parentPort.postMessage(1); q.get(); q.get();`,
      `const a = SharedArray.open(workerData + '-a', 'f64', 10); const { view } = a; parentPort.postMessage(1); for (;;) view[3] += view[4];`,
      `const q = SpscQueue.producer(workerData + '-p', { capacity: 64 }); parentPort.postMessage(1); for (;;) q.putSync('abc');`,
    ];
    for (const body of bodies) {
      for (const delay of [0, 5, 60]) {
        const worker = run(body, name);
        await new Promise((resolve) => worker.once('message', resolve));
        await new Promise((resolve) => setTimeout(resolve, delay));
        await worker.terminate();
      }
    }
    // The process survived, and the roles of the dead are free again.
    for (const suffix of ['-q', '-p']) {
      using queue = SpscQueue.attach(name + suffix);
      queue.producer().close();
      queue.consumer().close();
    }
    expect(mappings()).toBe(before);
    for (const suffix of ['', '-q', '-a', '-p']) isthmus.unlink(name + suffix);
  });
});

test('process.exit, an uncaught exception and a normal end leave no participant behind', async () => {
  const name = freshName();
  using value = Value.create(name, 'i32');
  const endings = ['process.exit(0)', 'throw new Error("on purpose")', ''];
  for (const ending of endings) {
    const peer = start(
      ({ Value, SpscQueue }, { args, say }) => {
        Value.attach<'i32'>(args[0]!).add(1);
        SpscQueue.producer(`${args[0]}-q`);
        say();
        // biome-ignore lint/security/noGlobalEval: the ending came as text
        eval(`(() => { ${args[1]} })()`);
      },
      name,
      ending,
    );
    await peer.said();
    await peer.exited;
    const participants = isthmus.inspect(name).participants;
    expect(participants!.map((one: { pid: number }) => one.pid)).toEqual([process.pid]);
    expect(isthmus.inspect(`${name}-q`).participants).toEqual([]);
  }
  expect(value.value).toBe(3);
  isthmus.unlink(`${name}-q`);
});
