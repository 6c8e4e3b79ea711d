// npm run test:mutants [-- --part=K/N] [-- WORD…]: the machine must be able to fail. Each fault (with one of the words in
// its name; every Nth of them, from the Kth) is put into a copy of the built package, and the scenarios that are named must
// catch it. K may be any whole number: .ci/run counts commits, so that N in a row try them all.

import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { copyPackage, removeCopies, stepStores } from './machine/copies.mjs';
import { MUTANTS } from './mutants-list.mjs';
import { MAP_MUTANTS } from './mutants-map.mjs';
import { QUEUE_MUTANTS } from './mutants-queue.mjs';
import { SHARED_LIST_MUTANTS } from './mutants-shared-list.mjs';
import { STRUCT_MUTANTS } from './mutants-struct.mjs';
import { SYNC_MUTANTS } from './mutants-sync.mjs';

const worker = new URL('machine/run.mjs', import.meta.url).pathname;
const { values, positionals: only } = parseArgs({
  allowPositionals: true,
  options: { part: { type: 'string', default: '0/1' } },
});
const [, part, parts] = /^(\d+)\/([1-9]\d*)$/.exec(values.part)?.map(Number) ?? [];
if (parts === undefined) {
  console.error(`test:mutants: --part=K/N wants two whole numbers, as in --part=3/6, not '${values.part}'`);
  process.exit(1);
}

function run(core, job) {
  const args = [process.execPath, worker, JSON.stringify(job)];
  const child = spawn('taskset', ['-c', String(core), ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  return new Promise((resolve) => {
    let result = { wrong: 'its process ended without a result: can the package be loaded with the fault?' };
    createInterface({ input: child.stdout }).on('line', (line) => {
      result = JSON.parse(line);
    });
    // A fault that makes an actor spin where there is no step is caught by the explorer. This is for the machine itself.
    const dog = setTimeout(() => {
      result = { wrong: 'it did not come to an end' };
      child.kill('SIGKILL');
    }, 180_000);
    child.on('close', () => {
      clearTimeout(dog);
      resolve(result);
    });
  });
}

async function tryOut(
  core,
  { name, file, find, replace, caughtBy, stores = false, first = false, share = 0.04 },
  number,
) {
  const dist = copyPackage(`mutant-${number}`);
  const path = join(dist, file);
  const text = readFileSync(path, 'utf8');
  const parts = text.split(find);
  if (first ? parts.length < 2 : parts.length !== 2)
    return { name, error: `'${find}' is ${parts.length - 1} times in ${file}` };
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
  let steps = false;
  for (const scenario of caughtBy) {
    const [module, variant] = scenario.split('|');
    const { variants, stepped } = await import(`./scenarios/${module}.mjs`);
    if ((stores || stepped) && !steps) {
      await stepStores(dist);
      steps = true;
    }
    if (variants[variant] === undefined) return { name, error: `there is no scenario '${scenario}'` };
    const job = {
      file: module,
      variant,
      dist,
      share,
      seed: 20_261_124,
      ...variants[variant],
      most: 60_000,
      mostCrash: 300,
      stride: 1,
      random: 2500,
    };
    const { error, wrong } = await run(core, job);
    if (wrong !== undefined) return { name, error: `${scenario}: ${wrong}` };
    if (error !== undefined) return { name, scenario, how: error.split('\n')[0] };
  }
  return { name };
}

const jobs = [
  ...MUTANTS,
  ...SYNC_MUTANTS,
  ...QUEUE_MUTANTS,
  ...STRUCT_MUTANTS,
  ...MAP_MUTANTS,
  ...SHARED_LIST_MUTANTS,
]
  .map((mutant, number) => [mutant, number])
  .filter(([{ name }]) => only.length === 0 || only.some((word) => name.includes(word)))
  .filter((_, n) => n % parts === part % parts);
const total = jobs.length;
let caught = 0;
await Promise.all(
  [0, 1].map(async (core) => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const { name, scenario, how, error } = await tryOut(core, ...job);
      if (scenario !== undefined) caught++;
      const what = scenario === undefined ? (error ?? 'NOT CAUGHT') : `${scenario}: ${how}`;
      console.log(`${name.padEnd(62)} ${what.slice(0, 130)}`);
    }
  }),
);
removeCopies();
console.log(`${caught} of ${total} caught${parts > 1 ? ` (part ${part % parts} of ${parts})` : ''}`);
process.exit(caught === total ? 0 : 1);
