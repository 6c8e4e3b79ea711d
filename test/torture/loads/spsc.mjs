// Three queues whose ends are killed and replaced: one is read with get (at most once), one with peek and release (at
// least once), one with everything, between workers. A fourth party tries to take roles that are taken.

import { SpscQueue } from 'isthmus';
import { check as demand, MODE } from '../ledger.mjs';
import { RECEIVED, receiving } from '../receiver.mjs';
import { SENT, sending } from '../sender.mjs';

export const cast = [
  'producer 0',
  'consumer 0',
  'producer 1',
  'consumer 1',
  ['producer 2', 'consumer 2', 'usurper'],
];

const QUEUES = [
  { capacity: 4096, how: ['get'] },
  { capacity: 65_536, how: ['peek'] },
  { capacity: 16_384, how: ['get', 'peek'] },
];
/** Where positions begin: those of the ring wrap around at 2^32. */
const START = 2 ** 32 - 40_000;

/** Own elements of both ends: the life that has claimed the role, and the deaths of the row until then. */
const CLAIMED = 20;
const DEATHS = 21;
/** Own elements of the usurper: refusals, and roles that it got because nobody had them. */
const REFUSED = 0;
const GOT = 1;

const isTaken = ({ code }) => code === 'ERR_ISTHMUS_ROLE_TAKEN';

export function create({ name }) {
  const queues = QUEUES.map(({ capacity }, n) =>
    SpscQueue.create(name(n), { capacity, startPosition: START }),
  );
  return {
    close() {
      for (const queue of queues) queue.close();
    },
  };
}

export async function actor(context) {
  if (context.role === 'usurper') return { steps: usurping(context), close() {} };
  const [role, queue] = context.role.split(' ');
  const { row, life, name } = context;
  const deaths = row.deaths;
  const end = await claim(() => SpscQueue[role](name(queue)));
  row.own[DEATHS] = deaths;
  row.own[CLAIMED] = life;
  const part =
    role === 'producer'
      ? sending(context, end)
      : receiving(context, end, context.ledger.row(`producer ${queue}`), QUEUES[queue].how);
  return { ...part, close: () => end.close() };
}

/** The role of a dead one is free, but the usurper may have it for a moment. */
async function claim(open) {
  for (;;) {
    try {
      return open();
    } catch (error) {
      if (!isTaken(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

function usurping({ row, ledger, name, random }) {
  const usurp = (role) => () => {
    const n = random.below(QUEUES.length);
    const of = ledger.row(`${role} ${n}`);
    const look = () => {
      // Deaths are counted before they are dealt; so they are read last.
      const claimed = of.own[CLAIMED];
      return { claimed, since: of.own[DEATHS], up: of.up, deaths: of.deaths };
    };
    const before = look();
    try {
      SpscQueue[role](name(n)).close();
    } catch (error) {
      if (error.code === 'ERR_ISTHMUS_CLOSED' && ledger.mode === MODE.STOP) return;
      if (!isTaken(error)) throw error;
      row.own[REFUSED]++;
      return;
    }
    row.own[GOT]++;
    const after = look();
    const has = ({ claimed, up, since, deaths }) => up !== 0 && claimed === up && since === deaths;
    const same = before.claimed === after.claimed && before.up === after.up;
    demand(
      !(has(before) && has(after) && same),
      () => `two have the role ${of.role}: life ${after.claimed} (pid ${of.pid}) lives`,
    );
  };
  return {
    'as producer': usurp('producer'),
    'as consumer': usurp('consumer'),
  };
}

export function check({ ledger, final }) {
  for (let n = 0; n < QUEUES.length; n++) {
    const [producer, consumer] = [ledger.row(`producer ${n}`), ledger.row(`consumer ${n}`)];
    const own = (element) => consumer.own[element];
    const doubled = own(RECEIVED.DOUBLED);
    const again = own(RECEIVED.AGAIN);
    demand(
      again <= consumer.deaths,
      `queue ${n}: ${again} messages came again, ${consumer.deaths} consumers died`,
    );
    demand(
      doubled <= producer.own[SENT.UNKNOWN],
      `queue ${n}: ${doubled} messages twice, ${producer.deaths} producers died`,
    );
    if (QUEUES[n].how.join() === 'peek')
      demand(own(RECEIVED.LOST) === 0, `queue ${n}: ${own(RECEIVED.LOST)} lost`);
    if (final) demand(own(RECEIVED.ENDED) === 1, `queue ${n}: the consumer has not seen the end`);
  }
}

export function counts({ ledger }) {
  const consumers = ledger.rows.filter(({ role }) => role.startsWith('consumer'));
  const sum = (element) => consumers.reduce((all, row) => all + row.own[element], 0);
  return {
    operations: sum(RECEIVED.COUNT),
    'handed to the dead': sum(RECEIVED.LOST),
    'seen again': sum(RECEIVED.AGAIN),
    'sent twice': sum(RECEIVED.DOUBLED),
    'deaths of the other side noticed': ledger.sum((row) => row.own[RECEIVED.PEER_DIED]),
    'roles refused': ledger.row('usurper').own[REFUSED],
    'roles taken': ledger.row('usurper').own[GOT],
  };
}
