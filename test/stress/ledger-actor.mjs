// node ledger-actor.mjs NAME FORM ID COUNT WORKER: counts in the ledger, COUNT times or until it is stopped.
// Runs as a worker, too (with the same words as workerData).

import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Lock, SharedArray, Value } from 'isthmus';
import { LEDGER } from './ledger.mjs';
import { random } from './processes.mjs';

const [name, form, id, count, withWorker] = workerData ?? process.argv.slice(2);
const lock = Lock.attach(name);
const array = SharedArray.attach(`${name}-ledger`);
const stop = Value.attach(`${name}-stop`);
const mine = LEDGER.ACTORS + Number(id);
const { view } = array;

function change({ abandoned }) {
  const total = view[LEDGER.TOTAL];
  let sum = 0;
  for (let actor = LEDGER.ACTORS; actor < view.length; actor++) sum += view[actor];
  if (total !== sum) {
    // Only a death between the two steps explains it, and then we have been told.
    if (!abandoned || total !== sum + 1)
      throw new Error(`total ${total}, sum ${sum}, abandoned ${abandoned}`);
    view[LEDGER.REPAIRED]++;
    view[LEDGER.TOTAL] = sum;
  }
  view[LEDGER.TOTAL]++;
  for (let work = 0; work < 1000; work++) view[LEDGER.TOTAL] += 0; // time to die between the two
  view[mine]++;
}

/** The id of a worker's account: its own, beside the process's. */
const WORKER = 20;

async function storm() {
  while (!stop.value) {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: [name, form === 'Sync' ? 'promise' : 'Sync', String(Number(id) + WORKER), count, '0'],
    });
    worker.once('error', (error) => {
      throw error;
    });
    await sleep(50 + random(200));
    await worker.terminate();
  }
}

async function work() {
  for (let n = 0; n < Number(count) && !(n % 16 === 0 && stop.value); n++) {
    if (form === 'Sync') lock.withLockSync(change);
    else await lock.withLock(change);
    // A Sync form never lets the event loop turn, which has a worker to look after.
    if (withWorker === '1' && n % 100 === 0) await sleep(0);
  }
}

await Promise.all([work(), isMainThread && withWorker === '1' ? storm() : undefined]);
for (const one of [lock, array, stop]) one.close();
