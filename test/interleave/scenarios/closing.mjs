// close() against whatever is pending on the handle, while what it waits for arrives: before it, after it, or in between.
// Nothing is lost, everybody ends: the closed one with ClosedError or with what it waited for.

const large = (n) => new Uint8Array(56).fill(n);

/** What was awaited, or undefined if the handle was closed. */
const unlessClosed = async (promise, otherwise = () => undefined) => {
  try {
    return await promise;
  } catch (error) {
    if (error.code !== 'ERR_ISTHMUS_CLOSED') throw error;
    return otherwise(error);
  }
};
/**
 * Closes the handle at some time; by the next turn of the event loop what it waited for must have come to an end. Returns
 * when it has, and throws if it took longer.
 */
const closeIn = (when) => async (handle, pending) => {
  let over = false;
  let late = false;
  when(() => {
    handle.close();
    setImmediate(() => {
      late = !over;
    });
  });
  const result = await pending;
  over = true;
  if (late) throw new Error('it was closed, and went on waiting');
  return result;
};
/** At a turn of the event loop soon after, asleep or not … */
const soon = closeIn(setImmediate);
/** … or whenever the machine likes. */
const anyTime = closeIn((close) => setTimeout(close, 5));

// ---- queues. Producers return what was put, consumers what came

const twoMessages = async ({ isthmus, name }) => {
  const producer = isthmus.SpscQueue.producer(name);
  for (let n = 1; n <= 2; n++) await producer.put(large(n));
  producer.end();
  producer.close();
  return [1, 2];
};
const takesAll = async ({ isthmus, name }, got = []) => {
  const consumer = isthmus.SpscQueue.consumer(name);
  for (;;) {
    const message = await consumer.get();
    if (message === undefined) break;
    got.push(message[0]);
  }
  consumer.close();
  return got;
};
/** `take(consumer, got)` until it is closed; then another handle takes the rest. */
const closingConsumer = (close, take) => async (context) => {
  const consumer = context.isthmus.SpscQueue.consumer(context.name);
  const got = [];
  await close(consumer, unlessClosed(take(consumer, got)));
  consumer.close();
  return takesAll(context, got);
};
/** `put(producer)` until it is closed; then another handle ends the queue. */
const closingProducer =
  (close, put) =>
  async ({ isthmus, name }) => {
    const first = isthmus.SpscQueue.producer(name);
    const done = [];
    close(first);
    await unlessClosed(put(first, done));
    first.close();
    const second = isthmus.SpscQueue.producer(name);
    second.end();
    second.close();
    return done;
  };

const getsTwice = async (consumer, got) => {
  for (let n = 0; n < 2; n++) got.push((await consumer.get())[0]);
};
const getsMany = async (consumer, got) => {
  for (let n = 0; n < 2; n++) got.push(...(await consumer.getMany()).map(([number]) => number));
};
const iterates = async (consumer, got) => {
  for await (const [number] of consumer) got.push(number);
};
const putsThree = async (producer, done) => {
  for (let n = 1; n <= 3; n++) {
    await producer.put(large(n));
    done.push(n);
  }
};
const putsMany = async (producer, done) => {
  const all = [1, 2, 3];
  const accepted = (error) => error.accepted ?? 0;
  const count = await unlessClosed(
    producer.putMany(all.map(large)).then(() => 3),
    accepted,
  );
  done.push(...all.slice(0, count));
};
const flushes = async (producer, done) => {
  await producer.put(large(1));
  done.push(1);
  await producer.flush();
  await producer.put(large(2));
  done.push(2);
};

// ---- locks. Each returns how often it was told of an unfinished change

const acquires = async ({ isthmus, name }) => {
  const guard = await isthmus.Lock.attach(name).acquire();
  guard.release();
  return guard.abandoned ? 1 : 0;
};
/** Two handles wait; the first one is closed. */
const closingWaiter = async ({ isthmus, name }) => {
  const [first, second] = [isthmus.Lock.attach(name), isthmus.Lock.attach(name)];
  let told = 0;
  const use = (guard) => {
    if (guard?.abandoned) told++;
    if (guard?.held) guard.release();
  };
  const both = [unlessClosed(first.acquire()).then(use), second.acquire().then(use)];
  await Promise.all([anyTime(first, both[0]), both[1]]);
  return told;
};
/** Closed with the guard held: given up as abandoned. */
const closingHolder = async ({ isthmus, name }) => {
  const lock = isthmus.Lock.attach(name);
  const guard = await lock.acquire();
  lock.close();
  return guard.abandoned ? 1 : 0;
};

// ---- values. Each returns what it saw

const adds = async ({ isthmus, name }) => isthmus.Value.attach(name).add(1) + 1;
const waits = async ({ isthmus, name }) => isthmus.Value.attach(name).waitForSync((now) => now >= 1);
const closingWaits = async ({ isthmus, name }) => {
  const [first, second] = [isthmus.Value.attach(name), isthmus.Value.attach(name)];
  const both = [unlessClosed(first.waitFor((now) => now >= 1)), second.waitFor((now) => now >= 1)];
  const [, saw] = await Promise.all([anyTime(first, both[0]), both[1]]);
  return saw;
};

const CASES = {
  'a consumer, a get pending, soon': [twoMessages, closingConsumer(soon, getsTwice)],
  'a consumer, a get pending': [twoMessages, closingConsumer(anyTime, getsTwice)],
  'a consumer, a getMany pending': [twoMessages, closingConsumer(anyTime, getsMany)],
  'a consumer in for await': [twoMessages, closingConsumer(anyTime, iterates)],
  'a producer, a put pending, soon': [closingProducer(soon, putsThree), takesAll],
  'a producer, a put pending': [closingProducer(anyTime, putsThree), takesAll],
  'a producer, a putMany pending': [closingProducer(anyTime, putsMany), takesAll],
  'a producer, a flush pending': [closingProducer(anyTime, flushes), takesAll],
  'a lock, an acquire pending, another handle waits': [acquires, closingWaiter],
  'a lock, an acquire pending, another handle and another actor wait': [acquires, closingWaiter, acquires],
  'a lock, its guard held, two wait': [closingHolder, acquires, acquires],
  'a value, a waitFor pending, another handle waits': [adds, closingWaits],
  'a value, a waitFor pending, another handle and another actor wait': [adds, closingWaits, waits],
};

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, { length }]) => [
    name,
    { bound: length === 2 ? 3 : 2, crashBound: 1, random: 500, most: 8000, mostCrash: 60 },
  ]),
);

export default (variant) => {
  const type = variant.startsWith('a lock') ? 'Lock' : variant.startsWith('a value') ? 'Value' : 'SpscQueue';
  const made = {
    Lock: ({ Lock }, name) => Lock.create(name, { participants: 8 }),
    Value: ({ Value }, name) => Value.create(name, 'i32', { participants: 8 }),
    SpscQueue: ({ SpscQueue }, name) =>
      SpscQueue.create(name, { capacity: 64, codec: 'raw', participants: 8 }),
  };
  return {
    actors: CASES[variant],
    create: made[type],
    attach: (isthmus, name) => isthmus[type].attach(name),
    payload: { Lock: 0, Value: 8, SpscQueue: 65_536 }[type],
    limit: 4000,
    // A value has no owner whose death would be told.
    sleepsAfter: ({ actor }) => (type === 'Value' && actor === 0 ? 3 : 0),
    // A value that never comes; the successor of one that left, or that died between two roles. A lock is always free in the end.
    mayWaitForEver: ({ object, killed }) =>
      killed !== undefined && (type === 'SpscQueue' || (type === 'Value' && object.value < 1)),
    // A peer's death is an error to those who wait for it.
    tolerates: 'ERR_ISTHMUS_PEER_DIED',
    check({ object, values, killed }) {
      if (type === 'Lock') {
        const guard = object.tryAcquire();
        if (guard === undefined) throw new Error('it stays locked');
        const told = values.reduce((sum, one) => sum + (one ?? 0), guard.abandoned ? 1 : 0);
        guard.release();
        if (killed !== undefined) return;
        // One that is closed just after it got the lock gives up its guard, too.
        if (told > 1 || (variant.includes('held') && told !== 1)) throw new Error(`${told} were told`);
      } else if (type === 'Value') {
        values.forEach((saw, who) => {
          if (who !== killed && saw !== 1) throw new Error(`actor ${who} saw ${saw}`);
        });
      } else if (killed === undefined && String(values[0]) !== String(values[1])) {
        throw new Error(`put ${values[0]}, got ${values[1]}`);
      }
    },
  };
};
