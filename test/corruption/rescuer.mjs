// Taking a lock back has no timeout (Condition.waitSync): it lasts as long as another one holds it. Where the lock's word
// has been overwritten to name somebody alive that is for ever, in a thread that can do nothing about it. So this worker
// gives the lock back for whoever is named, when nothing has moved for a while.

import { writeSync } from 'node:fs';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/** ms */
const PATIENCE = 300;
const MOVES = 0;
/** The file's descriptor, plus 1; 0: there is nothing to rescue. */
const FILE = 1;
const PLACE = 2;

let shared;

/** From now on the word at that place of the file is given back. */
export function rescue(fd, place) {
  if (shared === undefined) {
    shared = new Int32Array(new SharedArrayBuffer(12));
    new Worker(new URL(import.meta.url), { workerData: shared }).unref();
  }
  shared[PLACE] = place;
  Atomics.store(shared, FILE, fd + 1);
}

/** Something moved. */
export function moved() {
  if (shared !== undefined) Atomics.add(shared, MOVES, 1);
}

/** The file is about to be closed. */
export function rescued() {
  if (shared !== undefined) Atomics.store(shared, FILE, 0);
}

if (!isMainThread) {
  for (;;) {
    const moves = Atomics.load(workerData, MOVES);
    Atomics.wait(workerData, MOVES, moves, PATIENCE);
    const file = Atomics.load(workerData, FILE);
    if (file !== 0 && Atomics.load(workerData, MOVES) === moves)
      writeSync(file - 1, new Uint8Array(4), 0, 4, workerData[PLACE]);
  }
}
