// Lock: free, and wanted by several processes at once.

import { native, oneWay, pythonWork, side } from '../lib/contenders.mjs';
import { freshName, together } from '../lib/processes.mjs';

const SUBJECT = 'subjects/lock.mjs';
const FILES = 'peers/file-locks.mjs';

/** `processes` of them want one lock, as often as they can, for some time: the time for each handover to another process. */
export function contended(label, processes, options, makeSide) {
  return {
    label,
    fixed: true,
    ...options,
    async run({ seconds }) {
      const name = freshName();
      const parameters = { name, path: '', seconds };
      const sides = options.inside ? 1 : processes;
      const results = await together(Array.from({ length: sides }, () => makeSide(parameters)));
      const each = results.flatMap((result) => result.each ?? [result]);
      const sum = (key) => each.reduce((total, one) => total + one[key], 0);
      const rate = each.reduce((total, one) => total + one.handovers / one.ns, 0);
      return {
        value: 1 / rate,
        notes: {
          'acquired/s': Math.round((sum('acquired') / sum('ns')) * each.length * 1e9),
          'slowest ms': Math.max(...each.map((one) => one.slowest)) / 1e6,
        },
      };
    },
  };
}

export function contenders(processes) {
  return [
    contended('isthmus Lock', processes, { role: 'subject' }, side(SUBJECT, 'contend')),
    contended(
      'C++ robust mutex',
      processes,
      { role: 'limit', needs: 'locks' },
      native('locks', { role: 'contend', kind: 'mutex' }),
    ),
    contended('C++ sem_t', processes, { needs: 'locks' }, native('locks', { role: 'contend', kind: 'sem' })),
    contended('flock (fs-ext)', processes, { needs: 'fs-ext' }, side(FILES, 'contend', { kind: 'flock' })),
    contended(
      'Python Lock',
      processes,
      { needs: 'python', inside: true },
      pythonWork('contend', { takes: ['seconds'], processes }),
    ),
  ];
}

export default {
  name: 'lock',
  title: 'Lock',
  points: () => [
    {
      id: 'lock-free',
      title: 'acquire and release, free',
      unit: 'pair',
      contenders: [
        oneWay(
          'isthmus acquireSync',
          { role: 'subject', guess: 200 },
          side(SUBJECT, 'free', { form: 'sync' }),
        ),
        oneWay('isthmus tryAcquire', { role: 'subject', guess: 200 }, side(SUBJECT, 'free', { form: 'try' })),
        oneWay(
          'C++ robust mutex',
          { role: 'limit', needs: 'locks' },
          native('locks', { role: 'free', kind: 'mutex' }),
        ),
        oneWay('C++ sem_t', { needs: 'locks' }, native('locks', { role: 'free', kind: 'sem' })),
        oneWay('Python Lock', { needs: 'python' }, pythonWork('lock', { takes: ['count'] })),
        oneWay('flock (fs-ext)', { needs: 'fs-ext' }, side(FILES, 'free', { kind: 'flock' })),
        oneWay('proper-lockfile', { needs: 'proper-lockfile' }, side(FILES, 'free', { kind: 'lockfile' })),
      ],
      goals: ['isthmus acquireSync', 'isthmus tryAcquire'].flatMap((subject) => [
        { subject, against: 'C++ robust mutex', ratio: 3 },
        { subject, against: 'Python Lock', ratio: 1 / 4 },
      ]),
    },
    ...[2, 4].map((processes) => ({
      id: `lock-contended-${processes}`,
      title: `${processes} processes want one lock all the time`,
      unit: 'handover',
      contenders: contenders(processes),
      goals: ['Python Lock', 'flock (fs-ext)'].map((against) => ({
        subject: 'isthmus Lock',
        against,
        ratio: 1,
      })),
    })),
  ],
};
