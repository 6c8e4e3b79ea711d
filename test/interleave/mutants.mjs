// npm run test:mutants: the machine must be able to fail. Each fault below is put into a copy of the built package, and
// the scenarios that are named must catch it.

import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { copyPackage, removeCopies, stepStores } from './machine/copies.mjs';
import { MUTANTS } from './mutants-list.mjs';

const worker = new URL('machine/run.mjs', import.meta.url).pathname;
const only = process.argv.slice(2);

function run(core, job) {
  const args = [process.execPath, worker, JSON.stringify(job)];
  const child = spawn('taskset', ['-c', String(core), ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  return new Promise((resolve) => {
    let result = { error: 'it crashed' };
    createInterface({ input: child.stdout }).on('line', (line) => {
      result = JSON.parse(line);
    });
    // A fault may make an actor spin where there is no step: that is caught, too.
    const dog = setTimeout(() => {
      result = { error: 'it hangs' };
      child.kill('SIGKILL');
    }, 30_000);
    child.on('close', () => {
      clearTimeout(dog);
      resolve(result);
    });
  });
}

async function tryOut(core, { name, file, find, replace, caughtBy, stores = false, first = false }, number) {
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
  if (stores) stepStores(dist);
  for (const scenario of caughtBy) {
    const [module, variant] = scenario.split('|');
    const { variants } = await import(`./scenarios/${module}.mjs`);
    if (variants[variant] === undefined) return { name, error: `there is no scenario '${scenario}'` };
    const job = {
      file: module,
      variant,
      dist,
      share: 0.04,
      ...variants[variant],
      most: 60_000,
      random: 2500,
    };
    const { error } = await run(core, job);
    if (error !== undefined) return { name, scenario, how: error.split('\n')[0] };
  }
  return { name };
}

const jobs = MUTANTS.map((mutant, number) => [mutant, number]).filter(
  ([{ name }]) => only.length === 0 || only.some((word) => name.includes(word)),
);
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
console.log(`${caught} of ${total} caught`);
process.exit(caught === total ? 0 : 1);
