// Functions that lock call each other: an RLock lets whoever holds it take it again. Four processes, each with both
// forms. Run: node rlock.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RLock, SharedArray, unlink } from 'isthmus';

const PROCESSES = 4;
const TRANSFERS = 100;
const lock = RLock.open('example-tills-lock');
const tills = SharedArray.open('example-tills', 'i32', [1000, 0]);

/** Plain memory: the lock is what protects it. */
const { view } = tills;

/** Locks by itself, so that anybody may call it. */
const add = (till, amount) =>
  lock.withLockSync(() => {
    view[till] += amount;
  });

const transferSync = () =>
  lock.withLockSync(() => {
    add(0, -1);
    add(1, 1);
  });

/** The flow that is inside of withLock() may lock again, across every await; the other flows of this process wait. */
const transfer = () =>
  lock.withLock(async () => {
    add(0, -1);
    await sleep(0);
    await lock.withLock(() => add(1, 1));
  });

if (process.argv[2] === 'work') {
  for (let n = 0; n < TRANSFERS / 2; n++) transferSync();
  await Promise.all(Array.from({ length: TRANSFERS / 2 }, transfer));
} else {
  const self = fileURLToPath(import.meta.url);
  const processes = Array.from({ length: PROCESSES }, () =>
    spawn(process.execPath, [self, 'work'], { stdio: 'inherit' }),
  );
  const codes = await Promise.all(processes.map(async (one) => (await once(one, 'exit'))[0]));
  const [first, second] = tills;
  console.log(
    `${PROCESSES * TRANSFERS} transfers: ${first} + ${second} = ${first + second}; locked: ${lock.locked}`,
  );
  process.exitCode = codes.every((code) => code === 0) && first === 600 && second === 400 ? 0 : 1;
  unlink('example-tills-lock');
  unlink('example-tills');
}
for (const handle of [lock, tills]) handle.close();
