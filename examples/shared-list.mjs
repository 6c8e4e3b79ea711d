// Four processes take work from one shared list and keep a shared list of the best results in order. One is killed in the
// middle: nothing is lost but what it had in hand. Run: node shared-list.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SharedList, unlink } from 'isthmus';

const JOBS = 400;
const BEST = 10;
const work = SharedList.open('example-list-work');
const best = SharedList.open('example-list-best');
const done = SharedList.open('example-list-done');

/** How many steps a number takes down to 1 (Collatz). */
function stepsOf(number) {
  let steps = 0;
  for (let n = number; n !== 1; steps++) n = n % 2 === 0 ? n / 2 : 3 * n + 1;
  return steps;
}

if (process.argv[2] !== undefined) {
  const me = Number(process.argv[2]);
  for (let number = work.shift(); number !== undefined; number = work.shift()) {
    best.push({ number, steps: stepsOf(number) });
    best.sort((a, b) => b.steps - a.steps || a.number - b.number);
    done.push(number);
    if (me === 0 && done.length > JOBS / 4) process.kill(process.pid, 'SIGKILL');
  }
} else {
  work.push(...Array.from({ length: JOBS }, (_, n) => n + 1));
  const self = fileURLToPath(import.meta.url);
  const processes = Array.from({ length: 4 }, (_, me) =>
    spawn(process.execPath, [self, String(me)], { stdio: 'inherit' }),
  );
  const ends = await Promise.all(processes.map(async (one) => (await once(one, 'exit'))[1] ?? 'finished'));
  const top = best.slice(0, BEST);
  const expected = Array.from({ length: JOBS }, (_, n) => ({ number: n + 1, steps: stepsOf(n + 1) }))
    .sort((a, b) => b.steps - a.steps || a.number - b.number)
    .slice(0, BEST);
  const eachOnce = new Set(done.toArray()).size === done.length;
  console.log(`workers: ${ends.join(', ')}; ${done.length} numbers done, each once: ${eachOnce}`);
  console.log(`the longest way has number ${top[0].number}: ${top[0].steps} steps`);
  const right = JSON.stringify(top) === JSON.stringify(expected);
  process.exitCode = right && eachOnce && work.length === 0 && done.length >= JOBS - 1 ? 0 : 1;
  for (const list of [work, best, done]) unlink(list.name);
}
for (const list of [work, best, done]) list.close();
