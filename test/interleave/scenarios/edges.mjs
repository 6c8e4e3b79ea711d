// SpscQueue at the edges of the smallest rings: exactly full, full but for a header, empty messages, and all of it at every
// place around the end of the ring and the end of the positions.

import { peers } from './peers.mjs';

const CASES = {};
for (const capacity of [64, 72, 80]) {
  for (let k = 1; k <= 8; k++) {
    // Fills it; leaves 8; fills these and is then alone in it, the next has to wait for that; fills it; has to wait.
    const sizes = [capacity - 8, capacity - 16, 0, capacity - 8, 0];
    CASES[`capacity ${capacity}, start 2^32 - ${8 * k}`] = { capacity, start: 2 ** 32 - 8 * k, sizes, k };
  }
}
for (let k = 1; k <= 8; k++) {
  const start = 2 ** 32 - 8 * k;
  CASES[`empty messages fill it, start 2^32 - ${8 * k}`] = {
    capacity: 64,
    start,
    sizes: Array(10).fill(0),
    many: true,
  };
}
for (const k of [1, 4]) {
  // The ring is used to the last byte: full and empty are the same place in it.
  CASES[`the whole ring, start 2^32 - ${8 * k}`] = {
    capacity: 65_536,
    start: 2 ** 32 - 8 * k,
    sizes: [65_528, 0, 65_520, 65_528],
    k,
  };
}

export const variants = Object.fromEntries(
  Object.keys(CASES).map((name) => [
    name,
    { bound: 2, crashBound: 1, stopBound: 0, random: 100, most: 1500, mostCrash: 10 },
  ]),
);

const message = (length, n) => new Uint8Array(length).fill(n);

export default (variant) => {
  const { capacity, start, sizes, many, k } = CASES[variant];
  /** Each form of waiting in turn. */
  const [put, get] =
    k % 2 === 0 ? ['put', 'getSync'] : k % 3 === 0 ? ['putSync', 'get'] : ['putSync', 'getSync'];
  const largest = Math.max(...sizes);
  return {
    ...peers({ capacity, startPosition: start }, (used) => used + 8 + largest > capacity),
    actors: [
      async ({ isthmus, name }) => {
        const producer = isthmus.SpscQueue.producer(name);
        try {
          if (many) producer.putManySync(sizes.map(message));
          else for (const [n, length] of sizes.entries()) await producer[put](message(length, n));
          producer.end();
        } catch (error) {
          if (error.code !== 'ERR_ISTHMUS_PEER_DIED') throw error;
        }
        producer.close();
      },
      async ({ isthmus, name }) => {
        const consumer = isthmus.SpscQueue.consumer(name);
        const got = [];
        try {
          for (;;) {
            const messages = many ? consumer.getManySync() : [await consumer[get]()];
            if (messages.length === 0 || messages[0] === undefined) break;
            for (const one of messages) {
              const n = got.length;
              if (Buffer.compare(one, message(sizes[n], n)) !== 0)
                throw new Error(`message ${n} has ${one.length} bytes, of ${one[0]}`);
              got.push(one.length);
            }
          }
        } catch (error) {
          if (error.code !== 'ERR_ISTHMUS_PEER_DIED') throw error;
          if (consumer.tryGet() !== undefined)
            throw new Error('told of the death before everything was delivered');
        }
        consumer.close();
        return got.length;
      },
    ],
    check({ object, values, gone }) {
      if (gone !== undefined) return;
      if (values[1] !== sizes.length) throw new Error(`${sizes.length} were put, ${values[1]} came`);
      if (object.used !== 0) throw new Error(`${object.used} bytes are left`);
    },
  };
};
