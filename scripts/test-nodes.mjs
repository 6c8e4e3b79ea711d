// npm run test:nodes [-- VERSION…] [--budget=SECONDS] [-- VITEST ARGUMENTS]
//
// Runs the tests on other versions of Node with the addon as it is, which was built once. The versions (20 22
// 24 26 where none is named) come from npm and are kept under node_modules/.cache. With a budget, a version
// that would probably not end in time (going by the longest so far) is left out, and says so. Build the
// package first.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchNode } from './fetch-runtime.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs');
const current = process.versions.node.split('.')[0];

const args = process.argv.slice(2);
const split = args.indexOf('--');
const own = split < 0 ? args : args.slice(0, split);
const forVitest = split < 0 ? [] : args.slice(split + 1);
const budget = Number(own.find((arg) => arg.startsWith('--budget='))?.slice('--budget='.length) ?? Infinity);
const named = own.filter((arg) => !arg.startsWith('--'));
const wrong = own.filter((arg) => !/^(\d+(\.\d+){0,2}|--budget=\d+)$/.test(arg));
if (wrong.length > 0) {
  console.error(`test:nodes: not a version of Node: ${wrong.join(' ')}`);
  process.exit(1);
}

const started = performance.now();
const elapsed = () => (performance.now() - started) / 1000;
let longest = 0;
const results = [];

for (const version of named.length > 0 ? named : ['20', '22', '24', '26']) {
  if (elapsed() + longest > budget) {
    results.push([version, 'left out: no time']);
    continue;
  }
  const node = version === current ? process.execPath : fetchNode(version);
  if (!node) {
    results.push([version, 'FAILED: npm does not have it']);
    continue;
  }
  const real = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim();
  console.log(`\n---- Node ${real}`);
  const before = elapsed();
  // Schedules and lint are the same in every version: they are tried with the one that is developed with.
  const { status, signal } = spawnSync(
    node,
    [vitest, 'run', ...['interleave', 'lint'].map((room) => `--exclude=test/${room}/**`), ...forVitest],
    {
      cwd: root,
      // A part that `npm test` leaves out (test/sampling.ts).
      env: {
        ISTHMUS_TESTS: String(1 + (results.length % 5)),
        ...process.env,
        PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
      },
      stdio: 'inherit',
    },
  );
  const took = elapsed() - before;
  longest = Math.max(longest, took);
  results.push([
    real,
    status === 0 ? `ok (${took.toFixed(0)} s)` : `FAILED (${signal ?? `exit code ${status}`})`,
  ]);
}

console.log('');
for (const [version, result] of results) console.log(`Node ${version} … ${result}`);
if (results.some(([, result]) => result.startsWith('FAILED'))) process.exitCode = 1;
