// The kinds that synchronise. See kinds.mjs.

import { createRequire } from 'node:module';
import {
  BARRIER_CALLS,
  CONDITION_CALLS,
  DIST,
  EVENT_CALLS,
  LOCK_CALLS,
  POOL_CALLS,
  participants,
  RLOCK_CALLS,
  RWLOCK_CALLS,
  turn,
} from './calls.mjs';

const require = createRequire(import.meta.url);
const { ENTRY, ENTRY_WORDS } = require(`${DIST}/memory/slot-table-layout.js`);
const BARRIER = require(`${DIST}/sync/barrier-layout.js`);
const CONDITION = require(`${DIST}/sync/condition-layout.js`);
const { EVENT, ...EVENT_FLAGS } = require(`${DIST}/sync/event-layout.js`);
const { LOCK } = require(`${DIST}/sync/lock-layout.js`);
const { POOL } = require(`${DIST}/sync/pool-layout.js`);
const { RWLOCK } = require(`${DIST}/sync/rwlock-layout.js`);

/** Names for the words of a slot table. */
function entries(first) {
  const found = {};
  for (let slot = 0; slot < participants; slot++) {
    found[`OWNER ${slot}`] = first + slot * ENTRY_WORDS + ENTRY.OWNER;
    found[`COUNT ${slot}`] = first + slot * ENTRY_WORDS + ENTRY.COUNT;
  }
  return found;
}

const counts = [
  [1, 0],
  [1, 1],
  [5, 2],
  [2, 5],
  [CONDITION.WAITING_MASK, 0],
  [CONDITION.WAITING_MASK, 1],
  [CONDITION.WAITING_MASK, CONDITION.WAITING_MASK],
  [0, CONDITION.WAITING_MASK],
].flatMap(([waiting, notified]) => {
  const count = waiting | (notified << CONDITION.NOTIFIED_SHIFT);
  return [count, count | CONDITION.WAITERS_ASLEEP];
});

/** `beside`: makes the lock that it does not have itself. */
function condition(kind, beside) {
  const lock = (isthmus, name) => beside?.(isthmus, name) ?? kind;
  return {
    words: { ...CONDITION.CONDITION, ...entries(CONDITION.CONDITION.WAITERS) },
    values: counts,
    table: CONDITION.CONDITION.WAITERS,
    lock: CONDITION.CONDITION.LOCK,
    create(isthmus, name) {
      const made = lock(isthmus, `${name}-lock`);
      const condition = isthmus.Condition.create(name, { lock: made, participants });
      return { close: () => (beside ? [condition, made] : [condition]).forEach((one) => void one.close()) };
    },
    parts: {
      condition: {
        open: ({ Condition }, name) => Condition.attach(name),
        again: ({ Condition }, name) => Condition.open(name),
        calls: CONDITION_CALLS,
      },
      lock: {
        open: (_isthmus, _name, { condition }) => condition?.lock,
        calls: kind === 'rlock' ? RLOCK_CALLS : LOCK_CALLS,
      },
    },
  };
}

const round = 5 << BARRIER.ROUND_SHIFT;
const states = [
  0,
  1,
  BARRIER.BARRIER_ASLEEP,
  BARRIER.BARRIER_ACTING, // and nobody acts
  BARRIER.BARRIER_ACTING | 2 | round,
  BARRIER.BARRIER_BROKEN | BARRIER.BARRIER_ACTING | BARRIER.BARRIER_ASLEEP,
  2 | round,
  BARRIER.ARRIVED_MASK | BARRIER.BARRIER_ASLEEP,
  1 | (-1 << BARRIER.ROUND_SHIFT), // the last round
];
const doNothing = () => {};

export const SYNC_KINDS = {
  lock: {
    words: LOCK,
    create: ({ Lock }, name) => Lock.create(name, { participants }),
    parts: {
      lock: {
        open: ({ Lock }, name) => Lock.attach(name),
        again: ({ Lock }, name) => Lock.open(name),
        calls: [...LOCK_CALLS, (lock) => void lock.ref().unref()],
      },
    },
  },
  rlock: {
    words: LOCK,
    create: ({ RLock }, name) => RLock.create(name, { participants }),
    parts: {
      lock: {
        open: ({ RLock }, name) => RLock.attach(name),
        again: ({ RLock }, name) => RLock.open(name),
        calls: [...RLOCK_CALLS, (lock) => void lock.ref().unref()],
      },
    },
  },
  pool: {
    words: { ...POOL, 'PERMIT 1': POOL.PERMITS + 1, 'PERMIT 2': POOL.PERMITS + 2 },
    create: ({ PermitPool }, name) => PermitPool.create(name, 3, { participants }),
    parts: {
      pool: {
        open: ({ PermitPool }, name) => PermitPool.attach(name),
        again: ({ PermitPool }, name) => PermitPool.open(name, 3),
        calls: POOL_CALLS,
      },
    },
  },
  rwlock: {
    words: { ...RWLOCK, ...entries(RWLOCK.READERS) },
    values: [0, 1, 2, -1, 0x7fffffff, 1 << 31],
    table: RWLOCK.READERS,
    create: ({ RwLock }, name) => RwLock.create(name, { participants }),
    parts: {
      rwlock: {
        open: ({ RwLock }, name) => RwLock.attach(name),
        again: ({ RwLock }, name) => RwLock.open(name),
        calls: RWLOCK_CALLS,
      },
      read: { open: (_isthmus, _name, { rwlock }) => rwlock?.read, calls: LOCK_CALLS },
      write: { open: (_isthmus, _name, { rwlock }) => rwlock?.write, calls: LOCK_CALLS },
    },
  },
  event: {
    words: EVENT,
    values: [...Object.values(EVENT_FLAGS), -1, -2, -3, -4, 0x7ffffffc],
    create: ({ Event }, name) => Event.create(name, { participants }),
    parts: {
      event: {
        open: ({ Event }, name) => Event.attach(name),
        again: ({ Event }, name) => Event.open(name),
        calls: EVENT_CALLS,
      },
    },
  },
  condition: condition('lock'),
  'condition, rlock': condition('rlock'),
  'condition, another lock': condition('lock', ({ Lock }, name) => Lock.create(name, { participants })),
  barrier: {
    words: { ...BARRIER.BARRIER, ...entries(BARRIER.BARRIER.PARTIES) },
    values: states,
    table: BARRIER.BARRIER.PARTIES,
    create: ({ Barrier }, name) => Barrier.create(name, 2, { participants }),
    parts: {
      barrier: {
        open: ({ Barrier }, name) => Barrier.attach(name),
        again: ({ Barrier }, name) => Barrier.open(name, 2),
        calls: BARRIER_CALLS,
      },
      acting: {
        open: ({ Barrier }, name) => Barrier.attach(name, { action: doNothing }),
        calls: BARRIER_CALLS,
      },
      'acting for a while': {
        open: ({ Barrier }, name) => Barrier.attach(name, { action: turn }),
        calls: BARRIER_CALLS,
      },
    },
  },
};
