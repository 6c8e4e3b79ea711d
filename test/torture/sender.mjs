// The producing actor of a queue: numbers its messages, and knows of each whether its put has returned.

import { messageOf } from './content.mjs';

/** The only kind of operation: the number that was acknowledged last is also how many were. */
const MESSAGE = 0;
/** Messages that go together at most. A death leaves at most so many of which nobody knows. */
export const BATCH = 8;

/** Own elements. UNKNOWN: messages that a dead one had begun to put. PEER_DIED: see receiver.mjs. */
export const SENT = { UNKNOWN: 0, PEER_DIED: 8 };

export function sending({ row, life, random }, producer) {
  // What a dead one had begun is either there or not: its numbers are given again.
  row.own[SENT.UNKNOWN] += row.begun(MESSAGE) - row.finished(MESSAGE);
  row.takeBack(MESSAGE, row.begun(MESSAGE) - row.finished(MESSAGE));
  const from = row.finished(MESSAGE) + 1;
  const largest = producer.maxMessageBytes;
  const message = (ahead = 0) =>
    messageOf({ number: row.finished(MESSAGE) + 1 + ahead, life, from }, largest);

  /** `put` returns how many messages were accepted; undefined: all. */
  const sent = async (count, put) => {
    const messages = Array.from({ length: count }, (_, n) => message(n));
    row.begin(MESSAGE, count);
    let accepted = 0;
    try {
      accepted = (await put(messages)) ?? count;
    } catch (error) {
      accepted = error.accepted ?? 0;
      if (error.code === 'ERR_ISTHMUS_PEER_DIED') row.own[SENT.PEER_DIED]++;
      else if (error.code !== 'ERR_ISTHMUS_TIMEOUT' && error.name !== 'AbortError') throw error;
      if (error.code === 'ERR_ISTHMUS_PEER_DIED') await rest(2);
    }
    row.done(MESSAGE, accepted);
    row.takeBack(MESSAGE, count - accepted);
    return accepted > 0;
  };
  const rest = (ms) => new Promise((resolve) => setTimeout(resolve, random.between(0, ms)));
  const several = () => 1 + random.below(BATCH);
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
  /** Written in place, in two pieces: a kill in between leaves nothing of it. */
  const inPlace = ([bytes]) => {
    const extra = random.below(Math.min(64, largest - bytes.length + 1));
    const room = producer.reserve(bytes.length + extra);
    if (room === undefined) return 0;
    const half = bytes.length >> 1;
    room.set(bytes.subarray(0, half));
    if (random.chance(0.05)) {
      producer.cancel();
      return 0;
    }
    room.set(bytes.subarray(half), half);
    producer.commit(bytes.length);
    return 1;
  };
  const steps = {
    tryPut: () => sent(1, ([one]) => (producer.tryPut(one) ? 1 : 0)),
    putSync: () => sent(1, ([one]) => producer.putSync(one, { peerDeath: peerDeath() })),
    put: () => sent(1, ([one]) => producer.put(one, { peerDeath: peerDeath() })),
    'put, timeout': () => sent(1, ([one]) => producer.put(one, within())),
    'putSync, timeout': () => sent(1, ([one]) => producer.putSync(one, within())),
    'put, abort': () => sent(1, ([one]) => aborted((wait) => producer.put(one, wait))),
    tryPutMany: () => sent(several(), (all) => producer.tryPutMany(all)),
    putManySync: () => sent(several(), (all) => producer.putManySync(all, { peerDeath: 'wait' })),
    putMany: () => sent(several(), (all) => producer.putMany(all, { peerDeath: 'wait' })),
    'putMany, timeout': () => sent(several(), (all) => producer.putMany(all, within())),
    'putMany, abort': () => sent(several(), (all) => aborted((wait) => producer.putMany(all, wait))),
    'reserve and commit': () => sent(1, inPlace),
    'flush, timeout': () => sent(0, () => producer.flush(within())),
  };
  return { steps, finish: () => producer.end() };
}
