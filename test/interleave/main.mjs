// npm run test:interleave [-- --only=lock,spsc] [-- --share=0.1] [-- --replay='lock|Sync, promise|{"plan":[0,1]}']
//
// Every scenario under every schedule (up to its bound), every crash point, and random schedules. See docs/testing.md.

import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { copyPackage, removeCopies, stepStores } from './machine/copies.mjs';

const option = (name, otherwise) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;

const FILES = ['lock', 'value', 'spsc', 'closing', 'lifetimes', 'spsc with stores'];
/** The variants that also run with a step before every store into memory. */
const STORES = new Set([
  'one fits: Sync, Sync',
  'two fit: Sync, Sync',
  'in place: reserve, peek',
  'many at once: Sync',
]);
const share = Number(option('share', 1));
const only = option('only', FILES.join()).split(',');
const dist = new URL(option('dist', '../../dist'), import.meta.url).pathname;
const replay = option('replay', '');
const quiet = process.argv.includes('--json');
const worker = new URL('machine/run.mjs', import.meta.url).pathname;

/** ms after which a scenario hangs. */
const WATCHDOG = 10 * 60_000;

/** One process for each scenario, pinned: a hand-over between threads of one core is several times as fast. */
function start(core, job) {
  const args = [process.execPath, worker, JSON.stringify(job)];
  const [command, ...rest] = pinned ? ['taskset', '-c', String(core), ...args] : args;
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ISTHMUS_DISABLE: job.disable ?? '' },
  });
  return new Promise((resolve) => {
    let result;
    createInterface({ input: child.stdout }).on('line', (line) => {
      result = JSON.parse(line);
    });
    const dog = setTimeout(() => child.kill('SIGKILL'), WATCHDOG);
    child.on(
      'close',
      (code, signal) =>
        clearTimeout(dog) ?? resolve(result ?? { ...job, error: `ended with ${code ?? signal}` }),
    );
  });
}

const pinned = await new Promise((resolve) => {
  const probe = spawn('taskset', ['-c', '0', 'true'], { stdio: 'ignore' });
  probe.on('error', () => resolve(false));
  probe.on('close', (code) => resolve(code === 0));
});

if (replay !== '') {
  const [file, variant, schedule] = replay.split('|');
  const result = await start(0, { file, variant, dist, schedule: JSON.parse(schedule) });
  console.log(result.error ?? 'the schedule keeps every promise');
  process.exit(result.error === undefined ? 0 : 1);
}

const jobs = [];
for (const what of only) {
  const [file, stores] = what.split(' with ');
  const { variants } = await import(`./scenarios/${file}.mjs`);
  const from = stores === undefined ? dist : copyPackage('stores');
  if (stores !== undefined) stepStores(from);
  for (const [variant, limits] of Object.entries(variants)) {
    // Each byte's store is a step: fewer schedules get as far.
    const fewer =
      stores === undefined ? {} : { bound: 2, crashBound: 1, most: 2000, mostCrash: 30, random: 100 };
    if (stores === undefined || STORES.has(variant))
      jobs.push({ file, what, variant, dist: from, share, ...limits, ...fewer });
  }
}

const row = (cells, widths) =>
  cells
    .map((cell, n) => (n < 1 ? String(cell).padEnd(widths[n]) : String(cell).padStart(widths[n])))
    .join('  ');
const WIDTHS = [52, 6, 5, 10, 7, 10, 7, 6];
if (!quiet)
  console.log(
    row(['scenario', 'actors', 'bound', 'schedules', 'crashes', 'schedules', 'random', 's'], WIDTHS),
  );
const began = performance.now();
let schedules = 0;
let points = 0;
let broken = 0;
const results = [];
await Promise.all(
  Array.from({ length: pinned ? Math.min(2, availableParallelism()) : 1 }, async (_, core) => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const result = await start(core, job);
      results.push(result);
      schedules += (result.schedules ?? 0) + (result.crashSchedules ?? 0) + (result.random ?? 0);
      points += result.points ?? 0;
      if (result.error !== undefined) broken++;
      if (quiet) continue;
      const { file, variant, actors, bound, points: crashes, crashSchedules, random, seconds } = result;
      console.log(
        row(
          [
            `${result.what}: ${variant}`,
            actors,
            bound,
            result.schedules ?? '-',
            crashes ?? '-',
            crashSchedules ?? '-',
            random ?? '-',
            seconds ?? '-',
          ],
          WIDTHS,
        ),
      );
      if (result.error === undefined) continue;
      console.log(`  BROKEN: ${result.error}`);
      if (result.replay !== undefined)
        console.log(
          `  npm run test:interleave -- --replay='${file}|${variant}|${JSON.stringify(result.replay)}'`,
        );
    }
  }),
);
removeCopies();
if (quiet) {
  console.log(JSON.stringify({ schedules, points, broken, results }));
} else {
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(
    `${schedules.toLocaleString('en')} schedules, ${points} crash points, ${seconds} s: ${broken === 0 ? 'every promise kept' : `${broken} BROKEN`}`,
  );
}
process.exit(broken === 0 ? 0 : 1);
