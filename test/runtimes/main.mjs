// npm run test:runtimes [-- RUNTIME…] [--no-write] [--feature=TEXT]: what works on which runtime, tried in fresh processes, as a table in
// docs/platforms.md. Without names all of them; their binaries come from npm. Build the package first.
//
// Exits with 1 when anything fails on Node.js: the other runtimes' failures are only reported.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchBinary, fetchNode } from '../../scripts/fetch-runtime.mjs';
import { writeBetweenMarks } from '../../scripts/write-between-marks.mjs';
import { features } from './features.mjs';
import { start } from './running.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const actor = join(here, 'actor.mjs');
const command = join(root, 'dist', 'cli', 'main.mjs');
const sysroot = '/usr/aarch64-linux-gnu';

const node = (version) => ({
  name: `Node.js ${version}`,
  must: true,
  get: () => [version === process.versions.node.split('.')[0] ? process.execPath : fetchNode(version)],
});
const runtimes = {
  ...Object.fromEntries(['20', '22', '24', '26'].map((version) => [`node${version}`, node(version)])),
  bun: {
    name: 'Bun',
    get: () => [fetchBinary('@oven/bun-linux-x64', 'latest', 'bin/bun', 'bun'), 'run', '--no-install'],
  },
  deno: {
    name: 'Deno',
    get: () => [fetchBinary('@deno/linux-x64-glibc', 'latest', 'deno', 'deno'), 'run', '-A'],
    environment: { DENO_NO_UPDATE_CHECK: '1', DENO_NO_PROMPT: '1' },
  },
  arm64: {
    name: 'Node.js 22, arm64 (qemu-user)',
    must: true,
    patience: 6,
    get: arm64,
    // The binary in build/ is this machine's.
    environment: { PREBUILDS_ONLY: '1' },
  },
};

const args = process.argv.slice(2);
const wanted = args.filter((arg) => !arg.startsWith('--'));
const wrong = [
  ...wanted.filter((name) => !Object.hasOwn(runtimes, name)),
  ...args.filter((arg) => /^--(?!no-write$|feature=)/.test(arg)),
];
if (wrong.length > 0) {
  console.error(`test:runtimes: ${wrong.join(' ')} is none of ${Object.keys(runtimes).join(' ')} --no-write`);
  process.exit(1);
}

const part = args.find((arg) => arg.startsWith('--feature='))?.slice('--feature='.length) ?? '';
let failed = false;
const columns = [];
for (const id of wanted.length > 0 ? wanted : Object.keys(runtimes)) {
  const runtime = runtimes[id];
  const program = runtime.get();
  if (program === undefined || program[0] === undefined) {
    console.log(`\n---- ${runtime.name}: not to be had here`);
    continue;
  }
  const environment = { ...process.env, ISTHMUS_DISABLE: '', ...runtime.environment };
  const run = { program, environment, patience: 20_000 * (runtime.patience ?? 1) };
  const version = (await start(run, ['--version'], { bare: true }).done).output.split('\n')[0].trim();
  console.log(`\n---- ${runtime.name}: ${version}`);
  const results = {};
  for (const feature of [...Object.keys(features), 'the `isthmus` command']) {
    if (!feature.includes(part)) continue;
    const problem = features[feature] ? await tryFeature(run, feature) : await tryCommand(run);
    results[feature] = problem;
    if (problem !== undefined && runtime.must) failed = true;
    console.log(`${feature} … ${problem ?? 'ok'}`);
  }
  columns.push({ name: runtime.name, version, results });
}
if (columns.length === Object.keys(runtimes).length && part === '' && !args.includes('--no-write')) {
  writeBetweenMarks(join(root, 'docs', 'platforms.md'), 'runtimes', table());
  console.log('\nwrote the table in docs/platforms.md');
} else {
  console.log('\ndocs/platforms.md is left as it is: not all runtimes were tried');
}
if (failed) process.exitCode = 1;

/** Node under qemu with the prebuilt binary; undefined where one of these is missing. */
function arm64() {
  const qemu = ['qemu-aarch64', 'qemu-aarch64-static'].find(
    (name) => spawnSync(name, ['--version']).status === 0,
  );
  if (!qemu || !existsSync(sysroot) || !existsSync(join(root, 'prebuilds/linux-arm64/isthmus.node'))) {
    console.log('arm64 needs qemu-user and libc6-arm64-cross (Debian), and "npm run prebuildify -- --all"');
    return undefined;
  }
  const binary = fetchNode('22', 'arm64');
  return binary && [qemu, '-L', sysroot, binary];
}

/** What went wrong, in a line; undefined: nothing. */
async function tryFeature(run, feature) {
  const name = `runtimes-${process.pid}-${Object.keys(features).indexOf(feature)}`;
  const { second, killed } = features[feature];
  const processes = [];
  const begin = async (role) => {
    const process = start(run, [actor, feature, role, name]);
    processes.push(process);
    await process.ready;
    return process;
  };
  try {
    const first = await begin('first');
    if (killed) {
      const other = await begin('second');
      await new Promise((wake) => setTimeout(wake, 300));
      first.child.kill('SIGKILL');
      return (await other.done).problem;
    }
    if (second) processes.push(start(run, [actor, feature, 'second', name]));
    const ends = await Promise.all(processes.map(({ done }) => done));
    return ends.map(({ problem }) => problem).find((problem) => problem !== undefined);
  } finally {
    for (const { child } of processes) child.kill('SIGKILL');
    await Promise.all(processes.map(({ done }) => done));
    for (const file of readdirSync('/dev/shm'))
      if (file.includes(`runtimes-${process.pid}-`)) rmSync(join('/dev/shm', file));
  }
}

/** Carries text from one process to another. */
async function tryCommand(run) {
  const name = `runtimes-${process.pid}-command`;
  const text = 'one\ntwo\n'.repeat(1000);
  const sender = start(run, [command, 'send', name], { input: text });
  const receiver = start(run, [command, 'receive', name]);
  const [sent, received] = [await sender.done, await receiver.done];
  rmSync(join('/dev/shm', name), { force: true });
  const problem = sent.problem ?? received.problem;
  return problem ?? (received.output === text ? undefined : `${received.output.length} bytes arrived`);
}

function table() {
  const heads = columns.map(
    ({ name, version }) =>
      `${name.replace(/ \d+/, '')} ${version.replace(/^(v|deno )/, '').replace(/ .*/, '')}`,
  );
  const rows = Object.keys(columns[0].results).map((feature) => [
    feature,
    ...columns.map(({ results }) => (results[feature] === undefined ? 'yes' : 'no')),
  ]);
  const problems = columns.flatMap(({ name, results }) =>
    Object.entries(results)
      .filter(([, problem]) => problem !== undefined)
      .map(([feature, problem]) => `- ${name}, ${feature}: ${problem.replaceAll(root, '…')}`),
  );
  const lines = [['', ...heads], ['---', ...heads.map(() => '---')], ...rows].map(
    (row) => `| ${row.join(' | ')} |`,
  );
  const day = new Date().toISOString().slice(0, 10);
  return [
    `Tried on ${day}, ${process.platform}-${process.arch}:`,
    '',
    ...lines,
    ...(problems.length > 0 ? ['', ...problems] : []),
  ].join('\n');
}
