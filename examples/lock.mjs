// Four processes share a small ledger under a lock; one of them is killed in the middle of a change, and the next one is
// told and mends it. Run: node lock.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Lock, SharedArray, unlink } from 'isthmus';

const TRANSFERS = 1000;
/** Two accounts; whatever moves between them, the sum stays. */
const SUM = 1000;
const lock = Lock.open('example-ledger-lock');
const accounts = SharedArray.open('example-ledger', 'i32', [SUM, 0, 0]);
const MENDED = 2;

/** Plain memory: the lock is what protects it. */
const { view } = accounts;

/** What everybody does first who gets the lock. */
function mend({ abandoned }) {
  if (!abandoned || view[0] + view[1] === SUM) return;
  view[1] = SUM - view[0]; // the last holder died between its two steps: finish for it
  view[MENDED]++;
}

function transfer(guard) {
  mend(guard);
  view[0] -= 1;
  if (process.argv[2] === 'die' && view[0] % 7 === 0) process.kill(process.pid, 'SIGKILL');
  view[1] += 1;
}

if (process.argv[2] !== undefined) {
  for (let n = 0; n < TRANSFERS; n++) {
    if (n % 2 === 0) lock.withLockSync(transfer);
    else await lock.withLock(transfer);
  }
} else {
  const self = fileURLToPath(import.meta.url);
  const processes = ['work', 'die', 'work', 'work'].map((what) =>
    spawn(process.execPath, [self, what], { stdio: 'inherit' }),
  );
  const ends = await Promise.all(processes.map(async (one) => (await once(one, 'exit'))[1] ?? 'finished'));
  lock.withLockSync(mend);
  const [from, to, mended] = accounts;
  console.log(`processes: ${ends.join(', ')}`);
  console.log(`accounts: ${from} + ${to} = ${from + to}; changes mended: ${mended}`);
  process.exitCode = from + to === SUM && mended === 1 && ends.includes('SIGKILL') ? 0 : 1;
  unlink('example-ledger-lock');
  unlink('example-ledger');
}
for (const handle of [lock, accounts]) handle.close();
