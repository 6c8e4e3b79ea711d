// npm run test:interleave [-- --only=lock,spsc] [--variants=dies] [--every=5] [--share=0.1] [--seed=1] [--replay='lock|Sync, promise|{"plan":"0x9"}']
//
// Every scenario under every schedule (up to its bound), every crash point, and random schedules. See docs/testing.md.

import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { takeTurn } from '../processes/alone.mjs';
import { copyPackage, removeCopies, stepStores } from './machine/copies.mjs';

const option = (name, otherwise) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;

const FILES = [
  'lock',
  'lock-deaths',
  'value',
  'spsc',
  'pipe',
  'pipe-deaths',
  'edges',
  'closing',
  'lifetimes',
  'pool',
  'rlock',
  'rwlock',
  'event',
  'condition',
  'barrier',
  'any',
  'queue',
  'struct',
  'map',
  'list',
  'spsc with stores',
  'queue with stores',
  'struct with stores',
];
/** The variants that also run with a step before every store into memory. */
const STORES = new Set([
  'one fits: Sync, Sync',
  'two fit: Sync, Sync',
  'in place: reserve, peek',
  'many at once: Sync',
  'put, get: Sync, Sync',
  'put, take: Sync, Sync',
  'jobs out, blocks in another order',
  'many: Sync, Sync',
  'one writes, one reads',
  'two write, one reads',
]);
const share = Number(option('share', 1));
const only = option('only', FILES.join()).split(',');
const dist = new URL(option('dist', '../../dist'), import.meta.url).pathname;
/** Only variants whose name contains this. */
const named = option('variants', '');
/** Of each file only every so-manieth variant, the first of them always. */
const every = Number(option('every', 1));
/** Of the random schedules. */
const seed = Number(option('seed', 20_261_124));
const replay = option('replay', '');
const quiet = process.argv.includes('--json');
const worker = new URL('machine/run.mjs', import.meta.url).pathname;

/** ms after which a scenario hangs. */
const WATCHDOG = 10 * 60_000;

/** One process for each scenario, pinned: a hand-over between threads of one core is several times as fast. */
async function start(core, job) {
  // It really sweeps /dev/shm, and would take from tests the orphans that they look for.
  const endTurn = job.variant.includes('collects') ? await takeTurn() : undefined;
  const args = [process.execPath, worker, JSON.stringify(job)];
  const [command, ...rest] = pinned ? ['taskset', '-c', String(core), ...args] : args;
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ISTHMUS_DISABLE: job.disable ?? '' },
  });
  const found = await new Promise((resolve) => {
    let result;
    createInterface({ input: child.stdout }).on('line', (line) => {
      result = JSON.parse(line);
    });
    const dog = setTimeout(() => child.kill('SIGKILL'), WATCHDOG);
    child.on(
      'close',
      (code, signal) =>
        clearTimeout(dog) ??
        resolve(
          result ?? {
            ...job,
            error:
              signal === 'SIGKILL'
                ? `HANGS: no end after ${WATCHDOG / 60_000} minutes`
                : `its process ended with ${code ?? signal}`,
          },
        ),
    );
  });
  await endTurn?.();
  return found;
}

const pinned = await new Promise((resolve) => {
  const probe = spawn('taskset', ['-c', '0', 'true'], { stdio: 'ignore' });
  probe.on('error', () => resolve(false));
  probe.on('close', (code) => resolve(code === 0));
});

if (replay !== '') {
  const [file, variant, schedule] = replay.split('|');
  const { stepped } = await import(`./scenarios/${file}.mjs`);
  const from = stepped || option('with', '') === 'stores' ? copyPackage('stores') : dist;
  if (from !== dist) await stepStores(from);
  const result = await start(0, { file, variant, dist: from, schedule: JSON.parse(schedule) });
  removeCopies();
  console.log(result.error ?? 'the schedule keeps every promise');
  process.exit(result.error === undefined ? 0 : 1);
}

const jobs = [];
for (const what of only) {
  const [file, stores] = what.split(' with ');
  const { variants, stepped } = await import(`./scenarios/${file}.mjs`);
  const plain = stores === undefined && !stepped;
  const from = plain ? dist : copyPackage('stores');
  if (!plain) await stepStores(from);
  const chosen = Object.entries(variants)
    .filter(([variant]) => variant.includes(named) && (stores === undefined || STORES.has(variant)))
    .filter((_, n) => n % every === 0);
  for (const [variant, limits] of chosen) {
    // Each byte's store is a step: fewer schedules get as far.
    const fewer =
      stores === undefined ? {} : { bound: 2, crashBound: 1, most: 2000, mostCrash: 30, random: 100 };
    jobs.push({ file, what, variant, dist: from, share, seed, ...limits, ...fewer });
  }
}

const COLUMNS = {
  scenario: -62,
  actors: 6,
  bound: 6,
  schedules: 10,
  crashes: 8,
  'with them': 10,
  stops: 6,
  'with them ': 10,
  random: 7,
  s: 6,
  result: 7,
};
const row = (cells) =>
  Object.values(COLUMNS)
    .map((width, n) => String(cells[n] ?? '-')[width < 0 ? 'padEnd' : 'padStart'](Math.abs(width)))
    .join(' ');
if (!quiet) console.log(row(Object.keys(COLUMNS)));

function report(result) {
  const { file, what, variant, bound, complete, error, replay: schedule } = result;
  console.log(
    row([
      `${what}: ${variant}`,
      result.actors,
      complete === undefined || complete === bound ? bound : `${complete} (${bound})`,
      result.schedules,
      result.crashes,
      result.crashSchedules,
      result.stops,
      result.stopSchedules,
      result.random,
      result.seconds,
      error === undefined ? 'ok' : 'BROKEN',
    ]),
  );
  if (error === undefined) return;
  console.log(`  BROKEN: ${error}`);
  if (schedule === undefined) return;
  const options = what === file ? '' : ` --with=${what.split(' with ')[1]}`;
  console.log(
    `  npm run test:interleave --${options} --replay='${file}|${variant}|${JSON.stringify(schedule)}'`,
  );
}

const began = performance.now();
const results = [];
await Promise.all(
  Array.from({ length: pinned ? Math.min(2, availableParallelism()) : 1 }, async (_, core) => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const result = await start(core, job);
      results.push(result);
      if (!quiet) report(result);
    }
  }),
);
removeCopies();
const sum = (...names) =>
  results.reduce((all, result) => all + names.reduce((some, name) => some + (result[name] ?? 0), 0), 0);
const schedules = sum('schedules', 'crashSchedules', 'stopSchedules', 'random');
const [crashes, stops] = [sum('crashes'), sum('stops')];
const broken = results.filter(({ error }) => error !== undefined).length;
if (quiet) {
  console.log(JSON.stringify({ schedules, crashes, stops, broken, results }));
} else {
  const wall = ((performance.now() - began) / 1000).toFixed(0);
  console.log(
    `${schedules.toLocaleString('en')} schedules, ${crashes} crash points, ${stops} stops, ${wall} s ` +
      `(${sum('processor').toFixed(0)} s of processor time): ${broken === 0 ? 'every promise kept' : `${broken} BROKEN`}`,
  );
}
process.exit(broken === 0 ? 0 : 1);
