// close() against whatever is pending on the handle, while others go on: nothing is lost, everybody ends.

const CASES = {
  'a consumer closes with a get pending': [
    async ({ isthmus, name }) => {
      const producer = isthmus.SpscQueue.producer(name);
      for (let n = 1; n <= 2; n++) await producer.put(new Uint8Array(56).fill(n));
      producer.end();
      producer.close();
    },
    async ({ isthmus, name }) => {
      const got = [];
      const take = async (consumer) => {
        const message = await consumer.get();
        if (message !== undefined) got.push(message[0]);
        return message;
      };
      const first = isthmus.SpscQueue.consumer(name);
      setImmediate(() => first.close());
      try {
        await take(first);
        await take(first);
      } catch (error) {
        if (error.code !== 'ERR_ISTHMUS_CLOSED') throw error;
      }
      first.close();
      const second = isthmus.SpscQueue.consumer(name);
      while ((await take(second)) !== undefined);
      second.close();
      return got;
    },
  ],
  'a producer closes with a put pending': [
    async ({ isthmus, name }) => {
      const put = [];
      const first = isthmus.SpscQueue.producer(name);
      setImmediate(() => setImmediate(() => first.close()));
      try {
        for (let n = 1; n <= 3; n++) {
          await first.put(new Uint8Array(56).fill(n));
          put.push(n);
        }
      } catch (error) {
        if (error.code !== 'ERR_ISTHMUS_CLOSED') throw error;
      }
      first.close();
      const second = isthmus.SpscQueue.producer(name);
      second.end();
      second.close();
      return put;
    },
    async ({ isthmus, name }) => {
      const consumer = isthmus.SpscQueue.consumer(name);
      const got = [];
      for (;;) {
        const message = await consumer.get();
        if (message === undefined) break;
        got.push(message[0]);
      }
      consumer.close();
      return got;
    },
  ],
};

export const variants = Object.fromEntries(
  Object.keys(CASES).map((name) => [name, { bound: 3, crashBound: 1, random: 500 }]),
);

export default (variant) => ({
  actors: CASES[variant],
  create: ({ SpscQueue }, name) => SpscQueue.create(name, { capacity: 64, codec: 'raw', participants: 8 }),
  attach: ({ SpscQueue }, name) => SpscQueue.attach(name),
  payload: 65_536,
  limit: 4000,
  // The others wait for a successor of one that left, or that died between two roles.
  mayWaitForEver: ({ killed }) => killed !== undefined,
  // A peer's death is an error to those who wait for it.
  tolerates: 'ERR_ISTHMUS_PEER_DIED',
  check({ values, killed }) {
    if (killed !== undefined) return;
    const lists = values.filter(Array.isArray);
    const expected = lists.length === 2 ? lists[0] : [1, 2];
    const got = lists.at(-1);
    if (String(got) !== String(expected)) throw new Error(`put ${expected}, got ${got}`);
  },
});
