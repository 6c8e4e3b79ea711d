// Runs the points of a suite: every contender once to learn how fast it is, then all of them in turn, repetition by
// repetition, so that whatever the machine does meanwhile happens to all of them.

import { WARM } from './actor.mjs';
import { sweep } from './processes.mjs';
import { summary } from './statistics.mjs';

/**
 * A point: { id, title, unit, contenders, goals; chart, x }. A contender: { label, role, needs, run, guess, least, most,
 * share, fixed, keeps; series, x }:
 * `run({ count, warm, seconds })` gives `{ value, notes }` or the value, in ns for each operation. `guess`: what it may
 * be, so that the first attempt has about the right count, which is from `least` to `most`; `fixed`: its count does not
 * depend on its speed. `share`: of the usual time. `keeps`: what is called so in /dev/shm stays until the point is done.
 * `x`, and `series` in place of the label: where a chart shows it.
 */
export async function runPoint(point, { peers, repetitions, seconds, only, step }) {
  const results = [];
  for (const contender of point.contenders) {
    const missing = missingFor(contender, peers);
    const result = { ...described(contender), values: [], notes: [] };
    if (missing !== undefined) result.missing = missing;
    results.push({ contender, result });
  }
  const active = results.filter(({ result }) => result.missing === undefined && (!only || only(result)));
  const total = active.length * (repetitions + 1);
  let done = 0;
  const turn = async ({ contender, result }, repetition) => {
    step?.(`${point.id}: ${contender.label}`, done++ / total);
    if (result.failed !== undefined) return;
    const time = seconds * (contender.share ?? 1) * (result.role === 'peer' ? PEER_SHARE : 1);
    try {
      if (repetition < 0) return await calibrate(contender, result, time);
      const { value, notes } = await one(contender, result, time);
      result.values.push(value);
      if (notes !== undefined) result.notes.push(notes);
    } catch (error) {
      result.failed = error.message.split('\n').slice(0, 3).join(' ');
    } finally {
      sweep(point.contenders.flatMap((one) => one.keeps ?? []));
    }
  };
  for (const entry of active) {
    if (!entry.contender.fixed) await turn(entry, -1);
  }
  for (let repetition = 0; repetition < repetitions; repetition++) {
    // Nobody is always the first, or always behind the same one.
    for (let n = 0; n < active.length; n++) await turn(active[(n + repetition) % active.length], repetition);
  }
  sweep();
  return finish(point, results);
}

/** Peers are slower by far, mostly: less time is enough to tell. */
const PEER_SHARE = 0.6;

/** Counts of a first run say little: nothing is compiled yet. Some more, each at most so many times longer. */
const GROWTH = 30;
const ATTEMPTS = 4;

/** Finds out how often a contender can do its work in the time. */
async function calibrate(contender, result, seconds) {
  const { least = 20, most = 50_000_000, guess } = contender;
  const wanted = seconds * 1e9;
  result.count = Math.max(least, Math.min(most, Math.round(guess === undefined ? 0 : wanted / guess / 2)));
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { value } = await one(contender, result, seconds);
    const { count } = result;
    const fits = Math.min(wanted / value, count * GROWTH);
    result.count = Math.round(Math.min(most, Math.max(least, fits)));
    if (value * count > wanted / 3 || result.count <= count) break;
  }
}

async function one(contender, { count = 1 }, seconds) {
  const found = await contender.run({ count, warm: Math.ceil(count * WARM), seconds });
  const { value, notes } = typeof found === 'number' ? { value: found } : found;
  if (!Number.isFinite(value)) throw new Error('no figure');
  return { value, notes };
}

export const missingFor = (contender, peers) => {
  for (const need of [contender.needs ?? []].flat()) {
    const found = peers.get(need);
    if (found === undefined) return `unknown peer ${need}`;
    if (found.missing) return found.missing;
  }
  return undefined;
};

const described = ({ label, role = 'peer', x, series }) => ({ label, role, x, series });

function finish(point, results) {
  const rows = results.map(({ result: { count: _count, ...result } }) => {
    if (result.values.length === 0) return result;
    return { ...result, ...summary(result.values), notes: mergeNotes(result.notes) };
  });
  const { id, title, unit, x, chart } = point;
  return { id, title, unit, x, chart, rows, goals: (point.goals ?? []).map((goal) => judge(goal, rows)) };
}

/** Notes of several repetitions: the worst of each figure. */
function mergeNotes(all) {
  const merged = {};
  for (const notes of all)
    for (const [key, value] of Object.entries(notes)) merged[key] = Math.max(merged[key] ?? 0, value);
  return merged;
}

/**
 * A goal: { subject, against, ratio }: at most ratio × the peer's figure, or that of the slowest of several;
 * { subject, against, plus }: at most so much more; { subject, atMost }; { subject, note, atMost }: the worst of a note.
 * `met` is missing when a side has no figure.
 */
export function judge(goal, rows) {
  const figure = (label) => rows.find((row) => row.label === label);
  /** Of several peers the slowest. */
  const slowest = (labels) => labels.map(figure).sort((a, b) => (b?.median ?? 0) - (a?.median ?? 0))[0];
  const subject = figure(goal.subject);
  if (subject?.median === undefined) return { ...goal };
  const value = goal.note === undefined ? subject.median : subject.notes[goal.note];
  if (goal.atMost !== undefined) return { ...goal, reached: value, met: value <= goal.atMost };
  const against = slowest([goal.against].flat());
  if (against?.median === undefined) return { ...goal };
  if (goal.plus !== undefined)
    return { ...goal, reached: value - against.median, met: value - against.median <= goal.plus };
  const ratios = subject.values.map((one, index) => one / against.values[index]).filter(Number.isFinite);
  const reached = value / against.median;
  // Both sides of a repetition were taken close together: the spread of their ratios is smaller than that of the times.
  return { ...goal, reached, spread: summary(ratios), met: reached <= goal.ratio };
}
