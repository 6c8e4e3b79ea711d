// How costs grow: with the number of processes, and with what is in a map. (Sizes of messages: `sizes`; pending waits:
// `waits`; memory of a killed holder: `takeover`.)

import { native, rated, side } from '../lib/contenders.mjs';
import { contenders as lockContenders } from './lock.mjs';
import { contenders as mapContenders } from './map.mjs';
import { contenders as queueContenders } from './queue.mjs';

const ENTRIES = [1e3, 1e4, 1e5, 1e6];

const shortened = (contenders) => contenders.map((one) => ({ ...one, share: 0.5 }));

/** All add to one word. */
function adding(processes) {
  const all = (make) => (parameters) => Array.from({ length: processes }, () => make(parameters));
  return [
    rated(
      'isthmus Value.add',
      processes,
      { role: 'subject', guess: 50 },
      all(side('subjects/value.mjs', 'add')),
    ),
    rated(
      'C++ fetch_add',
      processes,
      { role: 'limit', needs: 'locks', guess: 20 },
      all(native('locks', { role: 'add' })),
    ),
  ];
}

const processPoints = (what, unit, counts, title, contenders) =>
  counts.map((processes) => ({
    id: `growth-${what}-${processes}`,
    title: title(processes),
    unit,
    x: processes,
    chart: `processes-${what}`,
    contenders: contenders(processes),
  }));

/** All sizes in one point, so that they are compared within a repetition. */
function mapPoint(visit, entries) {
  const suffix = (n) => `, ${n.toLocaleString('en')}`;
  const name = 'isthmus SharedMap';
  return {
    id: `growth-map-${visit}`,
    title: `get by the number of entries, ${visit === 'few' ? 'the same 128 keys' : 'keys at random'}`,
    unit: 'get',
    chart: `map-${visit}`,
    contenders: shortened(
      entries.flatMap((n) =>
        mapContenders('get', n, { visit, suffix: suffix(n) }).map((one) => ({
          ...one,
          x: n,
          series: one.label.slice(0, -suffix(n).length),
        })),
      ),
    ),
    // Keys at random cost cache misses in every map; the same keys do not, and their cost must not grow.
    goals:
      visit === 'few'
        ? [{ subject: name + suffix(entries.at(-1)), against: name + suffix(entries[0]), ratio: 1.25 }]
        : [],
  };
}

export default {
  name: 'growth',
  title: 'How costs grow',
  points: ({ quick }) => [
    ...processPoints(
      'add',
      'add',
      quick ? [1, 2] : [1, 2, 4, 8],
      (n) => `${n} processes add to one value`,
      adding,
    ),
    // One process alone hands over to nobody: its lock is `lock-free`.
    ...processPoints(
      'lock',
      'handover',
      quick ? [2] : [2, 4, 6, 8],
      (n) => `${n} processes want one lock`,
      lockContenders,
    ),
    ...processPoints(
      'queue',
      'message',
      quick ? [2] : [2, 4, 8],
      (n) => `one queue, ${n} processes: ${n / 2} → ${n / 2}`,
      (n) => shortened(queueContenders(n / 2)),
    ),
    ...['few', 'all'].map((visit) => mapPoint(visit, quick ? [1e3, 1e5] : ENTRIES)),
  ],
};
