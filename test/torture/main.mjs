// npm run torture -- --minutes=N --seed=S [--only=lock,spsc,…] [--blows=A_SECOND] [--patience=SECONDS]
//
// Real deaths, at random moments, for all structures at once. Unrelated processes and workers work on them and keep books;
// they are killed, stopped, continued, terminated and replaced. The books must explain everything that is found
// afterwards (docs/testing.md). The schedule of blows and every actor's choice follow from the seed; the moments at which
// they meet do not, so that a replay is likely, not certain, to find the same.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { takeTurn } from '../processes/alone.mjs';
import { randomFrom } from './random.mjs';
import { printReport } from './report.mjs';
import { filesOf, Stage } from './stage.mjs';
import { Killer } from './storm.mjs';

/** Each is a file in loads/. */
const LOADS = [
  ...['lock', 'value', 'spsc', 'lifetimes', 'semaphore'],
  ...['pool', 'rlock', 'rwlock', 'event', 'condition', 'barrier'],
  ...['queue-take', 'queue-get', 'map'],
];

/** ms between two calms. */
const STORMS = [4000, 9000];
const TEND = 100;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: randomBytes(4).toString('hex') },
    only: { type: 'string', default: LOADS.join() },
    blows: { type: 'string', default: '12' },
    patience: { type: 'string', default: '30' },
  },
});
const { seed } = options;
const [minutes, blows, patience] = ['minutes', 'blows', 'patience'].map((name) => {
  const number = Number(options[name]);
  if (number > 0) return number;
  throw new RangeError(`--${name}=${options[name]}: a number above 0 is needed`);
});
const only = options.only.split(',');
const unknown = only.filter((name) => !LOADS.includes(name));
if (unknown.length > 0) throw new RangeError(`no load '${unknown}'; there are: ${LOADS.join(', ')}`);
const replay = `npm run torture -- --minutes=${options.minutes} --seed=${seed} --only=${only} --blows=${options.blows}`;

const prefix = `torture-${process.pid}-${randomBytes(3).toString('hex')}`;
const stages = [];
let failure;
const fail = (stage, error) => {
  if (stage !== undefined) stage.problem ??= error;
  failure ??= error;
};

let interrupted;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = signal;
    fail(undefined, new Error(`interrupted by ${signal}`));
  });
}
// Should this process be killed itself: nothing of the run stays.
const janitor = spawn(process.execPath, [new URL('./janitor.mjs', import.meta.url).pathname, prefix], {
  detached: true,
  stdio: ['pipe', 'ignore', 'inherit'],
});
const tidied = once(janitor, 'exit');

async function run() {
  for (const file of only) {
    const load = await import(`./loads/${file}.mjs`);
    stages.push(new Stage(file, load, prefix, seed, fail));
  }
  const halted = () => {
    if (failure !== undefined) throw failure;
  };
  const killer = new Killer(stages, { seed, blows, patience: 1000 * patience, halted });
  const check = (final) => eachStage((stage) => stage.check({ final, patience: 1000 * patience }));
  const tending = setInterval(() => eachStage((stage) => stage.tend()).catch(() => undefined), TEND);
  try {
    for (const stage of stages) for (const one of stage.processes) one.start();
    const lengths = randomFrom(seed, 'storms');
    await killer.calm(); // everybody comes up
    const until = performance.now() + 60_000 * minutes;
    while (performance.now() < until) {
      await killer.storm(Math.min(lengths.between(...STORMS), until - performance.now()));
      await killer.calm();
      await check(false);
    }
    await killer.stop();
    halted();
    clearInterval(tending);
    await check(true);
  } finally {
    clearInterval(tending);
  }
}

/** Says of which load an error is. */
async function eachStage(work) {
  for (const stage of stages) {
    try {
      await work(stage);
    } catch (error) {
      fail(stage, error);
      throw error;
    }
  }
}

console.log(`torture: ${only.join(', ')} for ${minutes} min, seed ${seed}, Node ${process.version}`);
const endTurn = only.includes('lifetimes') ? await takeTurn() : undefined; // it sweeps what tests look for
const began = performance.now();
try {
  await run();
} catch (error) {
  fail(undefined, error);
}
const counts = stages.map((stage) => stage.counts());
await Promise.all(stages.flatMap(({ processes }) => processes.map((one) => one.end())));
for (const stage of stages) stage.close();
const left = filesOf(prefix);
await endTurn?.();
janitor.stdin.end();
await tidied;
if (left.length > 0) fail(undefined, new Error(`left in /dev/shm: ${left.join(', ')}`));

const seconds = Math.round((performance.now() - began) / 1000);
const failed = printReport(stages, counts, failure);
console.log(`\n${seconds} s, seed ${seed}; again: ${replay}`);
console.log(`${stages.length - failed} passed, ${failed} failed`);
process.exit(interrupted !== undefined ? 130 : failure === undefined ? 0 : 1);
