// SharedMap between unrelated processes: what lives, dies, stops and leaves in the middle of a change, readers beside a writer
// that is as fast as it can be, news, limits that hold for all.

import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { SharedMap } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { freshName, type Peer, start, startWith } from '../processes/start.js';
import { coded, contents, until, WAYS } from '../sync/kinds.js';
import { checkMap } from './heap-check.mjs';

/** So long at most: a call that blocks would block everything. */
const DOG = { timeout: 30_000 };
const accounts = ['a', 'b', 'c'];

/** A process that is in the middle of a change when it says so; then it does `way`. */
const inTheMiddle = (name: string, call: 'update' | 'transaction', way: string, disable = ''): Peer =>
  startWith(
    { env: { ISTHMUS_DISABLE: disable } },
    async ({ SharedMap }, { args, say, heard }) => {
      const [name, call, way] = args as unknown as string[];
      const map = SharedMap.attach<string, number>(name!);
      const middle = () => {
        say('inside');
        if (way === 'SIGKILL') process.kill(process.pid, 'SIGKILL');
        if (way === 'process.exit') process.exit(0);
        if (way === 'throw') throw new Error('mine');
        if (way === 'SIGSTOP') process.kill(process.pid, 'SIGSTOP');
      };
      try {
        if (call === 'update')
          map.update('a', () => {
            middle();
            return -1;
          });
        else
          map.transaction((tx) => {
            tx.set('a', -1).set('new', -1);
            tx.delete('b');
            middle();
          });
      } catch (error) {
        say((error as Error).message);
      }
      await heard();
    },
    name,
    call,
    way,
  );

const filled = (name: string, options?: object): SharedMap<string, number> => {
  const map = SharedMap.create<string, number>(name, options);
  map.setMany(accounts.map((key): [string, number] => [key, 100]));
  return map;
};

const old = [100, 100, 100, undefined];
const now = (map: SharedMap<string, number>) => map.getMany([...accounts, 'new']);

describe.each(['update', 'transaction'] as const)('in the middle of %s', (call) => {
  test.each(['SIGKILL', 'process.exit', 'throw'])('%s leaves the old state, and the lock', async (way) => {
    const name = freshName('map');
    using _map = filled(name);
    const reader = SharedMap.attach<string, number>(name, DOG);
    for (let round = 0; round < 2; round++) {
      const peer = inTheMiddle(name, call, way);
      await peer.said();
      if (way === 'throw') expect(await peer.said()).toBe('mine');
      else await peer.exited;
      expect(now(reader)).toEqual(old);
      expect(reader.add('a', 5)).toBe(105);
      reader.add('a', -5);
      checkMap(name);
      peer.kill();
    }
    reader.close();
  });

  test.each(WAYS)(
    'a process that waits for the lock gets it when its holder is killed (%s)',
    async (_, disable) => {
      const name = freshName('map');
      using map = filled(name);
      const holder = inTheMiddle(name, call, 'SIGSTOP', disable);
      await holder.said();
      const waiter = startWith(
        { env: { ISTHMUS_DISABLE: disable } },
        ({ SharedMap }, { args, say }) => {
          say('waits');
          say(SharedMap.attach<string, number>(args[0]!).add('a', 7));
        },
        name,
      );
      await waiter.said();
      await until(() => readFileSync(`/proc/${waiter.pid}/stat`, 'latin1').includes(') S'));
      holder.kill();
      expect(await waiter.said()).toBe(107);
      await waiter.done();
      expect(now(map)).toEqual([107, ...old.slice(1)]);
      checkMap(name);
    },
  );

  test('while a process is stopped, readers go on, and who changes something gives up when it said so', async () => {
    const name = freshName('map');
    using map = filled(name);
    const peer = inTheMiddle(name, call, 'SIGSTOP');
    await peer.said();
    await until(() => /\) T/.test(readFileSync(`/proc/${peer.pid}/stat`, 'latin1')));
    using impatient = SharedMap.attach<string, number>(name, { timeout: 30 });
    expect([now(map), map.size, [...map].length, map.has('a'), map.ttl('a')]).toEqual([
      old,
      3,
      3,
      true,
      Number.POSITIVE_INFINITY,
    ]);
    const code = coded('ERR_ISTHMUS_TIMEOUT');
    expect(() => impatient.set('b', 1)).toThrow(code);
    expect(() => impatient.update('b', () => 1)).toThrow(code);
    expect(() => impatient.transaction(() => 1)).toThrow(code);
    expect(() => impatient.delete('b')).toThrow(code);
    expect(() => impatient.clear()).toThrow(code);
    expect(impatient.get('b')).toBe(100);
    expect(contents(name)['changing']).toMatchObject({ pid: peer.pid });
    peer.kill('SIGCONT');
    peer.tell();
    await peer.done();
    expect(now(map)).toEqual(call === 'update' ? [-1, 100, 100, undefined] : [-1, undefined, 100, -1]);
    impatient.set('b', 1);
    checkMap(name);
  });

  test('worker.terminate() leaves the old state', async () => {
    const name = freshName('map');
    using map = filled(name);
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       const [name, call] = workerData;
       const map = require('isthmus').SharedMap.attach(name);
       map[call](...(call === 'update' ? ['a'] : []), (tx) => {
         if (call === 'transaction') tx.set('a', -1);
         parentPort.postMessage('inside');
         for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
       });`,
      { eval: true, workerData: [name, call] },
    );
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    expect(now(map)).toEqual(old);
    map.add('b', 1);
    checkMap(name);
  });
});

test('killed at random moments of transactions, two at a time: all whole or nothing', async () => {
  const name = freshName('map');
  using map = SharedMap.create<string, unknown>(name, { maxBytes: '256KB', evict: 'none' });
  map.setMany(Array.from({ length: 50 }, (_, n): [string, unknown] => [`account ${n}`, 100]));
  const sum = () =>
    map
      .getMany(Array.from({ length: 50 }, (_, n) => `account ${n}`))
      .reduce((all: number, one) => all + (one as number), 0);
  for (let round = 0; round < 6; round++) {
    const peers = Array.from({ length: 2 }, (_, n) =>
      start(
        ({ SharedMap }, { args, say }) => {
          const map = SharedMap.attach<string, unknown>(args[0]!);
          let state = Number(args[1]);
          const below = (n: number) => {
            state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
            return (state >>> 8) % n;
          };
          say('ready');
          for (;;) {
            const [from, to, amount] = [`account ${below(50)}`, `account ${below(50)}`, below(10)];
            map.transaction((tx) => {
              tx.add(from, -amount as never);
              tx.add(to, amount as never);
              tx.set(`note ${below(300)}`, 'n'.repeat(below(400)));
              if (below(2) === 0) tx.delete(`note ${below(300)}`);
            });
            if (below(500) === 0) for (let n = 0; n < 300; n++) map.delete(`note ${n}`);
          }
        },
        name,
        round * 2 + n,
      ),
    );
    for (const peer of peers) await peer.said();
    await new Promise((resolve) => setTimeout(resolve, 20 + 13 * round));
    for (const peer of peers) peer.kill();
    for (const peer of peers) await peer.exited;
    map.transaction(() => checkMap(name, { lock: 'held' }));
    expect(sum()).toBe(5000);
    checkMap(name);
  }
});

describe('a reader beside writers that are as fast as they can be', () => {
  /** Values that say what they must be: a number, the key, and as many bytes as follow from it. */
  const writer = (name: string) =>
    start(({ SharedMap }, { args, say }) => {
      const map = SharedMap.attach<string, string>(args[0]!);
      say('ready');
      for (let n = 1; ; n++) {
        const key = `k${n % 7}`;
        map.set(key, `${n} ${key} `.padEnd(20 + ((n * 37) % 900), String(n % 10)));
        if (n % 50 === 0) map.delete(`k${n % 3}`);
        map.setMany([
          ['left', `${n}`],
          ['right', `${n}`],
        ]);
      }
    }, name);

  test('no value is torn, many are of one moment, none is stale for ever', async () => {
    const name = freshName('map');
    using map = SharedMap.create<string, string>(name, { maxBytes: '64KB' });
    const peer = writer(name);
    await peer.said();
    const last = new Map<string, number>();
    let moved = 0;
    // For 700 ms, and until there was something to see (but for 30 s at most).
    const begun = performance.now();
    for (let ms = 0; ms < 700 || (moved <= 20 && ms < 30_000); ms = performance.now() - begun) {
      for (let k = 0; k < 7; k++) {
        const key = `k${k}`;
        const value = map.get(key);
        if (value === undefined) continue;
        const n = Number.parseInt(value, 10);
        if (value !== `${n} ${key} `.padEnd(20 + ((n * 37) % 900), String(n % 10)))
          throw new Error(`torn: ${value}`);
        if (n < (last.get(key) ?? 0)) throw new Error(`${key} was ${last.get(key)}, is ${n}`);
        if (n > (last.get(key) ?? 0)) moved++;
        last.set(key, n);
      }
      const [left, right] = map.getMany(['left', 'right']);
      if (left !== right) throw new Error(`${left} beside ${right}`);
      for (const [key, value] of map)
        if (key.startsWith('k') && value.split(' ')[1] !== key) throw new Error(`${key}: ${value}`);
    }
    expect(moved).toBeGreaterThan(20);
    peer.kill();
    await peer.exited;
    map.delete('left');
    checkMap(name);
  });

  test('iteration: each key that stays comes exactly once while others are added and removed', async () => {
    const name = freshName('map');
    using map = SharedMap.create<string, number>(name, { maxBytes: '4MB' });
    for (let n = 0; n < 300; n++) map.set(`stays ${n}`, n);
    const peers = [0, 1].map((who) =>
      start(
        ({ SharedMap }, { args, say }) => {
          const map = SharedMap.attach<string, number>(args[0]!);
          say('ready');
          for (let n = 0; ; n++) {
            map.set(`${args[1]} ${n}`, n); // the table grows
            if (n % 3 === 0) map.delete(`${args[1]} ${n - 40}`);
            if (n % 5 === 0) map.set(`stays ${n % 300}`, n, { ttl: 1e9 }); // a new block in the place of the old one
            if (n > 12_000) n = 0;
          }
        },
        name,
        who,
      ),
    );
    for (const peer of peers) await peer.said();
    const sizes = new Set<number>();
    // Where the writers have no core of their own, all rounds may lie between two turns of theirs: then there are more.
    const end = performance.now() + 30_000;
    for (let round = 0; round < 25 || (sizes.size <= 5 && performance.now() < end); round++) {
      const seen = [...map.keys()];
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((key) => key.startsWith('stays')).length).toBe(300);
      sizes.add(map.size);
      await new Promise(setImmediate);
    }
    expect(sizes.size).toBeGreaterThan(5);
    for (const peer of peers) peer.kill();
    for (const peer of peers) await peer.exited;
    map.delete('nothing');
    checkMap(name);
  });
});

test.each([
  ['add', 6000],
  ['update', 6000],
  ['transaction', 6000],
  ['compareAndSet', 6000],
])('%s by three processes at once loses nothing', async (call, sum) => {
  const name = freshName('map');
  using map = SharedMap.create<string, number>(name);
  const peers = [1, 2, 3].map(() =>
    start(
      ({ SharedMap }, { args }) => {
        const map = SharedMap.attach<string, number>(args[0]!);
        for (let n = 0; n < 2000; n++) {
          if (args[1] === 'add') map.add('n', 1);
          else if (args[1] === 'update') map.update('n', (now) => (now ?? 0) + 1);
          else if (args[1] === 'transaction') map.transaction((tx) => tx.add('n', 1));
          else for (let now = map.get('n'); !map.compareAndSet('n', now, (now ?? 0) + 1); now = map.get('n'));
        }
      },
      name,
      call,
    ),
  );
  for (const peer of peers) await peer.done();
  expect(map.get('n')).toBe(sum);
  checkMap(name);
});

test('of several processes that ask for what is not there one computes', async () => {
  const name = freshName('map');
  SharedMap.create(name).close();
  const peers = [0, 1, 2].map(() =>
    start(({ SharedMap }, { args, say }) => {
      const map = SharedMap.attach<string, string | number>(args[0]!);
      const nap = new Int32Array(new SharedArrayBuffer(4));
      for (let n = 0; n < 20; n++)
        say(
          map.getOrInsertComputed(`k${n}`, (key) => {
            Atomics.wait(nap, 0, 0, 2);
            return `${key} by ${process.pid} at ${process.hrtime.bigint()}`;
          }),
        );
    }, name),
  );
  for (let n = 0; n < 20; n++) {
    const [a, b, c] = [await peers[0]!.said(), await peers[1]!.said(), await peers[2]!.said()];
    expect([b, c]).toEqual([a, a]);
  }
});

test("evict 'lru' keeps within its limits under three writers, and every value is whole", async () => {
  for (const options of [{ maxEntries: 100 }, { maxBytes: '32KB' }]) {
    const name = freshName('map');
    using map = SharedMap.create<string, string>(name, { evict: 'lru', ...options });
    const peers = [0, 1, 2].map((who) =>
      start(
        ({ SharedMap }, { args }) => {
          const map = SharedMap.attach<string, string>(args[0]!);
          for (let n = 0; n < 1500; n++) {
            const key = `${args[1]} ${n % 700}`;
            map.set(key, `${key} `.repeat(1 + (n % 30)));
            map.get(`${args[1]} ${(n * 7) % 700}`);
          }
        },
        name,
        who,
      ),
    );
    const ended = Promise.all(peers.map((peer) => peer.done())).then(() => true);
    while (!(await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5, false))]))) {
      const { entries, usedBytes, maxBytes } = map.stats();
      expect(entries <= map.maxEntries && usedBytes <= maxBytes).toBe(true);
    }
    for (const [key, value] of map) expect(value.replaceAll(`${key} `, '')).toBe('');
    expect(map.stats().evicted).toBeGreaterThan(500);
    checkMap(name);
  }
});

describe('news', () => {
  test('changes() tells of what other processes change, in order; with a key, of its values', async () => {
    const name = freshName('map');
    using map = SharedMap.create<string, number>(name);
    const peer = start(async ({ SharedMap }, { args, say, heard }) => {
      const map = SharedMap.attach<string, number>(args[0]!);
      const news = map.changes();
      const values = map.changes({ key: 'b' });
      say('listens');
      for (let n = 0; n < 6; n++) say((await news.next()).value);
      say((await values.next()).value);
      await heard();
      say((await values.next()).value);
    }, name);
    expect(await peer.said()).toBe('listens');
    map.set('a', 1);
    map.setMany([
      ['b', 2],
      ['c', 3],
    ]);
    map.delete('a');
    map.transaction((tx) => tx.add('b', 5));
    map.clear();
    const told = [];
    for (let n = 0; n < 6; n++) told.push(await peer.said());
    expect(told).toEqual([
      { type: 'set', key: 'a' },
      { type: 'set', key: 'b' },
      { type: 'set', key: 'c' },
      { type: 'delete', key: 'a' },
      { type: 'set', key: 'b' },
      { type: 'clear' },
    ]);
    expect(await peer.said()).toBeUndefined(); // several in a row are one
    peer.tell();
    map.set('a', 1); // not its key
    map.set('b', 9);
    expect(await peer.said()).toBe(9);
    await peer.done();
  });

  test('after a kill in the middle of a change anything may have changed', async () => {
    const name = freshName('map');
    using map = filled(name);
    const news = map.changes();
    const peer = inTheMiddle(name, 'update', 'SIGKILL');
    await peer.exited;
    map.set('b', 1);
    expect((await news.next()).value).toEqual({ type: 'unknown' });
    expect((await news.next()).value).toEqual({ type: 'set', key: 'b' });
  });

  test('who is too slow is told so, and then goes on', async () => {
    const name = freshName('map');
    using map = SharedMap.create<string, number>(name);
    const news = map.changes();
    const key = 'long '.repeat(500);
    for (let n = 0; n < 100; n++) map.set(key, n);
    expect((await news.next()).value).toEqual({ type: 'unknown' });
    map.set('a', 1);
    expect((await news.next()).value).toEqual({ type: 'set', key: 'a' });
  });

  test('what expires or goes for want of room is told when it is removed', async () => {
    const name = freshName('map');
    using map = SharedMap.create<string, number>(name, { maxEntries: 2, evict: 'lru' });
    map.set('a', 1, { ttl: 1 });
    await new Promise((resolve) => setTimeout(resolve, 4));
    const news = map.changes();
    expect(map.size).toBe(0);
    expect((await news.next()).value).toEqual({ type: 'delete', key: 'a' });
    map.set('b', 1).set('c', 1).set('d', 1);
    const told = [];
    for (let n = 0; n < 4; n++) told.push((await news.next()).value);
    expect(told).toContainEqual({ type: 'delete', key: map.has('b') ? 'c' : 'b' });
  });

  test('a signal ends it; what waits keeps the process alive unless it is unref()ed', async () => {
    const name = freshName('map');
    using map = SharedMap.create<string, number>(name);
    const abort = new AbortController();
    const waits = map.changes({ signal: abort.signal }).next();
    abort.abort(new Error('enough'));
    await expect(waits).rejects.toThrow('enough');
    expect(() => map.changes({ signall: 1 } as never)).toThrow(coded('ERR_INVALID_ARG_VALUE'));
    const alive = start(({ SharedMap }, { args, say }) => {
      const map = SharedMap.attach(args[0]!);
      void map
        .changes()
        .next()
        .then(() => say('told'));
      say('waits');
    }, name);
    const idle = start(
      ({ SharedMap }, { args }) => void SharedMap.attach(args[0]!).unref().changes().next(),
      name,
    );
    await idle.exited;
    await alive.said();
    map.set('a', 1);
    expect(await alive.said()).toBe('told');
    await alive.done();
  });
});

test('a codec of its own, and keys that only one process can spell, mean the same everywhere', async () => {
  const name = freshName('map');
  using map = SharedMap.create<never, unknown>(name);
  const entries: [unknown, unknown][] = [
    [1, 'number'],
    ['1', 'string'],
    [1n, 'bigint'],
    [true, { a: [1, new Map([[1, 2]])] }],
    [new Uint8Array([1, 2]), new Date(7)],
    ['\ud800', '\udfff'],
    [Number.NaN, null],
  ];
  map.setMany(entries as never);
  const peer = start(
    ({ SharedMap }, { args, say }) => {
      const map = SharedMap.attach<never, unknown>(args[0]!);
      say(map.getMany((args[1] as unknown as [never][]).map(([key]) => key)));
      say([...map.keys()].length);
    },
    name,
    entries.map(([key]) => [key]),
  );
  expect(await peer.said()).toEqual(entries.map(([, value]) => value));
  expect(await peer.said()).toBe(entries.length);
});

test('an entry that one process lets expire is gone for all', async () => {
  const name = freshName('map');
  using map = SharedMap.create<string, number>(name, { ttl: 100 });
  const peer = start(({ SharedMap }, { args, say }) => {
    SharedMap.attach<string, number>(args[0]!).set('a', 1).set('b', 2, { ttl: 1e9 });
    say('done');
  }, name);
  await peer.said();
  await new Promise((resolve) => setTimeout(resolve, 110));
  expect([map.get('a'), map.has('a'), map.size, map.get('b'), [...map.keys()]]).toEqual([
    undefined,
    false,
    1,
    2,
    ['b'],
  ]);
  checkMap(name);
});
