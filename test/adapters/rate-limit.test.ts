// isthmus/rate-limit: what express-rate-limit asks of a store, and that processes count exactly together.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Options, rateLimit, type Store } from 'express-rate-limit';
import { SharedMap } from 'isthmus';
import SharedMemoryStore, { SharedMemoryStore as Named } from 'isthmus/rate-limit';
import { expect, onTestFinished, test } from 'vitest';
import { freshName, nodeRequire, start } from '../processes/start.js';

/** A store on a map of its own (or of the given name). */
function makeStore(
  windowMs: number,
  name: string | SharedMap<string, unknown> = freshName('limit'),
  options?: ConstructorParameters<typeof SharedMemoryStore>[1],
): SharedMemoryStore {
  const store = new SharedMemoryStore(name, options);
  store.init({ windowMs });
  onTestFinished(() => store.shutdown());
  return store;
}

test('it is what express-rate-limit calls a store, under each of its names', () => {
  const store: Store = makeStore(1_000);
  store.init?.({ windowMs: 1_000 } as Options);
  expect(store.localKeys).toBe(false);
  expect(store.prefix).toBe('rl:');
  expect(Named).toBe(SharedMemoryStore);
  expect(nodeRequire('isthmus/rate-limit').SharedMemoryStore).toBe(SharedMemoryStore);
  expect(nodeRequire('isthmus/rate-limit').default).toBe(SharedMemoryStore);
});

test('counts up and down, and forgets', () => {
  const store = makeStore(600_000);
  const before = Date.now();
  expect(store.get('a')).toBeUndefined();
  const { totalHits, resetTime } = store.increment('a');
  expect(totalHits).toBe(1);
  expect(resetTime.getTime()).toBeGreaterThanOrEqual(before + 599_999);
  expect(resetTime.getTime()).toBeLessThanOrEqual(Date.now() + 600_001);
  expect(store.increment('a').totalHits).toBe(2);
  expect(store.increment('b').totalHits).toBe(1);
  store.decrement('a');
  expect(store.get('a')?.totalHits).toBe(1);
  store.decrement('a');
  store.decrement('a'); // never below 0
  store.decrement('nobody');
  expect(store.get('a')?.totalHits).toBe(0);
  expect(store.get('nobody')).toBeUndefined();
  // The window is still the first one's.
  expect(store.increment('a')).toEqual({ totalHits: 1, resetTime });
  store.resetKey('a');
  expect(store.get('a')).toBeUndefined();
  expect(store.get('b')?.totalHits).toBe(1);
});

test('resetAll forgets the clients of its prefix', () => {
  const map = SharedMap.create<string, unknown>(freshName('limit'));
  const [one, other] = ['one:', 'other:'].map((prefix) => makeStore(600_000, map, { prefix }));
  for (let n = 0; n < 300; n++) for (const store of [one, other]) store!.increment(`${n}`);
  map.set('mine', 1);
  one!.resetAll();
  expect(map.size).toBe(301);
  expect([one!.get('7'), other!.get('7')?.totalHits]).toEqual([undefined, 1]);
  one!.shutdown();
  expect(map.closed).toBe(false);
  map.close();
});

test('a window ends, whatever happens in it, and the next hit begins another one', async () => {
  const store = makeStore(100);
  const { resetTime } = store.increment('a');
  for (let hits = 2; hits < 10; hits++) {
    await sleep(5);
    if (store.increment('a').totalHits < hits) break; // a slow machine: the window was over
  }
  while (store.get('a') !== undefined) await sleep(5);
  expect(Date.now()).toBeGreaterThanOrEqual(resetTime.getTime() - 1);
  store.decrement('a'); // not in the next one
  const next = store.increment('a');
  expect(next.totalHits).toBe(1);
  expect(next.resetTime.getTime()).toBeGreaterThanOrEqual(resetTime.getTime() + 98);
});

test('arguments that make no sense', () => {
  const store = makeStore(1_000);
  for (const windowMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5'])
    expect(() => store.init({ windowMs } as never), String(windowMs)).toThrow(/windowMs must be a number/);
  expect(() => new SharedMemoryStore(undefined as never)).toThrow(/name of a SharedMap/);
  expect(() => new SharedMemoryStore(freshName(), { prefix: 5 } as never)).toThrow(/prefix must be a string/);
  expect(() => new SharedMemoryStore(store.map, { maxBytes: '1MB' })).toThrow(/must be left out/);
});

test('four unrelated processes hammer one key: no hit is lost, none counts twice', async () => {
  const store = makeStore(600_000);
  const peers = [0, 1, 2, 3].map(() =>
    start(async (_, { args: [name], say, heard, require }) => {
      const { SharedMemoryStore } = require('isthmus/rate-limit') as typeof import('isthmus/rate-limit');
      const store = new SharedMemoryStore(name!);
      store.init({ windowMs: 600_000 });
      say();
      await heard();
      const seen = new Uint32Array(5_000);
      for (let n = 0; n < seen.length; n++) seen[n] = store.increment('everybody').totalHits;
      say(seen);
      store.shutdown();
    }, store.map.name),
  );
  for (const peer of peers) await peer.said();
  for (const peer of peers) peer.tell();
  const seen = (await Promise.all(peers.map((peer) => peer.said<Uint32Array>()))).flatMap((one) => [...one]);
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 20_000 }, (_, n) => n + 1));
  expect(store.get('everybody')?.totalHits).toBe(20_000);
});

test('processes that race at the ends of windows count every hit in exactly one', async () => {
  const WINDOW = 20;
  const store = makeStore(WINDOW);
  const peers = [0, 1].map(() =>
    start(
      async (_, { args, say, heard, require }) => {
        const { SharedMemoryStore } = require('isthmus/rate-limit') as typeof import('isthmus/rate-limit');
        const [name, windowMs] = args as unknown as [string, number];
        const store = new SharedMemoryStore(name);
        store.init({ windowMs });
        // The time of day in µs: no two windows have the same, though a process may be stopped for one while it begins it.
        Date.now = () => Number(process.hrtime.bigint() / 1_000n);
        say();
        await heard();
        const hits: [number, number][] = [];
        const windows = new Set<number>();
        // For 1.5 s, and until there were some (but for 30 s at most).
        const begun = performance.now();
        for (let ms = 0; ms < 1_500 || (windows.size <= 5 && ms < 30_000); ms = performance.now() - begun) {
          const { totalHits, resetTime } = store.increment('a');
          hits.push([resetTime.getTime(), totalHits]);
          windows.add(resetTime.getTime());
        }
        say(hits);
        store.shutdown();
      },
      store.map.name,
      WINDOW,
    ),
  );
  for (const peer of peers) await peer.said();
  for (const peer of peers) peer.tell();
  const all = (await Promise.all(peers.map((peer) => peer.said<[number, number][]>()))).flat();
  const windows = new Map<number, number[]>();
  for (const [resetTime, totalHits] of all)
    windows.set(resetTime, [...(windows.get(resetTime) ?? []), totalHits]);
  expect(windows.size).toBeGreaterThan(5);
  for (const hits of windows.values())
    expect(hits.sort((a, b) => a - b)).toEqual(Array.from(hits, (_, n) => n + 1));
});

// It comes without types.
const express = nodeRequire('express');

/** Runs an app until the test is over; its address. */
async function serve(app: RequestListener): Promise<string> {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('in an app, with every check of express-rate-limit on: nothing to complain about', async () => {
  const complaints: unknown[] = [];
  const logger = {
    warn: (text: unknown) => complaints.push(text),
    error: (text: unknown) => complaints.push(text),
  };
  const map = SharedMap.create<string, unknown>(freshName('limit'));
  onTestFinished(() => map.close());
  const app = express();
  for (const prefix of ['burst:', 'day:'])
    app.use(
      rateLimit({
        windowMs: 60_000,
        limit: prefix === 'day:' ? 3 : 100,
        standardHeaders: prefix === 'day:' ? 'draft-8' : 'draft-7',
        legacyHeaders: true,
        skipFailedRequests: true,
        store: new SharedMemoryStore(map, { prefix }),
        validate: true,
        logger,
      }),
    );
  app.get('/fails', (_: unknown, response: ServerResponse) => void response.writeHead(500).end());
  app.get('/', (_: unknown, response: ServerResponse) => void response.end('well'));
  const url = await serve(app);
  for (const path of ['/', '/fails', '/fails', '/fails', '/', '/'])
    expect((await fetch(url + path)).status, path).toBe(path === '/' ? 200 : 500);
  const refused = await fetch(url);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(refused.headers.get('ratelimit')).toMatch(/r=0; t=\d+/);
  expect(complaints).toEqual([]);
  expect([...map.keys()].sort()).toEqual(['burst:127.0.0.1', 'day:127.0.0.1']);
});

test('two cluster workers together let exactly the limit through', async () => {
  const name = freshName('limit');
  const [LIMIT, REQUESTS] = [40, 100];
  const file = fileURLToPath(new URL('limited-app.mjs', import.meta.url));
  const app = spawn(process.execPath, [file, name, `${LIMIT}`], { stdio: ['pipe', 'pipe', 'pipe'] });
  const dog = setTimeout(() => app.kill('SIGKILL'), 40_000);
  onTestFinished(() => {
    clearTimeout(dog);
    app.kill('SIGKILL');
  });
  let complaints = '';
  app.stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  const ended = once(app, 'close');
  const [port] = await Promise.race([
    once(createInterface({ input: app.stdout }), 'line'),
    ended.then(() => Promise.reject(new Error(`the app ended: ${complaints}`))),
  ]);
  const workers = new Set<string | null>();
  const used: number[] = [];
  let refused = 0;
  await Promise.all(
    Array.from({ length: REQUESTS }, async () => {
      const response = await fetch(`http://127.0.0.1:${port}`);
      workers.add(response.headers.get('x-worker'));
      if (response.status === 200) used.push(Number(await response.text()));
      else if (response.status === 429) refused++;
    }),
  );
  expect(workers.size).toBe(2);
  expect(used.sort((a, b) => a - b)).toEqual(Array.from({ length: LIMIT }, (_, n) => n + 1));
  expect(refused).toBe(REQUESTS - LIMIT);
  app.stdin.end();
  expect((await ended)[0]).toBe(0);
  expect(complaints).toBe('');
});
