// One wait for any of several objects, between unrelated processes, in both forms.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import {
  ClosedError,
  Condition,
  DeadlockError,
  Event,
  type Guard,
  inspect,
  Lock,
  PermitPool,
  RLock,
  RwLock,
  Semaphore,
  SharedArray,
  SpscQueue,
  TimeoutError,
  Value,
  type Waitable,
  type WaitOptions,
  waitAny,
  waitAnySync,
} from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, type Options, type Peer, start, startWith } from '../processes/start.js';
import { asleep, until, WAYS } from '../sync/kinds.js';

type Form = (typeof FORMS)[number];

const any = async <T extends Waitable>(
  form: Form,
  objects: readonly T[],
  wait?: WaitOptions,
): Promise<T[]> => (form === 'Sync' ? waitAnySync(objects, wait) : waitAny(objects, wait));

/** Opens things by what they are; runs in other processes, too. */
type Spec = readonly [kind: string, name: string];
const openAll = (isthmus: typeof import('isthmus'), specs: readonly Spec[]): Waitable[] => {
  const { SpscQueue, Event, Value, Lock, RLock, PermitPool, RwLock } = isthmus;
  const makers: Record<string, (name: string) => Waitable> = {
    queue: (name) => SpscQueue.consumer(name),
    event: (name) => Event.open(name),
    value: (name) => Value.open(name, 'i32'),
    lock: (name) => Lock.open(name),
    rlock: (name) => RLock.open(name),
    pool: (name) => PermitPool.open(name, 1),
    read: (name) => RwLock.open(name).read,
    write: (name) => RwLock.open(name).write,
  };
  return specs.map(([kind, name]) => makers[kind]!(name));
};

/** A process that waits once, saying 'waiting' and then the numbers of those that are ready, or the error's code. */
async function waiter(form: Form, specs: readonly Spec[], options: Options = {}): Promise<Peer> {
  const peer = startWith(
    options,
    async (isthmus, { args, say }) => {
      const [form, specs, source] = args as unknown as [string, Spec[], string];
      const objects = (new Function(`return ${source}`)() as typeof openAll)(isthmus, specs);
      say('waiting');
      try {
        const ready = form === 'Sync' ? isthmus.waitAnySync(objects) : await isthmus.waitAny(objects);
        say(ready.map((one) => objects.indexOf(one)));
      } catch (error) {
        say((error as { code?: string }).code ?? String(error));
      }
    },
    form,
    specs,
    openAll.toString(),
  );
  expect(await peer.said()).toBe('waiting');
  await asleep(peer);
  return peer;
}

/** A process that does something for ever. */
async function holder(what: string, name: string, options: Options = {}): Promise<Peer> {
  const peer = startWith(
    options,
    ({ SpscQueue, Lock, RLock, PermitPool, RwLock }, { args, say }) => {
      const [what, name] = args as unknown as [string, string];
      const held: unknown[] = [];
      if (what === 'queue') held.push(SpscQueue.producer(name));
      if (what === 'lock') held.push(Lock.open(name).acquireSync());
      if (what === 'rlock') held.push(RLock.open(name).acquireSync());
      if (what === 'pool') held.push(PermitPool.open(name, 1).acquireSync());
      if (what === 'write') held.push(RwLock.open(name).read.acquireSync());
      if (what === 'read') held.push(RwLock.open(name).write.acquireSync());
      say();
      setInterval(() => held, 1000);
    },
    what,
    name,
  );
  await peer.said();
  return peer;
}

describe.each(FORMS)('%s form', (form) => {
  test('two queues and an event: those that are ready, in the order of the call', async () => {
    const names = [freshName(), freshName(), freshName()];
    using one = SpscQueue.consumer<string>(names[0]!);
    using two = SpscQueue.consumer<string>(names[1]!);
    using stop = Event.open(names[2]!);
    const peer = start(
      async ({ SpscQueue, Event }, { args, say, heard }) => {
        const [one, two, stop] = args as unknown as string[];
        const producers = [SpscQueue.producer<string>(one!), SpscQueue.producer<string>(two!)];
        const event = Event.open(stop!);
        for (;;) {
          say();
          const what = (await heard()) as string;
          setTimeout(() => {
            if (what.includes('2')) producers[1]!.putSync('to two');
            if (what.includes('1')) producers[0]!.putSync('to one');
            if (what.includes('s')) event.set();
          }, 50);
        }
      },
      ...names,
    );
    const ask = async (what: string): Promise<void> => {
      await peer.said();
      peer.tell(what);
    };
    const objects = [stop, two, one];
    await ask('1');
    expect(await any(form, objects)).toEqual([one]);
    expect(await any(form, objects)).toEqual([one]); // nothing was taken
    expect(one.tryGet()).toBe('to one');
    await ask('2');
    expect(await any(form, objects)).toEqual([two]);
    expect(two.tryGet()).toBe('to two');
    await ask('s');
    expect(await any(form, objects)).toEqual([stop]);
    await ask('12');
    await until(() => two.peek() !== undefined && one.peek() !== undefined);
    expect(await any(form, objects)).toEqual([stop, two, one]);
    peer.kill();
    await peer.exited;
  });

  test('several that are ready at once, also one event through two handles', async () => {
    const names = [freshName(), freshName(), freshName(), freshName()];
    using producer = SpscQueue.producer<string>(names[0]!);
    using consumer = SpscQueue.consumer<string>(names[0]!);
    using event = Event.open(names[1]!);
    using other = Event.open(names[1]!);
    using lock = Lock.open(names[2]!);
    using value = Value.open(names[3]!, 'i32');
    producer.putSync('x');
    event.set();
    const ready = await any(form, [value, lock, other, consumer, event]);
    expect(ready).toEqual([lock, other, consumer, event]);
    expect(ready[1]).toBe(other);
  });

  test('each kind, asleep: what makes it ready wakes, and only that one is ready', async () => {
    const specs = ['queue', 'event', 'value', 'lock', 'rlock', 'pool', 'read', 'write'].map(
      (kind) => [kind, freshName()] as const,
    );
    const nameOf = (kind: string): string => specs.find(([one]) => one === kind)![1];
    using producer = SpscQueue.producer<string>(nameOf('queue'));
    using event = Event.open(nameOf('event'));
    using value = Value.open(nameOf('value'), 'i32');
    using lock = Lock.open(nameOf('lock'));
    using rlock = RLock.open(nameOf('rlock'));
    using pool = PermitPool.open(nameOf('pool'), 1);
    using reading = RwLock.open(nameOf('read'));
    using writing = RwLock.open(nameOf('write'));
    for (const [n, [kind]] of specs.entries()) {
      const guards = {
        lock: lock.acquireSync(),
        rlock: rlock.acquireSync(),
        pool: pool.acquireSync(),
        read: reading.write.acquireSync(),
        write: writing.read.acquireSync(),
      };
      const peer = await waiter(form, specs);
      if (kind === 'queue') producer.putSync('x');
      else if (kind === 'event') {
        event.set();
        event.clear(); // it counts all the same
      } else if (kind === 'value') value.add(1);
      else guards[kind as keyof typeof guards].release();
      expect(await peer.said(), kind).toEqual([n]);
      await peer.done();
      if (kind === 'queue') {
        using consumer = SpscQueue.consumer(nameOf('queue'));
        consumer.tryGet();
      }
      for (const guard of Object.values(guards)) guard[Symbol.dispose]();
    }
  });

  test('a queue that has ended is ready, once everything is taken and before', async () => {
    const name = freshName();
    const idle = freshName();
    const peer = await waiter(form, [
      ['event', idle],
      ['queue', name],
    ]);
    {
      using producer = SpscQueue.producer(name);
      producer.end();
    }
    expect(await peer.said()).toEqual([1]);
    await peer.done();
    using consumer = SpscQueue.consumer(name);
    expect(await any(form, [consumer])).toEqual([consumer]);
    expect(consumer.getSync()).toBe(undefined);
  });

  test.each(WAYS)('a producer that is killed ends the wait (%s)', async (_way, disable) => {
    const env = { ISTHMUS_DISABLE: disable };
    const name = freshName();
    const producer = await holder('queue', name, { env });
    const peer = await waiter(
      form,
      [
        ['event', freshName()],
        ['queue', name],
      ],
      { env },
    );
    producer.kill();
    expect(await peer.said()).toEqual([1]);
    await peer.done();
    using consumer = SpscQueue.consumer(name);
    expect(await any(form, [consumer])).toEqual([consumer]); // still dead
    expect(() => consumer.getSync()).toThrow(expect.objectContaining({ code: 'ERR_ISTHMUS_PEER_DIED' }));
    using _successor = SpscQueue.producer(name);
    await expect(any(form, [consumer], { timeout: 0 })).rejects.toThrow(TimeoutError);
  });

  test('a producer that comes while we sleep is watched, too; with peerDeath wait its death is no news', async () => {
    const name = freshName();
    using event = Event.open(freshName());
    const peer = await waiter(form, [['queue', name]]);
    const producer = await holder('queue', name);
    await asleep(peer);
    producer.kill();
    expect(await peer.said()).toEqual([0]);
    await peer.done();
    using consumer = SpscQueue.consumer(name, { peerDeath: 'wait' });
    await expect(any(form, [consumer, event], { timeout: 100 })).rejects.toThrow(TimeoutError);
  });

  const DEATHS = ['lock', 'rlock', 'pool', 'read', 'write'].flatMap((kind) =>
    WAYS.map(([way, disable]) => [kind, way, disable] as const),
  );
  test.each(DEATHS)('a holder of a %s that is killed ends the wait (%s)', async (kind, _way, disable) => {
    const env = { ISTHMUS_DISABLE: disable };
    const name = freshName();
    const dead = await holder(kind, name, { env });
    const specs: Spec[] = [
      ['event', freshName()],
      [kind, name],
    ];
    const peer = await waiter(form, specs, { env });
    dead.kill();
    expect(await peer.said()).toEqual([1]);
    await peer.done();
  });

  test('all who sleep on a dead holder go on, not only the one that the kernel wakes', async () => {
    const name = freshName();
    const dead = await holder('lock', name);
    const peers = [];
    for (const one of ['Sync', form, 'promise'] as const) peers.push(await waiter(one, [['lock', name]]));
    dead.kill();
    for (const peer of peers) expect(await peer.said()).toEqual([0]);
    for (const peer of peers) await peer.done();
  });

  test('waiting for the write side of an RwLock keeps no new reader out', async () => {
    const name = freshName();
    using lock = RwLock.open(name);
    const first = lock.read.acquireSync();
    const peer = await waiter(form, [['write', name]]);
    const second = lock.read.tryAcquire();
    expect(second?.held).toBe(true);
    first.release();
    second!.release();
    expect(await peer.said()).toEqual([0]);
    await peer.done();
    lock.write.tryAcquire()!.release(); // it has not taken it
  });

  test('timeout', async () => {
    using event = Event.open(freshName());
    using value = Value.open(freshName(), 'f64');
    const both = [event, value];
    await expect(any(form, both, { timeout: 0 })).rejects.toThrow(TimeoutError);
    await expect(any(form, both, { timeout: -5 })).rejects.toThrow(
      'none of the 2 objects was ready within 0 ms',
    );
    const before = performance.now();
    await expect(any(form, both, { timeout: 120 })).rejects.toThrow(TimeoutError);
    expect(performance.now() - before).toBeGreaterThan(115);
    event.set();
    expect(await any(form, both, { timeout: 0 })).toEqual([event]);
  });

  test('what it refuses', async () => {
    using event = Event.open(freshName());
    using other = Event.open(freshName());
    const closed = Event.open(freshName());
    closed.close();
    await expect(any(form, [])).rejects.toThrow(RangeError);
    await expect(any(form, [event, other, event])).rejects.toThrow(/^objects\[2\] must be .*objects\[0\]/);
    await expect(any(form, [event, other, event])).rejects.toThrow(RangeError);
    await expect(any(form, [event, closed])).rejects.toThrow(ClosedError);
    using semaphore = Semaphore.open(freshName(), { initial: 1 });
    using array = SharedArray.open(freshName(), 'i32', 2);
    using producer = SpscQueue.producer(freshName());
    using rwlock = RwLock.open(freshName());
    using condition = Condition.open(freshName());
    const wrong: [unknown, RegExp][] = [
      [semaphore, /^objects\[1\] must be .*PermitPool, or acquire\(\)/],
      [array, /SharedArray is many values/],
      [producer, /put\(\)/],
      [rwlock, /\.read or its \.write/],
      [condition, /an instance of Condition/],
      [undefined, /got undefined/],
      [null, /got null/],
      [1, /got 1/],
      [Promise.resolve(), /an instance of Promise/],
    ];
    for (const [object, message] of wrong) {
      await expect(any(form, [event, object as Event])).rejects.toThrow(message);
      await expect(any(form, [event, object as Event])).rejects.toThrow(TypeError);
    }
    // @ts-expect-error the types say so, too
    await expect(any(form, [event, semaphore])).rejects.toThrow(TypeError);
    for (const objects of [undefined, event, 'abc', new Set([event])])
      await expect(any(form, objects as never)).rejects.toThrow(/^objects must be an array/);
    await expect(any(form, [event], { timeout: Number.NaN })).rejects.toThrow(RangeError);
    await expect(any(form, [event], { timout: 1 } as never)).rejects.toThrow(/did you mean 'timeout'/);
  });

  test('200 objects at once, in one process and asleep', async () => {
    const specs: Spec[] = Array.from({ length: 200 }, (_, n) => [
      ['event', 'value', 'lock', 'queue'][n % 4]!,
      freshName(),
    ]);
    const guards: Guard[] = [];
    const producers = [];
    for (const [kind, name] of specs) {
      if (kind === 'lock') guards.push(Lock.open(name).acquireSync());
      if (kind === 'queue') producers.push(SpscQueue.producer<string>(name));
    }
    const first = await waiter(form, specs);
    producers.at(-1)!.putSync('x');
    expect(await first.said()).toEqual([199]);
    await first.done();
    const second = await waiter(form, specs.slice(0, 199));
    guards.at(-1)!.release();
    expect(await second.said()).toEqual([198]);
    await second.done();
    for (const guard of guards) guard[Symbol.dispose]();
  });

  test.each([
    ['3 objects', 3, ''],
    ['3 objects without futex_waitv', 3, 'futex_waitv'],
    ['200 objects', 200, ''],
  ])('no CPU is burnt while waiting long: %s', async (_what, count, disable) => {
    const specs: Spec[] = Array.from({ length: count }, (_, n) => [
      n % 2 === 0 ? 'event' : 'lock',
      freshName(),
    ]);
    const guards = specs.filter(([kind]) => kind === 'lock').map(([, name]) => Lock.open(name).acquireSync());
    const peer = startWith(
      { env: { ISTHMUS_DISABLE: disable } },
      async (isthmus, { args, say }) => {
        const [form, specs, source] = args as unknown as [string, Spec[], string];
        const objects = (new Function(`return ${source}`)() as typeof openAll)(isthmus, specs);
        const wait = async (timeout: number): Promise<void> => {
          try {
            if (form === 'Sync') isthmus.waitAnySync(objects, { timeout });
            else await isthmus.waitAny(objects, { timeout });
          } catch (error) {
            if (!(error instanceof isthmus.TimeoutError)) throw error;
          }
        };
        await wait(500);
        // What is burnt is burnt in each of these seconds; something else (a collection of garbage, a stop of the whole
        // machine that is put down to whoever runs) in one of them.
        const used: number[] = [];
        for (let second = 0; second < 3; second++) {
          const before = process.cpuUsage();
          await wait(1000);
          const { user, system } = process.cpuUsage(before);
          used.push((user + system) / 1000);
        }
        say(used.sort((a, b) => a - b)[1]);
      },
      form,
      specs,
      openAll.toString(),
    );
    const used = await peer.said<number>();
    for (const guard of guards) guard.release();
    expect(used).toBeLessThan(80); // ms of CPU in 1 s, not a duration
    await peer.done();
  });

  test('without futex_waitv: asleep, then a word, then a death', async () => {
    const env = { ISTHMUS_DISABLE: 'futex_waitv' };
    const [event, lock] = [freshName(), freshName()];
    const dead = await holder('lock', lock, { env });
    const specs: Spec[] = [
      ['lock', lock],
      ['event', event],
    ];
    using setter = Event.open(event);
    const first = await waiter(form, specs, { env });
    setter.set();
    expect(await first.said()).toEqual([1]);
    await first.done();
    setter.clear();
    const second = await waiter(form, specs, { env });
    dead.kill();
    expect(await second.said()).toEqual([0]);
    await second.done();
  });

  test('in a worker; one that waits is terminated and leaves nothing', async () => {
    const [event, queue] = [freshName(), freshName()];
    const work = (): Worker =>
      new Worker(
        `const { parentPort, workerData: [form, event, queue] } = require('node:worker_threads');
         const { Event, SpscQueue, waitAny, waitAnySync } = require('isthmus');
         const objects = [Event.open(event), SpscQueue.consumer(queue)];
         parentPort.postMessage('waiting');
         (async () => form === 'Sync' ? waitAnySync(objects) : waitAny(objects))().then(
           (ready) => { parentPort.postMessage(ready.map((one) => objects.indexOf(one))); for (const one of objects) one.close(); },
           (error) => parentPort.postMessage(error.code ?? String(error)),
         );`,
        { eval: true, workerData: [form, event, queue] },
      );
    using producer = SpscQueue.producer(queue);
    const terminated = work();
    await once(terminated, 'message');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await terminated.terminate();
    expect(inspect(event).participants).toHaveLength(0);
    const worker = work();
    const gone = once(worker, 'exit'); // it may come with the last message
    expect((await once(worker, 'message'))[0]).toBe('waiting');
    const word = once(worker, 'message');
    await new Promise((resolve) => setTimeout(resolve, 300));
    producer.putSync('x');
    expect((await word)[0]).toEqual([1]);
    await gone;
  });

  test('many rounds between two processes: no wake-up is lost', async () => {
    const [ping, pong, stop] = [freshName(), freshName(), freshName()];
    const peer = start(
      async ({ SpscQueue, Event, waitAny, waitAnySync }, { args }) => {
        const [form, ping, pong, stop] = args as unknown as string[];
        const consumer = SpscQueue.consumer<number>(ping!);
        const producer = SpscQueue.producer<number>(pong!);
        const event = Event.open(stop!);
        for (let n = 0; ; n++) {
          const objects = [event, consumer];
          const ready = form === 'Sync' ? waitAnySync(objects) : await waitAny(objects);
          if (ready.includes(event)) return;
          for (const message of consumer.drain()) producer.putSync(message);
          if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 2)); // the other one falls asleep
        }
      },
      form,
      ping,
      pong,
      stop,
    );
    using producer = SpscQueue.producer<number>(ping);
    using consumer = SpscQueue.consumer<number>(pong);
    using event = Event.open(stop);
    using lock = Lock.open(freshName());
    using guard = lock.acquireSync();
    expect(guard.held).toBe(true);
    using elsewhere = Event.open(freshName());
    for (let n = 0; n < 2000; n++) {
      producer.putSync(n);
      if (n % 70 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      expect(await any(form, [lock, elsewhere, consumer])).toEqual([consumer]);
      expect(consumer.tryGet()).toBe(n);
    }
    event.set();
    await peer.done();
  });
});

describe('only the promise form', () => {
  test('abort, before and while waiting', async () => {
    using event = Event.open(freshName());
    using lock = Lock.open(freshName());
    const guard = lock.acquireSync();
    await expect(waitAny([event, lock], { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    const abort = new AbortController();
    const wait = waitAny([event, lock], { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')), 100);
    await expect(wait).rejects.toThrow('enough');
    const other = waitAny([event, lock]);
    guard.release();
    expect(await other).toEqual([lock]);
  });

  test.each(['queue', 'event', 'value', 'lock', 'rlock', 'pool', 'read', 'write'])(
    'closing one while waiting ends the wait: %s',
    async (kind) => {
      const name = freshName();
      using event = Event.open(freshName());
      const other = ['lock', 'rlock', 'pool', 'read', 'write'].includes(kind)
        ? await holder(kind, name)
        : undefined;
      const rwlock = RwLock.open(kind === 'read' || kind === 'write' ? name : freshName());
      const [object] =
        kind === 'read'
          ? [rwlock.read]
          : kind === 'write'
            ? [rwlock.write]
            : openAll(await import('isthmus'), [[kind, name]]);
      const closes = kind === 'read' || kind === 'write' ? rwlock : (object as unknown as Event);
      const outcome = waitAny([event, object!]).catch((error) => error);
      await new Promise((resolve) => setTimeout(resolve, 100));
      closes.close();
      expect(await outcome).toBeInstanceOf(ClosedError);
      rwlock.close();
      // Nothing sleeps on what is unmapped, and the others go on as before.
      const again = waitAny([event]);
      await new Promise((resolve) => setTimeout(resolve, kind === 'queue' ? 1200 : 50));
      event.set();
      expect(await again).toEqual([event]);
      other?.kill();
    },
  );

  test('a lock that this very process holds is ready when it is released here', async () => {
    using event = Event.open(freshName());
    using lock = Lock.open(freshName());
    using rlock = RLock.open(freshName());
    using rwlock = RwLock.open(freshName());
    using pool = PermitPool.open(freshName(), 1);
    for (const object of [lock, rlock, rwlock.write, pool]) {
      const guard = await object.acquire();
      const wait = waitAny([event, object]);
      await new Promise((resolve) => setTimeout(resolve, 50));
      guard.release();
      expect(await wait).toEqual([object]);
    }
    const reading = rwlock.read.acquireSync();
    const wait = waitAny([event, rwlock.write]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    reading.release();
    expect(await wait).toEqual([rwlock.write]);
    const writing = rwlock.write.acquireSync();
    const read = waitAny([event, rwlock.read]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    writing.release();
    expect(await read).toEqual([rwlock.read]);
  });

  test('beside other waits for the same objects, which go on as they should', async () => {
    const names = [freshName(), freshName(), freshName()];
    using consumer = SpscQueue.consumer<string>(names[0]!);
    using event = Event.open(names[1]!);
    using value = Value.open(names[2]!, 'i32');
    const peer = await holder('queue', names[0]!);
    const before = process.cpuUsage();
    // One watches the producer's life, the other does not: two entries on one word.
    const get = consumer.get({ peerDeath: 'wait' });
    const waits = [waitAny([consumer, event]), waitAny([value, event]), event.wait()];
    const changed = value.waitFor((n) => n === 2);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(400); // ms of CPU: they do not wake each other for ever
    value.add(1);
    expect(await waits[1]).toEqual([value]);
    event.set();
    expect(await waits[0]).toEqual([event]);
    await waits[2];
    value.add(1);
    expect(await changed).toBe(2);
    peer.kill();
    await peer.exited;
    using producer = SpscQueue.producer<string>(names[0]!);
    producer.putSync('from the successor');
    expect(await get).toBe('from the successor');
  });

  test('the event loop runs on; it turns also where something is always ready', async () => {
    using event = Event.open(freshName());
    event.set();
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    while (!turned) expect(await waitAny([event])).toEqual([event]);
  });

  test('a pending wait keeps the process alive, unless all handles are unref()ed', async () => {
    const name = freshName();
    const stays = start(async ({ Event, waitAny }, { args, say }) => {
      const event = Event.open(args[0]!);
      const other = Event.open(`${args[0]}-2`, { lifetime: 'attached' }).unref();
      say('waiting');
      void waitAny([event, other]).then(() => say('ready'));
    }, name);
    expect(await stays.said()).toBe('waiting');
    await asleep(stays);
    using event = Event.open(name);
    event.set();
    expect(await stays.said()).toBe('ready');
    await stays.done();
    event.clear();
    const goes = start(({ Event, waitAny }, { args }) => {
      void waitAny([Event.open(args[0]!).unref()]);
    }, name);
    await goes.done();
  });
});

describe('only the Sync form', () => {
  test('what only this process could make ready is a deadlock; beside something else it is not', async () => {
    using lock = Lock.open(freshName());
    using pool = PermitPool.open(freshName(), 1);
    using rwlock = RwLock.open(freshName());
    using event = Event.open(freshName());
    const guards = [lock.acquireSync(), pool.acquireSync(), rwlock.read.acquireSync()];
    const held = [lock, pool, rwlock.write];
    expect(() => waitAnySync(held)).toThrow(DeadlockError);
    expect(() => waitAnySync([...held, event], { timeout: 50 })).toThrow(TimeoutError);
    for (const guard of guards) guard.release();
    expect(waitAnySync(held)).toEqual(held);
  });

  test('an RLock that the caller may take again is ready', async () => {
    using lock = RLock.open(freshName());
    using other = RLock.open(freshName());
    using guard = lock.acquireSync();
    expect(guard.held).toBe(true);
    expect(waitAnySync([lock])).toEqual([lock]);
    await other.withLock(async () => {
      expect(await waitAny([other])).toEqual([other]);
      expect(waitAnySync([other])).toEqual([other]);
    });
  });
});
