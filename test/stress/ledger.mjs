// Locked read-modify-writes by processes and workers, Sync and promise forms mixed; first undisturbed, then while they are
// killed at random moments, against a ledger that every holder checks before it changes anything.

import { setTimeout as sleep } from 'node:timers/promises';
import { Lock, SharedArray, unlink, Value } from 'isthmus';
import { check, freshName, random, start } from './processes.mjs';

const FORMS = ['Sync', 'promise', 'Sync', 'promise'];

/**
 * The ledger: what all have counted together, and from ACTORS on what each actor has counted. Both are plain memory that
 * only the lock protects: whoever holds it adds 1 to the first, then 1 to its own.
 */
export const LEDGER = { TOTAL: 0, REPAIRED: 1, ACTORS: 2, LENGTH: 64 };

export async function run({ report, share }) {
  await report('4 processes x 20,000 locked read-modify-writes', () =>
    undisturbed(Math.round(20_000 * share)),
  );
  for (const disable of ['', 'death_marks']) {
    const way = disable === '' ? 'with marks' : 'without marks';
    await report(`processes and workers killed at random, ${way}`, () =>
      killed(Math.round((disable === '' ? 300 : 100) * share), disable),
    );
  }
}

function ledger() {
  const name = freshName('ledger');
  const names = [name, `${name}-ledger`, `${name}-stop`];
  const lock = Lock.create(names[0]);
  const array = SharedArray.create(names[1], 'f64', LEDGER.LENGTH);
  const stop = Value.create(names[2], 'bool');
  return {
    name,
    stop,
    async check() {
      const guard = await lock.acquire({ timeout: 60_000 });
      const total = array.view[LEDGER.TOTAL];
      const sum = array.view.subarray(LEDGER.ACTORS).reduce((a, b) => a + b, 0);
      // The last holder may have died between its two steps; then it is for us to mend, as we have been told.
      const half = guard.abandoned && total === sum + 1;
      check(half || total === sum, `the ledger says ${total}, its actors ${sum}`);
      if (half) {
        array.view[LEDGER.TOTAL] = sum;
        array.view[LEDGER.REPAIRED]++;
      }
      guard.release();
      return { sum, repaired: array.view[LEDGER.REPAIRED] };
    },
    remove() {
      for (const one of [lock, array, stop]) one.close();
      for (const one of names) unlink(one);
    },
  };
}

async function undisturbed(each) {
  const books = ledger();
  const actors = FORMS.map((form, id) => start('ledger-actor.mjs', [books.name, form, id, each, 0]));
  try {
    const began = performance.now();
    for (const actor of actors) await actor.done();
    const seconds = (performance.now() - began) / 1000;
    const { sum, repaired } = await books.check();
    check(sum === FORMS.length * each, `${sum} instead of ${FORMS.length * each}`);
    check(repaired === 0, 'somebody was told of a death that there was not');
    return `${Math.round(sum / seconds)} a second`;
  } finally {
    for (const actor of actors) actor.kill();
    books.remove();
  }
}

async function killed(kills, disable) {
  const books = ledger();
  const env = { ISTHMUS_DISABLE: disable };
  // An actor whose last word says so runs a worker beside, which it terminates and replaces now and then.
  const begin = (form, id) => start('ledger-actor.mjs', [books.name, form, id, 1e9, id % 2], env);
  const actors = FORMS.map(begin);
  try {
    for (let n = 0; n < kills; n++) {
      await sleep(random(60));
      const id = random(actors.length);
      actors[id].kill();
      await actors[id].exited;
      actors[id] = begin(FORMS[id], id);
      if (n % 20 === 0) await books.check();
    }
    await sleep(500);
    books.stop.value = true;
    for (const actor of actors) await actor.done();
    const { sum, repaired } = await books.check();
    check(repaired > 0 || kills < 100, 'no kill hit a holder between its two steps: the run proves nothing');
    return `${sum} changes, ${kills} kills, ${repaired} half-made changes mended`;
  } finally {
    for (const actor of actors) actor.kill();
    books.remove();
  }
}
