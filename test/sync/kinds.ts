// What can be waited for in lib/sync, in one table: what holds for every wait is tested for each. And how to see, from
// outside, that a process sleeps.

import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type * as Isthmus from 'isthmus';
import { inspect } from 'isthmus';
import { expect } from 'vitest';
import { type Options, type Peer, startWith } from '../processes/start.js';

export type Form = 'Sync' | 'promise';

interface Handle {
  close(): void;
  ref(): unknown;
  unref(): unknown;
  [Symbol.dispose](): void;
}

/** The functions see only their parameters: they run in other processes, too. */
export interface Kind<T extends Handle = Handle, B = unknown> {
  /** `waiters`: how many wait before somebody lets them go on. */
  readonly open: (isthmus: typeof Isthmus, name: string, waiters: number) => T;
  /** What makes others wait. */
  readonly block: (thing: T) => B;
  /** Waits until `go`, and leaves nothing behind then. */
  readonly wait: (thing: T, form: Form, wait?: Isthmus.WaitOptions) => unknown;
  /** Lets all who wait go on. */
  readonly go: (thing: T, blocked: B) => unknown;
  /** Whoever gives up ends the others' waits with an error. */
  readonly breaks?: boolean;
  /** It counts who waits, and who comes too late for `go` (or has not yet come when one dies) is not let go on by it. */
  readonly counts?: boolean;
  /** Whoever waits first has its turn first, also if it is stopped. */
  readonly queues?: boolean;
}

const kind = <T extends Handle, B>(one: Kind<T, B>): Kind => one as unknown as Kind;

export const KINDS: Record<string, Kind> = {
  PermitPool: kind({
    open: ({ PermitPool }, name) => PermitPool.open(name, 1),
    block: (pool) => pool.acquireSync(),
    wait: (pool, form, wait) =>
      form === 'Sync' ? pool.withPermitSync(() => 1, wait) : pool.withPermit(() => 1, wait),
    go: (_pool, permit) => permit.release(),
  }),
  RLock: kind({
    open: ({ RLock }, name) => RLock.open(name),
    block: (lock) => lock.acquireSync(),
    wait: (lock, form, wait) =>
      form === 'Sync' ? lock.withLockSync(() => 1, wait) : lock.withLock(() => 1, wait),
    go: (_lock, guard) => guard.release(),
  }),
  'RwLock.read': kind({
    open: ({ RwLock }, name) => RwLock.open(name),
    block: (lock) => lock.write.acquireSync(),
    wait: (lock, form, wait) =>
      form === 'Sync' ? lock.read.withLockSync(() => 1, wait) : lock.read.withLock(() => 1, wait),
    go: (_lock, guard) => guard.release(),
  }),
  'RwLock.write behind a reader': kind({
    open: ({ RwLock }, name) => RwLock.open(name),
    block: (lock) => lock.read.acquireSync(),
    wait: (lock, form, wait) =>
      form === 'Sync' ? lock.write.withLockSync(() => 1, wait) : lock.write.withLock(() => 1, wait),
    go: (_lock, guard) => guard.release(),
    queues: true, // it is in the word and keeps new readers out
  }),
  'RwLock.write behind a writer': kind({
    open: ({ RwLock }, name) => RwLock.open(name),
    block: (lock) => lock.write.acquireSync(),
    wait: (lock, form, wait) =>
      form === 'Sync' ? lock.write.withLockSync(() => 1, wait) : lock.write.withLock(() => 1, wait),
    go: (_lock, guard) => guard.release(),
  }),
  Event: kind({
    open: ({ Event }, name) => Event.open(name),
    block: () => undefined,
    wait: (event, form, wait) => (form === 'Sync' ? event.waitSync(wait) : event.wait(wait)),
    go: (event) => event.set(),
  }),
  Condition: kind({
    open: ({ Condition }, name) => Condition.open(name),
    block: () => undefined,
    wait: (condition, form, wait) =>
      form === 'Sync'
        ? condition.lock.withLockSync((guard) => condition.waitSync(guard, wait))
        : condition.lock.withLock((guard) => condition.wait(guard, wait)),
    // Behind those of this process that are about to wait.
    go: (condition) => condition.lock.withLock(() => condition.notifyAll()),
    counts: true,
  }),
  Barrier: kind({
    open: ({ Barrier }, name, waiters) => Barrier.open(name, waiters + 1),
    block: () => undefined,
    wait: (barrier, form, wait) => (form === 'Sync' ? barrier.waitSync(wait) : barrier.wait(wait)),
    go: (barrier) => barrier.wait({ timeout: 40_000 }),
    breaks: true,
    counts: true,
  }),
};

/** For another process: what it is to open and wait for. */
export const sourceOf = ({ open, wait }: Kind): string =>
  `({ open: ${open.toString()}, wait: ${wait.toString()} })`;

/** A process that waits: says 'waiting', then 'done' or the error's code. */
export function waiter(
  kind: Kind,
  form: Form,
  name: string,
  { waiters = 1, wait, ...options }: Options & { waiters?: number; wait?: Isthmus.WaitOptions } = {},
): Peer {
  return startWith(
    options,
    async (isthmus, { args, say }) => {
      const [source, form, name, waiters, wait] = args as unknown as [string, Form, string, number, object];
      const kind = new Function(`return ${source}`)() as Kind;
      const thing = kind.open(isthmus, name, waiters);
      say('waiting');
      try {
        await kind.wait(thing, form, wait);
        say('done');
      } catch (error) {
        say((error as { code?: string }).code ?? String(error));
      }
    },
    sourceOf(kind),
    form,
    name,
    waiters,
    wait,
  );
}

/** The same in a worker of this process. */
export function workerThatWaits(kind: Kind, form: Form, name: string, waiters = 1): Worker {
  return new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const [form, name, waiters] = workerData;
     const kind = ${sourceOf(kind)};
     const thing = kind.open(require('isthmus'), name, waiters);
     parentPort.postMessage('waiting');
     (async () => kind.wait(thing, form))().then(
       () => parentPort.postMessage('done'),
       (error) => parentPort.postMessage(error.code ?? String(error)),
     );`,
    { eval: true, workerData: [form, name, waiters] },
  );
}

/** Until so many wait, where that matters: "waiting" is said before the wait begins, and a pause is no proof that it has. */
export async function arrived(kind: Kind, name: string, count: number): Promise<void> {
  if (kind.counts) await until(() => contents(name)['waiting'] === count);
}

/** Until the processes have done nothing for a while: they sleep. (If not yet, the test tests less, but does not fail.) */
export async function asleep(...peers: readonly Peer[]): Promise<void> {
  for (const { pid } of peers) {
    let before = '';
    for (let quiet = 0; quiet < 3; ) {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      const used = fields.slice(11, 13).join();
      quiet = fields[0] === 'S' && used === before ? quiet + 1 : 0;
      before = used;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Until it is so. */
export async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 40_000; !holds(); ) {
    if (performance.now() > end) throw new Error(`never: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What a tool sees in the object, without taking part. */
export function contents(name: string): Record<string, unknown> {
  return inspect(name).contents ?? {};
}

/** Each way of noticing a death, alone: what ISTHMUS_DISABLE turns off. */
export const WAYS = [
  ['death marks', ''],
  ['lock bytes only', 'death_marks'],
  ['marks without futex_waitv', 'futex_waitv'],
  ['lock bytes without futex_waitv', 'death_marks,futex_waitv'],
] as const;

/** For `toThrow`: an error with this code. */
export const coded = (code: string): unknown => expect.objectContaining({ code });
