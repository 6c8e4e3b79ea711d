// Six processes, two permits that have owners: one process is killed with a permit in its hand, which comes back, and
// whoever gets it next is told. Run: node permit-pool.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PermitPool, unlink, Value } from 'isthmus';

const pool = PermitPool.open('example-pool', 2);
const working = Value.open('example-pool-working', 'i32');
const most = Value.open('example-pool-most', 'i32');
const told = Value.open('example-pool-told', 'i32');

async function work({ abandoned }) {
  if (abandoned) told.add(1); // its last owner died: whatever it did may be half done
  if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL');
  const now = working.add(1) + 1;
  most.update((before) => Math.max(before, now));
  await sleep(20); // what only two may do at a time
  working.sub(1);
}

if (process.argv[2] !== undefined) {
  await pool.withPermit(work, { timeout: 30_000 });
} else {
  const self = fileURLToPath(import.meta.url);
  const processes = ['work', 'die', 'work', 'work', 'work', 'work'].map((what) =>
    spawn(process.execPath, [self, what], { stdio: 'inherit' }),
  );
  const ends = await Promise.all(processes.map(async (one) => (await once(one, 'exit'))[1] ?? 'finished'));
  const available = pool.available;
  // Perhaps nobody has had the dead one's permit since.
  for (const permit of [pool.acquireSync(), pool.acquireSync()]) if (permit.abandoned) told.add(1);
  console.log(`processes: ${ends.join(', ')}`);
  console.log(
    `at most 2 at a time: ${most.value <= 2}; permits now: ${available}; told of a death: ${told.value}`,
  );
  process.exitCode =
    ends.includes('SIGKILL') && most.value <= 2 && available === 2 && told.value === 1 ? 0 : 1;
  for (const name of ['', '-working', '-most', '-told']) unlink(pool.name + name);
}
for (const handle of [pool, working, most, told]) handle.close();
