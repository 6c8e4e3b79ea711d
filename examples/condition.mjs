// A bounded buffer: two producers and three consumers, two conditions on one lock. A consumer that was killed while it
// waited hangs nobody. Run: node condition.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Condition, Lock, SharedArray, unlink, Value } from 'isthmus';

const ROOM = 8;
const ITEMS = 100; // of each producer
const lock = Lock.open('example-buffer-lock');
const filled = Condition.open('example-buffer-filled', { lock });
const freed = Condition.open('example-buffer-freed', { lock });
const buffer = SharedArray.open('example-buffer', 'i32', ROOM + 2);
const waits = Value.open('example-buffer-waits', 'bool');
const sum = Value.open('example-buffer-sum', 'i32');

/** Plain memory: the lock is what protects it. How many were put and taken, then the room for them. */
const { view } = buffer;
const PUT = ROOM;
const TAKEN = ROOM + 1;

async function put(item) {
  await lock.withLock(async (guard) => {
    await freed.waitFor(guard, () => view[PUT] - view[TAKEN] < ROOM);
    view[view[PUT]++ % ROOM] = item;
    filled.notify();
  });
}

function take() {
  return lock.withLockSync((guard) => {
    filled.waitForSync(guard, () => view[PUT] > view[TAKEN]);
    const item = view[view[TAKEN]++ % ROOM];
    freed.notify();
    return item;
  });
}

switch (process.argv[2]) {
  case 'put':
    for (let item = 1; item <= ITEMS; item++) await put(item);
    break;
  case 'take': {
    // 0 ends a consumer.
    for (let item = take(); item !== 0; item = take()) sum.add(item);
    break;
  }
  case 'wait':
    await lock.withLock(async (guard) => {
      waits.value = true;
      await filled.wait(guard); // until it is killed
    });
    break;
  default: {
    const self = fileURLToPath(import.meta.url);
    const run = (what) => {
      const child = spawn(process.execPath, [self, what], { stdio: 'inherit' });
      return { child, exit: once(child, 'exit') };
    };
    const victim = run('wait');
    await waits.waitFor((now) => now, { timeout: 30_000 });
    await lock.withLock(() => victim.child.kill('SIGKILL')); // we have the lock, so it waits
    await victim.exit;

    const producers = ['put', 'put'].map(run);
    const consumers = ['take', 'take', 'take'].map(run);
    for (const { exit } of producers) await exit;
    for (const _ of consumers) await put(0);
    const ends = await Promise.all([...producers, ...consumers].map(async ({ exit }) => (await exit)[0]));
    const expected = ITEMS * (ITEMS + 1);
    console.log(`one waiter was killed; ${2 * ITEMS} items put, sum ${expected}, sum taken ${sum.value}`);
    process.exitCode = ends.every((code) => code === 0) && sum.value === expected ? 0 : 1;
    for (const { name } of [filled, freed, lock, buffer, waits, sum]) unlink(name);
  }
}
for (const handle of [filled, freed, lock, buffer, waits, sum]) handle.close();
