// SpscQueue: full and empty edges of tiny rings, sleeping against publishing in both directions, the end, giving up,
// deaths, successors.

import { peers } from './peers.mjs';

/** One message of 56 bytes fills the smallest ring; two of 24 do. */
const large = (n) => new Uint8Array(56).fill(n);
const small = (n) => new Uint8Array(24).fill(n);
/** Two of 16 leave room that is too small for a third. */
const uneven = (n) => new Uint8Array(16).fill(n);

const put = {
  Sync: (producer, message) => producer.putSync(message),
  promise: (producer, message) => producer.put(message),
  reserve: async (producer, message) => {
    let room = producer.reserve(message.length);
    for (; room === undefined; room = producer.reserve(message.length)) await producer.flush();
    room.set(message);
    producer.commit();
  },
  many: () => undefined,
};
const get = {
  Sync: (consumer, wait) => consumer.getSync(wait),
  promise: (consumer, wait) => consumer.get(wait),
};

// producer's form, consumer's form, messages, and what else
const CASES = {
  'one fits: Sync, Sync': ['Sync', 'Sync', large, 3],
  'one fits: Sync, promise': ['Sync', 'promise', large, 2],
  'one fits: promise, Sync': ['promise', 'Sync', large, 2],
  'one fits: promise, promise': ['promise', 'promise', large, 2],
  'two fit: Sync, Sync': ['Sync', 'Sync', small, 4],
  'two fit and leave a gap: Sync, Sync': ['Sync', 'Sync', uneven, 4],
  'two fit: promise, promise': ['promise', 'promise', small, 3],
  'in place: reserve, peek': ['reserve', 'peek', small, 3],
  'many at once: Sync': ['many', 'many', small, 4],
  'a get is aborted': ['Sync', 'aborted', small, 2],
  'a get times out': ['Sync', 'timeout', small, 2],
  'a put times out': ['timeout', 'Sync', large, 3],
  'a producer is succeeded': ['Sync', 'successor', small, 2],
  'a consumer is succeeded': ['promise', 'successors', small, 3],
};

export const variants = Object.fromEntries(
  Object.keys(CASES).map((name) => {
    const three = name.includes('succeeded');
    return [
      name,
      three
        ? { bound: 1, crashBound: 1, random: 500, mostCrash: 150 }
        : { bound: 3, crashBound: 2, stopBound: 1, random: 500, most: 12_000, mostCrash: 80 },
    ];
  }),
);

const CAPACITY = 64;

export default (variant) => {
  const [putForm, getForm, make, count] = CASES[variant];
  const succeeded = variant.includes('succeeded');
  // Positions wrap in the middle of it.
  const both = peers({ capacity: CAPACITY, startPosition: 2 ** 32 - 64 }, (used) =>
    putForm === 'reserve' ? used > 0 : used + 8 + make(0).length > CAPACITY,
  );
  return {
    ...both,
    actors: actorsOf(variant, putForm, getForm, make, count),
    sleepsAfter: (crash) => (succeeded ? 1 : both.sleepsAfter(crash)),
    mayWaitForEver: (context) => (succeeded && context.killed !== undefined) || both.mayWaitForEver(context),
    check({ object, values, gone }) {
      const got = values.filter((value) => value?.got !== undefined).map(({ got }) => got);
      const all = got.flat();
      if (gone === undefined) {
        const expected = values.reduce((sum, value) => sum + (value?.put ?? 0), 0);
        if (all.length !== expected) throw new Error(`${expected} were put, ${all.length} came`);
        if (!succeeded) inOrder(all);
        if (object.used !== 0) throw new Error(`${object.used} bytes are left`);
      }
      for (const one of got) if (variant !== 'a producer is succeeded') inOrder(one);
    },
  };
};

function inOrder(numbers) {
  numbers.forEach((number, at) => {
    if (at > 0 && number <= numbers[at - 1]) throw new Error(`out of order: ${numbers}`);
  });
}

/** Every byte must be the same: a message that is torn is not. */
function numberOf(message) {
  const number = message[0];
  if (message.some((byte) => byte !== number)) throw new Error(`a torn message: ${message}`);
  return number;
}

function actorsOf(variant, putForm, getForm, make, count) {
  const produce = async ({ isthmus, name }, from, options) => {
    const producer = isthmus.SpscQueue.producer(name, options);
    let done = 0;
    try {
      if (putForm === 'many') {
        producer.putManySync(Array.from({ length: count }, (_, n) => make(from + n)));
        done = count;
      } else {
        for (let n = 0; n < count; n++) {
          if (putForm === 'timeout') producer.putSync(make(from + n), { timeout: 5 });
          else await put[putForm](producer, make(from + n));
          done++;
        }
      }
      producer.end();
    } catch (error) {
      if (error.code === 'ERR_ISTHMUS_TIMEOUT') producer.end();
      else if (error.code !== 'ERR_ISTHMUS_PEER_DIED') throw error;
    }
    producer.close();
    return { put: done };
  };
  const consume = async ({ isthmus, name }, options) => {
    const consumer = isthmus.SpscQueue.consumer(name, options);
    const got = [];
    let code;
    try {
      for (;;) {
        if (getForm === 'many') {
          const messages = consumer.getManySync();
          if (messages.length === 0) break;
          got.push(...messages.map(numberOf));
          continue;
        }
        if (getForm === 'peek') {
          const message = consumer.peek();
          if (message === undefined) {
            if (consumer.ended) break;
            const next = consumer.getSync();
            if (next === undefined) break;
            got.push(numberOf(next));
            continue;
          }
          got.push(numberOf(message));
          consumer.release();
          continue;
        }
        const message = await once(consumer);
        if (message === undefined) break;
        got.push(numberOf(message));
      }
    } catch (error) {
      code = error.code;
      if (code !== 'ERR_ISTHMUS_PEER_DIED') throw error;
      if (consumer.tryGet() !== undefined)
        throw new Error('told of the death before everything was delivered');
    }
    consumer.close();
    return { got, code };
  };
  /** One get; those that are given up are tried again. */
  const once = async (consumer) => {
    if (getForm in get) return get[getForm](consumer);
    if (getForm.startsWith('successor')) return consumer.get();
    try {
      if (getForm === 'timeout') return consumer.getSync({ timeout: 5 });
      const abort = new AbortController();
      setImmediate(() => abort.abort(new Error('enough')));
      return await consumer.get({ signal: abort.signal });
    } catch (error) {
      if (error.code !== 'ERR_ISTHMUS_TIMEOUT' && error.message !== 'enough') throw error;
      return consumer.getSync();
    }
  };
  /** Takes the role over when it is free or its holder is dead. */
  const whenFree = async ({ now, pause }, act) => {
    for (;;) {
      const before = now();
      try {
        return await act();
      } catch (error) {
        if (error.code !== 'ERR_ISTHMUS_ROLE_TAKEN') throw error;
        pause(before); // until somebody has done something since
      }
    }
  };
  if (variant === 'a producer is succeeded') {
    return [
      async ({ isthmus, name }) => {
        let producer;
        try {
          producer = isthmus.SpscQueue.producer(name, { peerDeath: 'wait' });
        } catch (error) {
          // The other one came first, and has ended the queue or is at it.
          if (error.code === 'ERR_ISTHMUS_CLOSED' || error.code === 'ERR_ISTHMUS_ROLE_TAKEN')
            return { put: 0 };
          throw error;
        }
        for (let n = 0; n < count; n++) producer.putSync(make(1 + n));
        producer.close(); // without an end
        return { put: count };
      },
      (context) => consume(context, { peerDeath: 'wait' }),
      (context) =>
        whenFree(context, async () => {
          const producer = context.isthmus.SpscQueue.producer(context.name, { peerDeath: 'wait' });
          // Were it first, the other one would find the queue ended.
          if (producer.ended) throw new Error('ended');
          for (let n = 0; n < count; n++) producer.putSync(make(11 + n));
          producer.close();
          await finishAll(context);
          return { put: count };
        }),
    ];
  }
  if (variant === 'a consumer is succeeded') {
    const some = (most) => async (context) =>
      whenFree(context, async () => {
        const consumer = context.isthmus.SpscQueue.consumer(context.name, { peerDeath: 'wait' });
        const got = [];
        while (got.length < most) {
          const message = await consumer.get();
          if (message === undefined) break;
          got.push(numberOf(message));
        }
        consumer.close();
        return { got };
      });
    return [(context) => produce(context, 1, { peerDeath: 'wait' }), some(1), some(9)];
  }
  return [(context) => produce(context, 1), (context) => consume(context)];

  /** The last producer ends the queue: whoever it is, the other has closed or died. */
  async function finishAll(context) {
    await whenFree(context, async () => {
      const producer = context.isthmus.SpscQueue.producer(context.name);
      producer.end();
      producer.close();
    });
  }
}
