/**
 * One process of `isthmus bench`. `bench-actor ID NAME` measures that subject and prints ns per operation; `bench-actor
 * peer ID NAME` is its other side. NAME is one that nobody else uses.
 */

import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Lock, SharedMap, type SpscConsumer, type SpscProducer, SpscQueue, Value } from '../index.mjs';

const SELF = fileURLToPath(import.meta.url);
const WARM_UP = 100;
const MEASURE = 120;
/** A side that has lost the other one gives up. */
const timeout = 10_000;
const MESSAGE = new Uint8Array(64).fill(7);
const END = 'end';

/** Runs batches for a while, then measures; ns per operation. */
function timed(perBatch: number, batch: () => void): number {
  const until = (ms: number): number => {
    const begin = process.hrtime.bigint();
    const end = begin + BigInt(ms * 1e6);
    let batches = 0;
    let now: bigint;
    do {
      batch();
      batches++;
      now = process.hrtime.bigint();
    } while (now < end);
    return Number(now - begin) / (batches * perBatch);
  };
  until(WARM_UP);
  return until(MEASURE);
}

/** The same with batches that end later. */
async function timedLater(perBatch: number, batch: () => Promise<void>): Promise<number> {
  const until = async (ms: number): Promise<number> => {
    const begin = performance.now();
    let batches = 0;
    do {
      await batch();
      batches++;
    } while (performance.now() - begin < ms);
    return ((performance.now() - begin) * 1e6) / (batches * perBatch);
  };
  await until(WARM_UP);
  return until(MEASURE);
}

function repeat(times: number, act: (n: number) => void): () => void {
  return () => {
    for (let n = 0; n < times; n++) act(n);
  };
}

/** Objects go with those who use them. */
const lifetime = 'attached';

function using<O extends { close(): void }>(object: O, measure: (object: O) => number): number {
  try {
    return measure(object);
  } finally {
    object.close();
  }
}

// ---- one process

function lock(name: string): number {
  return using(Lock.open(name, { lifetime }), (one) =>
    timed(
      1000,
      repeat(1000, () => one.acquireSync().release()),
    ),
  );
}

function value(name: string): number {
  return using(Value.open(name, 'i64', { lifetime }), (one) =>
    timed(
      1000,
      repeat(1000, () => void one.add(1n)),
    ),
  );
}

const KEYS = Array.from({ length: 1000 }, (_, n) => `key ${n}`);

function map(name: string, act: (map: SharedMap<string, number>, key: string, n: number) => void): number {
  const made = SharedMap.open<string, number>(name, { lifetime, maxBytes: '4MB' });
  return using(made, (one) => {
    for (const [n, key] of KEYS.entries()) one.set(key, n);
    return timed(
      1000,
      repeat(1000, (n) => act(one, KEYS[n]!, n)),
    );
  });
}

// ---- two processes, a queue for each direction

/** Messages for each answer: one way, and there and back. */
const ONE_WAY = 10_000;

function spsc(id: string, name: string): number {
  const out = SpscQueue.producer<Uint8Array | string>(`${name}-out`, { lifetime });
  const back = SpscQueue.consumer<Uint8Array>(`${name}-back`, { lifetime });
  const peer = spawn(process.execPath, [SELF, 'peer', id, name], { stdio: ['ignore', 'ignore', 'inherit'] });
  peer.on('error', () => undefined); // the first wait says so
  try {
    const perAnswer = id === 'spsc-one-way' ? ONE_WAY : 1;
    const exchange = (): void => {
      for (let n = 0; n < perAnswer; n++) out.putSync(MESSAGE, { timeout });
      back.getSync({ timeout });
    };
    exchange(); // the peer is there
    return timed(perAnswer, exchange);
  } finally {
    out.end();
    out.close();
    back.close();
  }
}

function spscPeer(id: string, name: string): void {
  // Attached, not opened: when all of it was interrupted, nothing is made anew.
  const from: SpscConsumer<Uint8Array> = SpscQueue.attach<Uint8Array>(`${name}-out`).consumer();
  const back: SpscProducer<Uint8Array> = SpscQueue.attach<Uint8Array>(`${name}-back`).producer();
  const perAnswer = id === 'spsc-one-way' ? ONE_WAY : 1;
  for (;;) {
    for (let n = 0; n < perAnswer; n++) if (from.getSync({ timeout }) === undefined) return;
    back.putSync(MESSAGE, { timeout });
  }
}

// ---- Node's own means

interface Channel {
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  close(): void;
}

async function ownMeans(id: string, channel: Channel): Promise<number> {
  let answered: () => void = () => undefined;
  channel.onMessage(() => answered());
  const perAnswer = id.endsWith('one-way') ? ONE_WAY : 1;
  const exchange = (): Promise<void> => {
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    for (let n = 0; n < perAnswer; n++) channel.send(MESSAGE);
    return answer;
  };
  await exchange();
  const result = await timedLater(perAnswer, exchange);
  channel.close();
  return result;
}

function answer(id: string, channel: Channel): void {
  const perAnswer = id.endsWith('one-way') ? ONE_WAY : 1;
  let count = 0;
  channel.onMessage((message) => {
    if (message === END) return channel.close();
    if (++count % perAnswer === 0) channel.send(MESSAGE);
  });
}

function child(id: string): Promise<number> {
  const peer = fork(SELF, ['peer', id, ''], { serialization: 'advanced' });
  return ownMeans(id, {
    send: (message) => void peer.send(message as Uint8Array),
    onMessage: (listener) => void peer.on('message', listener),
    close: () => void peer.send(END),
  });
}

async function worker(id: string): Promise<number> {
  const peer = new Worker(SELF, { workerData: id });
  await once(peer, 'online');
  return ownMeans(id, {
    send: (message) => peer.postMessage(message),
    onMessage: (listener) => void peer.on('message', listener),
    close: () => peer.postMessage(END),
  });
}

// ---- who this process is

function measure(id: string, name: string): number | Promise<number> {
  if (id === 'lock') return lock(name);
  if (id === 'value') return value(name);
  if (id === 'map-set') return map(name, (one, key, n) => one.set(key, n));
  if (id === 'map-get') return map(name, (one, key) => void one.get(key));
  if (id.startsWith('spsc')) return spsc(id, name);
  return id.startsWith('child') ? child(id) : worker(id);
}

function bePeer(id: string, name: string): void {
  if (id.startsWith('spsc')) spscPeer(id, name);
  else answerParent(id);
}

function answerParent(id: string): void {
  answer(id, {
    send: (message) => void process.send!(message),
    onMessage: (listener) => void process.on('message', listener),
    close: () => process.disconnect(),
  });
}

const [first, second, third] = process.argv.slice(2);
if (!isMainThread) {
  const port = parentPort!;
  answer(workerData as string, {
    send: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', listener),
    close: () => port.close(),
  });
} else if (first === 'peer') bePeer(second!, third!);
else process.stdout.write(String(await measure(first!, second!)));
