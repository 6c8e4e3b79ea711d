// When the other side of a queue ends, closes or dies: who waits on, who is told, and what is delivered before.

import { PeerDiedError, SpscQueue } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, type Peer, start, startWith } from '../processes/start.js';

type Role = 'producer' | 'consumer';

/** A process that has a role, does something with it, and then does nothing until it is killed. */
async function other(
  role: Role,
  name: string,
  messages: readonly string[] = [],
  disable = '',
): Promise<Peer> {
  const peer = startWith(
    { env: { ISTHMUS_DISABLE: disable } },
    ({ SpscQueue }, { args, say }) => {
      const [role, name, messages] = args as unknown as [Role, string, string[]];
      if (role === 'producer') {
        const producer = SpscQueue.producer<string>(name);
        producer.putManySync(messages);
        producer.reserve(8)!.fill(255); // never committed
      } else {
        SpscQueue.consumer<string>(name).tryGet();
      }
      say();
      setInterval(() => undefined, 1000);
    },
    role,
    name,
    messages,
  );
  await peer.said();
  return peer;
}

/** A process that makes one wait of the given form, in a role, and says how it ended. */
async function waiting(
  name: string,
  form: string,
  wait: 'get' | 'getMany' | 'put' | 'putMany' | 'flush' | 'iterate' | 'stream',
  disable = '',
): Promise<Peer> {
  const peer = startWith(
    { env: { ISTHMUS_DISABLE: disable } },
    async ({ SpscQueue }, { args, say }) => {
      const [name, form, wait] = args as unknown as [string, string, string];
      const sync = form === 'Sync';
      const seen: unknown[] = [];
      try {
        if (wait === 'put' || wait === 'putMany' || wait === 'flush') {
          const producer = SpscQueue.producer<string>(name);
          producer.putSync('first');
          say('waiting');
          const large = 'x'.repeat(20_000);
          for (let n = 0; ; n++) {
            seen.push(n);
            if (wait === 'put') await (sync ? producer.putSync(large) : producer.put(large));
            else if (wait === 'putMany')
              await (sync ? producer.putManySync([large, large]) : producer.putMany([large, large]));
            else await (sync ? producer.flushSync() : producer.flush());
          }
        }
        const consumer = SpscQueue.consumer<string>(name);
        say('waiting');
        if (wait === 'iterate') for await (const message of consumer) seen.push(message);
        if (wait === 'stream')
          for await (const message of consumer.readable({ objectMode: true })) seen.push(message);
        for (;;) {
          if (wait === 'get') seen.push(sync ? consumer.getSync() : await consumer.get());
          else seen.push(...(sync ? consumer.getManySync() : await consumer.getMany()));
        }
      } catch (error) {
        const { code, pid, accepted } = error as { code?: string; pid?: number; accepted?: number };
        say([code, pid, accepted, seen]);
      }
    },
    name,
    form,
    wait,
  );
  expect(await peer.said()).toBe('waiting');
  await new Promise((resolve) => setTimeout(resolve, 150)); // asleep by now; if not, so much the better
  return peer;
}

describe.each([
  ['death marks', ''],
  ['lock bytes only', 'death_marks'],
  ['without futex_waitv', 'futex_waitv'],
])('with %s', (_way, disable) => {
  describe.each(FORMS)('%s form', (form) => {
    test('a get ends with the life of the producer, after everything that it put', async () => {
      const name = freshName();
      const producer = await other('producer', name, ['a', 'b', 'c'], disable);
      const consumer = await waiting(name, form, 'get', disable);
      producer.kill();
      expect(await consumer.said()).toEqual([
        'ERR_ISTHMUS_PEER_DIED',
        producer.pid,
        undefined,
        ['a', 'b', 'c'],
      ]);
      await consumer.done();
    });

    test('a put that is blocked ends with the life of the consumer', async () => {
      const name = freshName();
      SpscQueue.create(name, { capacity: '64KB' }).close();
      const consumer = await other('consumer', name, [], disable);
      const producer = await waiting(name, form, 'put', disable);
      consumer.kill();
      expect((await producer.said<unknown[]>()).slice(0, 2)).toEqual(['ERR_ISTHMUS_PEER_DIED', consumer.pid]);
      // What was put before is there for the successor.
      using successor = SpscQueue.consumer<string>(name);
      await producer.done();
      expect(successor.drain().map((message) => message.length)).toEqual([5, 20_000, 20_000, 20_000]);
    });
  });
});

describe.each(FORMS)('%s form', (form) => {
  test.each(['getMany', 'iterate', 'stream'] as const)('%s tells, too', async (wait) => {
    const name = freshName();
    const producer = await other('producer', name, ['a', 'b']);
    const consumer = await waiting(name, form, wait);
    producer.kill();
    expect(await consumer.said()).toMatchObject({ 0: 'ERR_ISTHMUS_PEER_DIED', 3: ['a', 'b'] });
  });

  test('putMany says how many were put, flush that not everything was taken', async () => {
    const names = [freshName(), freshName()];
    for (const name of names) SpscQueue.create(name, { capacity: '64KB' }).close();
    const dead = [await other('consumer', names[0]!), await other('consumer', names[1]!)];
    const many = await waiting(names[0]!, form, 'putMany');
    const flush = await waiting(names[1]!, form, 'flush');
    for (const one of dead) one.kill();
    // 'first' and three large ones fit: the second putMany got one of its two in.
    expect(await many.said()).toMatchObject({ 0: 'ERR_ISTHMUS_PEER_DIED', 2: 1, 3: [0, 1] });
    expect(await flush.said()).toMatchObject({ 0: 'ERR_ISTHMUS_PEER_DIED', 3: [0] });
  });

  test('of a producer that comes while the consumer waits already', async () => {
    const name = freshName();
    const consumer = await waiting(name, form, 'get');
    const producer = await other('producer', name);
    await new Promise((resolve) => setTimeout(resolve, 100));
    producer.kill();
    expect(await consumer.said()).toEqual(['ERR_ISTHMUS_PEER_DIED', producer.pid, undefined, []]);
  });

  test("the handle stays usable: with peerDeath 'wait', for one call or for all, a successor is served", async () => {
    const name = freshName();
    using consumer = SpscQueue.consumer<string>(name);
    using patient = SpscQueue.consumer<string>(`${name}-2`, { peerDeath: 'wait' });
    for (const [handle, queue] of [
      [consumer, name],
      [patient, `${name}-2`],
    ] as const) {
      const dead = await other('producer', queue, ['a']);
      dead.kill();
      await dead.exited;
      expect(handle.tryGet()).toBe('a');
      expect(handle.tryGet()).toBe(undefined); // a try form waits for nobody, so it tells nothing
      for (const one of [{ peerDeath: 'error' as const }, { peerDeath: 'error' as const, timeout: 5000 }]) {
        if (form === 'Sync') expect(() => handle.getSync(one)).toThrow(PeerDiedError);
        else await expect(handle.get(one)).rejects.toThrow(PeerDiedError);
      }
      const wait = handle === patient ? { timeout: 30 } : { timeout: 30, peerDeath: 'wait' as const };
      const gaveUp = expect.objectContaining({ code: 'ERR_ISTHMUS_TIMEOUT' });
      if (form === 'Sync') expect(() => handle.getSync(wait)).toThrow(gaveUp);
      else await expect(handle.get(wait)).rejects.toThrow(gaveUp);
      const long = { ...wait, timeout: 30_000 };
      const coming = form === 'Sync' ? undefined : handle.get(long);
      const successor = start(({ SpscQueue }, { args }) => {
        const producer = SpscQueue.producer<string>(args[0]!);
        producer.putSync('b');
        producer.close(); // leaves: that is no death
      }, queue);
      expect(form === 'Sync' ? handle.getSync(long) : await coming).toBe('b');
      await successor.done();
      const short = { timeout: 20 };
      if (form === 'Sync') expect(() => handle.getSync(short)).toThrow(gaveUp);
      else await expect(handle.get(short)).rejects.toThrow(gaveUp);
    }
    (await import('isthmus')).unlink(`${name}-2`);
  });

  test('an ended queue is ended, also when its producer died afterwards', async () => {
    const name = freshName();
    using consumer = SpscQueue.consumer<string>(name);
    const dead = start(({ SpscQueue }, { args }) => {
      const producer = SpscQueue.producer<string>(args[0]!);
      producer.putSync('a');
      producer.end();
      process.kill(process.pid, 'SIGKILL');
    }, name);
    await dead.exited;
    const get = async (): Promise<string | undefined> =>
      form === 'Sync' ? consumer.getSync({ timeout: 5000 }) : consumer.get({ timeout: 5000 });
    expect([await get(), await get(), await get()]).toEqual(['a', undefined, undefined]);
  });

  test('a consumer that comes after the death gets what is left, and is told', async () => {
    const name = freshName();
    const dead = await other('producer', name, ['a']);
    dead.kill();
    await dead.exited;
    // The dead one's slot is taken again, so that only the role word tells of it.
    const slots = [start(({ SpscQueue }, { args, say }) => say(SpscQueue.attach(args[0]!).used), name)];
    for (const one of slots) await one.done();
    using consumer = SpscQueue.consumer<string>(name);
    const get = async (): Promise<string | undefined> =>
      form === 'Sync' ? consumer.getSync({ timeout: 5000 }) : consumer.get({ timeout: 5000 });
    expect(await get()).toBe('a');
    await expect(get()).rejects.toThrow(PeerDiedError);
  });
});

test('the death of a peer leaves the event loop running, even if get is called again and again', async () => {
  const name = freshName();
  using consumer = SpscQueue.consumer<string>(name);
  const dead = await other('producer', name);
  dead.kill();
  await dead.exited;
  let rejected = 0;
  let on = true;
  setTimeout(() => {
    on = false;
  }, 50);
  while (on) await consumer.get().catch(() => rejected++);
  expect(rejected).toBeGreaterThan(0);
});

test('what peerDeath may be is checked', async () => {
  const name = freshName();
  expect(() => SpscQueue.consumer(name, { peerDeath: 'ignore' as never })).toThrow(RangeError);
  expect(() => SpscQueue.producer(name, { peerDeath: 1 as never })).toThrow(TypeError);
  expect(() => SpscQueue.producer(name, [] as never)).toThrow(TypeError);
  using queue = SpscQueue.create(name);
  expect(() => queue.consumer({ peerDaeth: 'wait' } as never)).toThrow(/did you mean 'peerDeath'/);
  using consumer = queue.consumer();
  expect(() => consumer.getSync({ peerDeath: true as never })).toThrow(TypeError);
  await expect(consumer.get({ peerDeath: 'x' as never })).rejects.toThrow(RangeError);
});
