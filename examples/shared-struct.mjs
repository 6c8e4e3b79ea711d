// Three processes work through a list and keep one record of how far they are; the parent shows it. Run: node shared-struct.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SharedStruct, text, unlink } from 'isthmus';

const WORKERS = 3;
const JOBS = 30;
const progress = SharedStruct.open('example-struct', {
  next: 'u32', // the next job that nobody has
  done: 'u32',
  latest: text(40),
  perWorker: ['u32', WORKERS],
  slowest: { job: 'u32', ms: 'f64' },
});

if (process.argv[2] === 'work') {
  const me = Number(process.argv[3]);
  const { fields, lock } = progress;
  for (;;) {
    const job = progress.add('next', 1); // atomic: everybody gets another one
    if (job >= JOBS) break;
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20)); // work
    const ms = performance.now() - began;
    fields.latest = `job ${job} by worker ${me} – done`; // never seen half written
    fields.perWorker[me]++; // plain: nobody else writes this element
    // Two fields that belong together, and a look before a change: under the lock.
    lock.withLockSync(() => {
      if (ms > fields.slowest.ms) fields.slowest = { job, ms };
    });
    progress.add('done', 1);
  }
  progress.close();
} else {
  const self = fileURLToPath(import.meta.url);
  const workers = [];
  for (let me = 0; me < WORKERS; me++)
    workers.push(spawn(process.execPath, [self, 'work', String(me)], { stdio: 'inherit' }));
  const gone = Promise.all(workers.map((worker) => once(worker, 'exit')));
  const deadline = Date.now() + 30_000;
  let shown = '';
  while (progress.load('done') < JOBS && Date.now() < deadline) {
    const { latest } = progress.fields;
    if (latest !== shown) console.log(latest);
    shown = latest;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { done, perWorker, slowest } = progress.snapshot();
  console.log(`${done} jobs: ${perWorker.join(' + ')}; the slowest was ${slowest.job}`);
  process.exitCode = perWorker.reduce((sum, count) => sum + count, 0) === JOBS ? 0 : 1;

  await gone; // one that started late would make the name anew
  progress.close();
  unlink('example-struct');
}
