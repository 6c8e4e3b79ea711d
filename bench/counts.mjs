// npm --prefix bench run counts [-- --record] [-- --instructions] [-- --only=TEXT]
//
// The guard against regressions that is not a timed test: what an operation on the hot paths allocates, and with
// --instructions (perf where it can count, otherwise valgrind: minutes) how many instructions it takes, beside what was
// recorded in counts.json for this major version of Node. Ends with 1 if something has grown.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freshName, sweep } from './lib/processes.mjs';

const ACTOR = fileURLToPath(new URL('counts-actor.mjs', import.meta.url));
const FILE = fileURLToPath(new URL('counts.json', import.meta.url));
const COUNT = 100_000;
/** Room for all that the operations allocate, so that nothing is collected; one thread, so that runs are alike. */
const FLAGS = ['--expose-gc', '--single-threaded', '--min-semi-space-size=512', '--max-semi-space-size=512'];
/** Bytes, and the share of the instructions, by which runs of the same code differ. */
const HEAP_NOISE = 4;
const INSTRUCTION_NOISE = 0.1;

const { values: options } = parseArgs({
  options: {
    record: { type: 'boolean', default: false },
    instructions: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});

const run = (command, args) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (error || status !== 0)
    throw new Error(`${command} ${args.slice(-3).join(' ')}: ${error?.message ?? stderr}`);
  return { stdout, stderr };
};

const actor = (...args) => [...FLAGS, ACTOR, ...args.map(String)];

function allocations(operation) {
  return JSON.parse(run(process.execPath, actor(freshName('counts'), operation, COUNT)).stdout);
}

/** Something that counts the instructions of a process, or undefined. */
function counter() {
  const perf = spawnSync('perf', ['stat', '-x,', '-e', 'instructions:u', 'true'], { encoding: 'utf8' });
  if (perf.status === 0 && /^\d/.test(perf.stderr))
    return {
      name: 'perf',
      total: (args) =>
        Number(
          /^(\d+),/m.exec(
            run('perf', ['stat', '-x,', '-e', 'instructions:u', process.execPath, ...args]).stderr,
          )[1],
        ),
    };
  if (spawnSync('valgrind', ['--version']).status !== 0) return undefined;
  const flags = [
    '--tool=cachegrind',
    '--cache-sim=no',
    '--cachegrind-out-file=/dev/null',
    '--smc-check=all-non-file',
  ];
  return {
    name: 'valgrind',
    total: (args) => {
      const { stderr } = run('valgrind', [...flags, process.execPath, ...args]);
      return Number(/I\s+refs:\s+([\d,]+)/.exec(stderr)[1].replaceAll(',', ''));
    },
  };
}

/** A long run less a short one: starting and compiling are in both. */
function instructions({ total }, operation) {
  const [short, long] = [COUNT, 5 * COUNT].map((count) =>
    total(actor(freshName('counts'), operation, count)),
  );
  return (long - short) / (4 * COUNT);
}

const version = `node ${process.versions.node.split('.')[0]} ${process.arch}`;
let recorded = {};
try {
  recorded = JSON.parse(readFileSync(FILE, 'utf8'));
} catch (error) {
  if (error.code !== 'ENOENT') throw error;
}
const before = recorded[version] ?? {};
const found = {};
const counting = options.instructions ? counter() : undefined;
if (options.instructions && counting === undefined) console.log('neither perf nor valgrind can count here');

const shown = (value, old) =>
  `${value === undefined ? '' : value.toFixed(0)}${old === undefined ? '' : ` (${old.toFixed(0)})`}`.padStart(
    16,
  );

console.log(`each operation, in brackets what was recorded for ${version}`);
console.log(
  `${''.padEnd(44)}${'bytes of heap'.padStart(16)}${'bytes outside'.padStart(16)}${'instructions'.padStart(16)}`,
);
let grown = 0;
try {
  for (const operation of JSON.parse(run(process.execPath, [ACTOR]).stdout)) {
    if (!operation.includes(options.only)) continue;
    const old = before[operation] ?? {};
    const now = allocations(operation);
    if (counting !== undefined) now.instructions = instructions(counting, operation);
    const more =
      now.heap > old.heap + HEAP_NOISE ||
      now.external > old.external + HEAP_NOISE ||
      now.instructions > old.instructions * (1 + INSTRUCTION_NOISE) + 10;
    if (more) grown++;
    found[operation] = Object.fromEntries(
      Object.entries({ ...old, ...now }).map(([key, value]) => [key, Math.round(value)]),
    );
    const cells = ['heap', 'external', 'instructions'].map((key) => shown(now[key], old[key]));
    console.log(`${operation.padEnd(44)}${cells.join('')}${more ? '  MORE' : ''}`);
  }
} finally {
  sweep();
}

if (options.record) {
  writeFileSync(FILE, `${JSON.stringify({ ...recorded, [version]: { ...before, ...found } }, null, 2)}\n`);
  console.log(`recorded in bench/counts.json${counting ? ` (instructions by ${counting.name})` : ''}`);
} else if (Object.keys(before).length === 0) {
  console.log(`nothing is recorded for ${version}: --record does`);
} else if (grown > 0) {
  console.log(`${grown} have grown: find out why, or record them with --record`);
  process.exitCode = 1;
}
