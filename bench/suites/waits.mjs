// Many asynchronous waits at once: waking one of them.

import { readFileSync } from 'node:fs';
import { background, oneWay, side } from '../lib/contenders.mjs';

const SUBJECT = 'subjects/waits.mjs';
const COUNTS = [1, 10, 100, 1000, 10_000];
const QUICK = [1, 1000];
/** Each event is a file, which its waiter has open. */
const ENOUGH_FILES = 256;

export const label = (waits) => `${waits.toLocaleString('en')} pending`;

const wake = (waits) =>
  oneWay(
    label(waits),
    { role: 'subject', x: waits, series: 'isthmus', least: 20, most: 100 },
    background(side(SUBJECT, 'sleeper', { waits })),
    side(SUBJECT, 'waker', { waits }),
  );

/** How many files a process may have open. */
function openFiles() {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/Max open files\s+\d+\s+(\d+)/.exec(limits)?.[1] ?? 1024);
}

export default {
  name: 'waits',
  title: 'Pending waits',
  points: ({ quick }) => {
    const counts = (quick ? QUICK : COUNTS).filter((waits) => waits + ENOUGH_FILES < openFiles());
    return [
      {
        id: 'waits',
        title: 'from set() to the waking of one of many pending promises, both asleep',
        unit: 'waking',
        chart: 'waits',
        contenders: counts.map(wake),
        goals: [{ subject: label(1000), against: label(1), ratio: 3 }],
      },
    ];
  },
};
