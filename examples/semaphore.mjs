// Six processes, two permits: never more than two work at a time. Run: node semaphore.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Semaphore, unlink, Value } from 'isthmus';

const PROCESSES = 6;
const permits = Semaphore.open('example-permits', { initial: 2 });
const working = Value.open('example-permits-working', 'i32');
const most = Value.open('example-permits-most', 'i32');

if (process.argv[2] === 'work') {
  await permits.acquire({ timeout: 30_000 });
  const now = working.add(1) + 1;
  most.update((before) => Math.max(before, now));
  await sleep(50); // what only two may do at a time
  working.sub(1);
  permits.release();
} else {
  const self = fileURLToPath(import.meta.url);
  const workers = Array.from({ length: PROCESSES }, () =>
    spawn(process.execPath, [self, 'work'], { stdio: 'inherit' }),
  );
  const codes = await Promise.all(workers.map(async (worker) => (await once(worker, 'exit'))[0]));
  console.log(
    `${PROCESSES} processes worked, at most ${most.value} at a time; permits now: ${permits.value}`,
  );
  process.exitCode = codes.every((code) => code === 0) && most.value <= 2 && permits.value === 2 ? 0 : 1;

  Semaphore.unlink('example-permits');
  unlink('example-permits-working');
  unlink('example-permits-most');
}
for (const handle of [permits, working, most]) handle.close();
