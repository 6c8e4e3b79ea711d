// The holder of a lock is killed: the time from the kill to the next one having it.

import { freemem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { native, side } from '../lib/contenders.mjs';
import { freshName, start } from '../lib/processes.mjs';

const SUBJECT = 'subjects/lock.mjs';
const FLOCK = 'peers/file-locks.mjs';
const MARKS_OFF = { env: { ISTHMUS_DISABLE: 'death_marks' } };

/**
 * `kills` holders, one after the other. The value is the median of one repetition, the
 * worst of all is a note.
 */
function takeovers(label, kills, ballast, options, makeHolder, makeWaiter) {
  return {
    label,
    fixed: true,
    ...options,
    async run() {
      const parameters = { name: freshName('takeover'), path: '', ballast };
      const waiter = start(makeWaiter({ ...parameters, ballast: 0 }));
      const holders = [];
      const prepare = async () => {
        holders.push(start(makeHolder(parameters)));
        await holders.at(-1).line('PREPARED');
      };
      const times = [];
      try {
        await prepare();
        for (let n = 0; n < kills; n++) {
          const holder = holders[n];
          holder.tell('TAKE');
          await holder.line('HELD');
          // Ready before the kill, so that nothing else happens at that moment; two very large ones may not fit.
          if (n + 1 < kills && ballast < 2 ** 30) await prepare();
          waiter.tell('WAIT');
          await waiter.line('WAITING');
          await sleep(2 + Math.random() * 6); // it spins, or is asleep already
          const killed = process.hrtime.bigint();
          holder.kill();
          const [, at] = (await waiter.line('AT')).split(' ');
          times.push(Number(BigInt(at) - killed));
          await holder.exited;
          if (n + 1 < kills && ballast >= 2 ** 30) await prepare();
        }
      } finally {
        for (const one of [waiter, ...holders]) one.stop();
        await Promise.all([waiter, ...holders].map((one) => one.exited));
      }
      times.sort((a, b) => a - b);
      return { value: times[times.length >> 1], notes: { 'worst ms': times[times.length - 1] / 1e6 } };
    },
  };
}

/** flock tells when all memory of the dead one is gone. It shows by 1 GB; a death at 4 GB takes long. */
const FLOCK_MOST = 2 ** 30;

function flock(kills, ballast) {
  const sides = ['holder', 'waiter'].map((role) => side(FLOCK, role));
  return takeovers('flock (fs-ext)', kills, ballast, { needs: 'fs-ext' }, ...sides);
}

function contenders(kills, ballast) {
  const ours = (label, how) =>
    takeovers(
      label,
      kills,
      ballast,
      { role: 'subject' },
      side(SUBJECT, 'holder', {}, how),
      side(SUBJECT, 'waiter', {}, how),
    );
  return [
    ours('isthmus', {}),
    ours('isthmus, marks off', MARKS_OFF),
    takeovers(
      'C++ robust mutex',
      kills,
      ballast,
      { role: 'limit', needs: 'locks' },
      native('locks', { role: 'holder' }),
      native('locks', { role: 'waiter' }),
    ),
    ...(ballast > FLOCK_MOST ? [] : [flock(kills, ballast)]),
  ];
}

/** Memory of the holder, in MB: a large process takes long to die. */
const SIZES = [0, 256, 1024, 4096];
/** How many are killed in each repetition; small ones more often. */
const KILLS = new Map([
  [256, 4],
  [1024, 2],
  [4096, 1],
]);

const goals = [
  { subject: 'isthmus', atMost: 1e6 },
  { subject: 'isthmus', note: 'worst ms', atMost: 20 },
];

export default {
  name: 'takeover',
  title: 'Takeover after SIGKILL',
  points: ({ quick, repetitions }) =>
    (quick ? SIZES.slice(0, 2) : SIZES)
      .filter((megabytes) => megabytes * 2 ** 20 * 1.5 < freemem())
      .map((megabytes) => ({
        id: `takeover-${megabytes}`,
        title: `the holder has ${megabytes === 0 ? 'no memory to speak of' : `${megabytes} MB`}`,
        unit: 'takeover',
        x: megabytes,
        chart: 'takeover',
        // 200 kills in all for the goal.
        contenders: contenders(
          KILLS.get(megabytes) ?? Math.ceil((quick ? 25 : 200) / repetitions),
          megabytes * 2 ** 20,
        ),
        goals: megabytes === 0 ? goals : [],
      })),
};
