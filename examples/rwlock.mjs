// Three processes read a table that two others rewrite; one writer is killed in the middle, and the next one is told and
// mends it. No reader ever takes a half-written table for a whole one. Run: node rwlock.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { RwLock, SharedArray, unlink, Value } from 'isthmus';

const LOOKS = 100;
const VERSIONS = 100;
const lock = RwLock.open('example-table-lock');
const table = SharedArray.open('example-table', 'i32', 1000);
const torn = Value.open('example-table-torn', 'i32');
const mended = Value.open('example-table-mended', 'i32');

/** Every element is the table's version. Plain memory: the lock is what protects it. */
const { view } = table;

function look({ abandoned }) {
  if (abandoned) return; // the last writer died: what is here may be half of two versions
  if (view.some((version) => version !== view[0])) torn.add(1);
}

/** What a writer does first. */
function mend({ abandoned }) {
  if (!abandoned) return;
  view.fill(view[0]); // finish what the dead one began
  mended.add(1);
}

function write(guard) {
  mend(guard);
  const version = view[0] + 1;
  view.fill(version, 0, view.length / 2);
  if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL');
  view.fill(version, view.length / 2);
}

if (process.argv[2] === 'read') {
  for (let n = 0; n < LOOKS; n++) {
    if (n % 2 === 0) lock.read.withLockSync(look);
    else await lock.read.withLock(look);
  }
} else if (process.argv[2] !== undefined) {
  for (let n = 0; n < VERSIONS; n++) {
    if (n % 2 === 0) lock.write.withLockSync(write);
    else await lock.write.withLock(write);
  }
} else {
  const self = fileURLToPath(import.meta.url);
  const processes = ['read', 'write', 'die', 'read', 'read'].map((what) =>
    spawn(process.execPath, [self, what], { stdio: 'inherit' }),
  );
  const ends = await Promise.all(processes.map(async (one) => (await once(one, 'exit'))[1] ?? 'finished'));
  lock.write.withLockSync(mend);
  console.log(`processes: ${ends.join(', ')}`);
  console.log(`version ${view[0]}; changes mended: ${mended.value}; torn tables seen: ${torn.value}`);
  const right = view[0] === VERSIONS + 1 && mended.value === 1 && torn.value === 0;
  process.exitCode = right && ends.includes('SIGKILL') ? 0 : 1;
  unlink('example-table-lock');
  for (const { name } of [table, torn, mended]) unlink(name);
}
for (const handle of [lock, table, torn, mended]) handle.close();
