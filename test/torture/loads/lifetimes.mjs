// 'attached' objects that are opened, closed, unlinked, collected and left behind by the dead. Never two live objects under
// one name, never an attachment to one that is condemned, and no leftover after the last collect(), unfinished files of
// killed makers included.

import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { collect, inspect, SpscQueue, unlink, Value } from 'isthmus';
import { check as demand } from '../ledger.mjs';

export const cast = ['actor', 'actor', 'actor', ['actor', 'actor']];

/** At the end all are killed at once: there must be something to collect. */
export const endsInDeath = true;

/** Names that everybody opens. Values carry a token, by which one object is told from the next; the queue does not. */
const NAMES = ['a', 'b'];
const QUEUE = 'queue';

/** The kind of operation that is counted: one object opened and closed. */
const HAD = 0;
/** Own elements. While an unlink is under way, the name may lead to another object than the one that somebody has. */
const BEGUN = 0;
const FINISHED = 1;
const COMPARED = 2;
const COLLECTED = 3;
const ATTACHED = 4;

const unfinished = () => readdirSync('/dev/shm').filter((file) => file.startsWith('.isthmus-'));

export function create({ name }) {
  return { before: new Set(unfinished()), files: [...NAMES, QUEUE].map(name), close: () => collect() };
}

/** Each object has a token of its own: the value that its creator gave it. */
const newToken = () => 1 + Math.floor(Math.random() * 2 ** 52);

export function actor({ name, row, ledger, random }) {
  const begun = () => ledger.own(BEGUN);
  const finished = () => ledger.own(FINISHED);

  /** We are attached: unless somebody has unlinked it meanwhile, the name must lead to what we have. */
  const compare = (value, since) => {
    const token = value.value;
    let found;
    try {
      found = inspect(value.name).contents.value;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    if (begun() !== since) return;
    row.own[COMPARED]++;
    // (It may be condemned for a moment, by somebody who then finds us.)
    demand(found === token, () => `${value.name}: has object ${token}, under the name is ${found ?? 'none'}`);
  };

  const have = async (open) => {
    row.begin(HAD);
    const since = finished();
    const value = open(name(random.pick(NAMES)));
    if (value !== undefined) {
      if (random.chance(0.5)) await sleep(random.below(4));
      demand(value.value > 0, 'an object without its first value');
      compare(value, since);
      value.close();
    }
    row.done(HAD);
  };
  const opened = (file) =>
    Value.open(file, 'f64', { lifetime: 'attached', initial: newToken(), participants: 8 });
  const attached = (file) => {
    try {
      const value = Value.attach(file);
      row.own[ATTACHED]++;
      return value;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
      return undefined;
    }
  };
  const steps = {
    open: () => have(opened),
    'open again': () => have(opened),
    'open and again': () => have(opened),
    attach: () => have(attached),
    async 'open two'() {
      const values = NAMES.map((one) => opened(name(one)));
      await sleep(random.below(3));
      for (const value of values) value.close();
    },
    async 'open a queue'() {
      row.begin(HAD);
      const queue = SpscQueue.open(name(QUEUE), { lifetime: 'attached', capacity: '64KB', participants: 8 });
      if (random.chance(0.5)) await sleep(random.below(3));
      demand(queue.used === 0, 'a queue that nobody has put anything into is not empty');
      queue.close();
      row.done(HAD);
    },
    collect() {
      row.own[COLLECTED] += collect().length;
    },
    unlink() {
      if (random.chance(0.7)) return; // often enough
      row.own[BEGUN]++;
      try {
        unlink(name(random.pick([...NAMES, QUEUE])));
      } catch (error) {
        if (error.code !== 'ENOENT' && error.code !== 'EBUSY') throw error;
      }
      row.own[FINISHED]++;
    },
  };
  return { steps, close() {} };
}

/** What a dead one had under way is over. */
export function mourn(row) {
  row.own[FINISHED] = row.own[BEGUN];
}

export async function check({ books, ledger, final, patience }) {
  const open = ledger.most(HAD) - ledger.least(HAD);
  demand(open <= ledger.deaths + ledger.rows.length, `${open} objects not closed, ${ledger.deaths} deaths`);
  if (!final) return;
  collect();
  const left = books.files.filter((file) => existsSync(`/dev/shm/${file}`));
  demand(left.length === 0, `left after the last collect(): ${left.join(', ')}`);
  // Files in the making are left alone while they are younger than 10 s.
  const ours = unfinished().filter((file) => !books.before.has(file));
  books.unfinished = ours.length;
  for (const since = performance.now(); ; await sleep(250)) {
    const stay = ours.filter((file) => existsSync(`/dev/shm/${file}`));
    if (stay.length === 0) return;
    demand(performance.now() - since < patience, `unfinished files that nobody sweeps: ${stay.join(', ')}`);
    collect();
  }
}

export function counts({ ledger, books }) {
  return {
    operations: ledger.least(HAD),
    'attachments compared with the name': ledger.own(COMPARED),
    'attached to another one’s': ledger.own(ATTACHED),
    unlinked: ledger.own(FINISHED),
    'orphans collected': ledger.own(COLLECTED),
    'unfinished files swept at the end': books.unfinished ?? 0,
  };
}
