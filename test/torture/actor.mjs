// node actor.mjs LOAD PREFIX SEED PLACE LIFE: one process of a load. It plays its role in its main thread, or is the host
// of workers that it terminates and replaces at random moments (host.mjs). Runs as such a worker, too.

import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { isMainThread, threadId, workerData } from 'node:worker_threads';
import { hostWorkers } from './host.mjs';
import { Ledger, MODE, places, stepName } from './ledger.mjs';
import { randomFrom } from './random.mjs';

const [file, prefix, seed, place, life, worker] = workerData ?? process.argv.slice(2);
const load = await import(`./loads/${file}.mjs`);
const ledger = Ledger.attach(`${prefix}-${file}-ledger`, load.cast);
const here = places(load.cast)[Number(place)];
const { role, row: index } = isMainThread ? here : here.workers[Number(worker)];
const row = ledger.rows[index];
/** After how many of its steps an actor rests, and for how many ms. */
const REST = 0.1;
const RESTS = [0.5, 20];

/** What the actor's side of a load gets. */
const context = {
  role,
  row,
  ledger,
  life: Number(life),
  /** Of earlier lives: nobody is killed before `row.up` says so. */
  deaths: row.deaths,
  random: randomFrom(seed, file, index, life),
  /** The full name of an object of this load. */
  name: (what) => `${prefix}-${file}-${what}`,
};

/** Steps drawn at random, until it is time to go. */
async function play() {
  const part = await load.actor(context);
  const steps = Object.entries(part.steps).map(([name, run]) => ({ run, note: stepName(name) }));
  for (let n = 1; ledger.mode !== MODE.STOP; n++) {
    const { run, note } = context.random.pick(steps);
    note(row);
    let result = run();
    if (result instanceof Promise) result = await result;
    if (result !== false) row.beats++; // false: nothing was achieved
    if (row.leave === 1) return leave(part);
    // A start costs a hundred times as much as a step: with everybody at work all the time few would come up to be killed.
    if (context.random.chance(REST)) await sleep(context.random.scattered(...RESTS));
    else if (n % 16 === 0) await turn(); // Sync forms never let the event loop turn
  }
  stepName('finish')(row);
  await part.finish?.();
  row.up = 0;
  part.close();
}

/** A normal end in the middle of everything, with a close() or without. */
function leave(part) {
  row.up = 0;
  if (isMainThread && context.random.chance(0.5)) process.exit(0);
  part.close();
}

row.leave = 0;
row.pid = process.pid;
row.thread = threadId;
row.up = Number(life); // from here on it may be killed: it has not even attached
try {
  if (isMainThread && here.workers.length > 0)
    await hostWorkers({ ...context, load, here, seed, file, prefix, place });
  else await play();
} catch (error) {
  console.error(
    `${file}, ${role} (pid ${process.pid}, thread ${threadId}, row ${index}, life ${life}, in '${row.step}'):`,
    error,
  );
  process.exit(1);
}
if (isMainThread) ledger.close();
