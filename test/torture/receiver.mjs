// The consuming actor of a queue: every message must be the next one, but for what the deaths of producers and consumers
// explain.

import { setTimeout as sleep } from 'node:timers/promises';
import { readMessage } from './content.mjs';
import { check as demand } from './ledger.mjs';
import { BATCH, SENT } from './sender.mjs';

/**
 * Own elements. SEEN: life and number of the last message that was noted. TAKING: how many more may have been handed out.
 * PEEKING: 1 while it may be noted and not yet released. LOST: handed to a dead one that did not note them. AGAIN: noted,
 * not released by a dead one, and seen again. DOUBLED: sent again by a producer whose predecessor died not knowing.
 */
export const RECEIVED = {
  SEEN: 0,
  TAKING: 1,
  PEEKING: 2,
  LOST: 3,
  AGAIN: 4,
  DOUBLED: 5,
  COUNT: 6,
  ENDED: 7,
  PEER_DIED: SENT.PEER_DIED,
};
/** Life and number are noted in one store. */
const NUMBERS = 2 ** 36;

export function receiving({ row, random }, consumer, producerRow, how) {
  const { own } = row;
  /** Messages that predecessors may have been handed; only the first one can show how many. */
  let allowed = own[RECEIVED.TAKING];
  let mayComeAgain = own[RECEIVED.PEEKING] === 1;

  const note = (bytes) => {
    const { number, life, from } = readMessage(bytes);
    const lastLife = Math.floor(own[RECEIVED.SEEN] / NUMBERS);
    const last = own[RECEIVED.SEEN] % NUMBERS;
    const explain = () =>
      `message ${number} of life ${life} (from ${from}) came after ${last} of life ${lastLife}`;
    const again = mayComeAgain && number === last && life === lastLife;
    mayComeAgain = false;
    if (again) {
      own[RECEIVED.AGAIN]++;
      return;
    }
    demand(life >= lastLife, explain);
    // A later life begins behind what was acknowledged before it, and sends again what was not.
    const doubled = life === lastLife ? 0 : Math.max(0, last + 1 - from);
    const lost = life === lastLife ? number - last - 1 : number - from + Math.max(0, from - 1 - last);
    demand(lost >= 0 && doubled <= BATCH, explain);
    demand(
      lost <= allowed,
      () => `${lost} lost, ${allowed} may have been handed to one that died: ${explain()}`,
    );
    own[RECEIVED.LOST] += lost;
    own[RECEIVED.DOUBLED] += doubled;
    own[RECEIVED.COUNT]++;
    own[RECEIVED.SEEN] = life * NUMBERS + number;
    allowed = 0;
  };

  /** `get` returns an array; handed out is consumed. `most`: how many at a time. */
  const taken = async (most, get) => {
    own[RECEIVED.TAKING] = allowed + most;
    const before = own[RECEIVED.COUNT];
    try {
      for (const message of await get()) note(message);
    } catch (error) {
      if (error.code === 'ERR_ISTHMUS_PEER_DIED') row.own[RECEIVED.PEER_DIED]++;
      else if (error.code !== 'ERR_ISTHMUS_TIMEOUT' && error.name !== 'AbortError') throw error;
      if (error.code === 'ERR_ISTHMUS_PEER_DIED') await sleep(random.below(3));
    }
    own[RECEIVED.TAKING] = allowed;
    return own[RECEIVED.COUNT] > before;
  };
  const one = (message) => (message === undefined ? [] : [message]);
  const peek = async (times = 1) => {
    let message = consumer.peek();
    if (message === undefined) return sleep(random.below(2), false);
    own[RECEIVED.PEEKING] = 1;
    for (; times > 1; times--) message = consumer.peek(); // the same
    note(message);
    if (random.chance(0.05)) await sleep(random.below(3)); // time to die before it is released
    consumer.release();
    own[RECEIVED.PEEKING] = 0;
  };
  const peerDeath = () => random.pick(['wait', 'error']);
  const within = () => ({ timeout: random.between(0, 8), peerDeath: peerDeath() });
  const aborted = async (wait) => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), random.between(0, 8));
    try {
      return await wait({ signal: controller.signal, peerDeath: peerDeath() });
    } finally {
      clearTimeout(timer);
    }
  };
  async function* few(messages) {
    let left = 1 + random.below(BATCH);
    for await (const message of messages) {
      yield message;
      if (--left === 0) return;
    }
  }
  const iterate = () =>
    taken(1, async () => {
      for await (const message of few(consumer)) {
        note(message);
        own[RECEIVED.TAKING] = 1;
      }
      return [];
    });
  const gets = {
    tryGet: () => taken(1, () => one(consumer.tryGet())),
    getSync: () => taken(1, () => one(consumer.getSync({ peerDeath: peerDeath() }))),
    get: () => taken(1, async () => one(await consumer.get({ peerDeath: peerDeath() }))),
    'get, timeout': () => taken(1, async () => one(await consumer.get(within()))),
    'getSync, timeout': () => taken(1, () => one(consumer.getSync(within()))),
    'get, abort': () => taken(1, async () => one(await aborted((wait) => consumer.get(wait)))),
    tryGetMany: () => taken(BATCH, () => consumer.tryGetMany(BATCH)),
    getManySync: () => taken(BATCH, () => consumer.getManySync(BATCH, { peerDeath: peerDeath() })),
    getMany: () => taken(BATCH, () => consumer.getMany(BATCH, { peerDeath: peerDeath() })),
    'for await': iterate,
  };
  const peeks = { peek: () => peek(), 'peek twice': () => peek(2) };
  return {
    steps: { ...(how.includes('get') && gets), ...(how.includes('peek') && peeks) },
    /** Until the producer has ended, and beyond it to the last message. */
    async finish() {
      const [step] = how.includes('peek') ? [peeks.peek] : [gets.getMany];
      while (!consumer.ended) await step();
      const last = own[RECEIVED.SEEN] % NUMBERS;
      const put = producerRow.finished(0);
      demand(
        put - last <= allowed,
        () => `${put} were put, the last one that came is ${last}; ${allowed} may be lost`,
      );
      own[RECEIVED.LOST] += Math.max(0, put - last);
      own[RECEIVED.ENDED] = 1;
    },
  };
}
