// Waits on a Queue that are given up: by close, by a signal, by a timeout. Nothing is lost by it.

import { setTimeout as sleep } from 'node:timers/promises';
import { ClosedError, type Job, Queue, unlink } from 'isthmus';
import { expect, test } from 'vitest';
import { freshName } from '../processes/start.js';

const done = (job: Job<number> | undefined) => {
  job!.done();
  return job!.message;
};

test('close wakes own pending calls, and only those of the handle', async () => {
  const name = freshName();
  using full = Queue.create<number>(`${name}-full`, { maxItems: 1 });
  using empty = Queue.create<number>(name);
  try {
    full.putSync(1);
    const handles = [Queue.attach<number>(name), Queue.attach<number>(full.name)] as const;
    const [a, b] = handles;
    const mine = [a.get(), a.take(), a.getMany(), b.put(2), b.putMany([2]), b.join()];
    const others = [empty.get(), full.put(3)];
    for (const handle of handles) handle.close();
    for (const end of await Promise.allSettled(mine))
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'ERR_ISTHMUS_CLOSED' } });
    for (const handle of handles) {
      handle.close();
      for (const act of [
        () => handle.tryGet(),
        () => handle.tryPut(1),
        () => handle.size,
        () => handle.end(),
      ])
        expect(act).toThrow(ClosedError);
      for (const act of [() => handle.getSync(), () => handle.takeSync(), () => handle.joinSync()])
        expect(act).toThrow(ClosedError);
      await expect(handle.put(1)).rejects.toThrow(ClosedError);
      await expect(handle.get()).rejects.toThrow(ClosedError);
    }
    empty.putSync(4);
    expect([await others[0], full.getSync()]).toEqual([4, 1]);
    await others[1];
    expect(full.tryGetMany()).toEqual([3]);
  } finally {
    unlink(full.name);
  }
});

test('abort and timeout lose nothing: what comes later goes to the next call', async () => {
  using queue = Queue.create<number>(freshName(), { maxItems: 1 });
  using other = Queue.attach<number>(queue.name);
  let next = 0;
  const got: number[] = [];
  for (let round = 0; round < 200; round++) {
    const abort = new AbortController();
    const waits = Promise.allSettled([
      queue.get({ signal: abort.signal }),
      queue.take({ signal: abort.signal }).then(done),
      queue.get({ timeout: 1 }),
    ]);
    if (round % 4 === 0) await new Promise(setImmediate);
    if (round % 2 === 0) abort.abort();
    if (other.tryPut(next)) next++;
    if (round % 2 === 1) abort.abort();
    if (round % 8 === 0) await sleep(2);
    for (const outcome of await waits) {
      if (outcome.status === 'fulfilled') got.push(outcome.value!);
      else expect(['AbortError', 'TimeoutError']).toContain(outcome.reason.name);
    }
    const puts = new AbortController();
    queue.tryPut(next) && next++;
    const put = queue.put(next, { signal: puts.signal });
    puts.abort();
    await put.then(
      () => next++,
      () => undefined,
    );
    got.push(...other.tryGetMany());
  }
  expect(got).toEqual(Array.from({ length: next }, (_, n) => n));
  const gone = AbortSignal.abort('gone');
  await expect(queue.put(1, { signal: gone })).rejects.toBe('gone');
  await expect(queue.putMany([1], { signal: gone })).rejects.toBe('gone');
  queue.putSync(1);
  for (const wait of [
    () => queue.get({ signal: gone }),
    () => queue.getMany(1, { signal: gone }),
    () => queue.take({ signal: gone, timeout: 0 }),
  ])
    await expect(wait()).rejects.toBe('gone');
  expect(queue.tryGetMany()).toEqual([1]);
});

test('what ends a putMany in the middle says how many were accepted, and those stay', async () => {
  const ways: [string, (queue: Queue<number>, abort: AbortController) => void][] = [
    ['AbortError', (_, abort) => abort.abort()],
    ['ERR_ISTHMUS_CLOSED', (queue) => queue.end()],
    ['ERR_ISTHMUS_CLOSED', (queue) => queue.close()],
  ];
  for (const [what, act] of ways) {
    using other = Queue.create<number>(freshName(), { maxItems: 2 });
    using queue = Queue.attach<number>(other.name);
    const abort = new AbortController();
    const error = queue.putMany([1, 2, 3, 4], { signal: abort.signal }).catch((reason) => reason);
    await sleep(10);
    act(queue, abort);
    const { code, name, accepted } = await error;
    expect([name === 'AbortError' ? name : code, accepted]).toEqual([what, 2]);
    expect(other.tryGetMany()).toEqual([1, 2]);
    expect(other.tryGetMany()).toEqual([]);
  }
});
