// A process whose actors are workers. It terminates and replaces them at random moments.

import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { MODE, stepName } from './ledger.mjs';

/** ms that a worker lives before it is terminated. */
const SHORTEST = 50;
const LONGEST = 3000;

export async function hostWorkers(context) {
  const { here, ledger, row, random } = context;
  stepName('hosts workers')(row);
  let over = false;
  const all = Promise.all(here.workers.map((_, worker) => keep(context, worker))).then(() => {
    over = true;
  });
  while (!over) {
    await Promise.race([all, sleep(20)]);
    row.beats++;
    if (row.leave !== 1) continue;
    // A normal end, for the process; its workers are terminated.
    row.up = 0;
    for (const one of here.workers) ledger.rows[one.row].terminations++;
    process.exit(0);
  }
  row.up = 0;

  /** One worker after the other, until one of them has ended in good order in the end. */
  async function keep({ load, file, prefix, seed, place }, worker) {
    const seat = ledger.rows[here.workers[worker].row];
    for (let ended = false; !(ended && ledger.mode === MODE.STOP); ) {
      const life = ++seat.lives;
      const one = new Worker(new URL('./actor.mjs', import.meta.url), {
        workerData: [file, prefix, seed, place, life, worker],
      });
      ended = false;
      const exited = new Promise((resolve, reject) => {
        one.once('error', reject); // an actor that fails says why and calls exit
        one.once('exit', (code) => (code === 0 || terminated ? resolve() : process.exit(1)));
      }).then(() => {
        ended = !terminated;
      });
      let terminated = false;
      await Promise.race([exited, sleep(random.scattered(SHORTEST, LONGEST))]);
      while (!ended && ledger.mode !== MODE.STORM) await Promise.race([exited, sleep(20)]);
      if (!ended) {
        terminated = true;
        seat.terminations++;
        await one.terminate();
        await exited;
      }
      seat.up = 0;
      load.mourn?.(seat, ledger);
    }
  }
}
