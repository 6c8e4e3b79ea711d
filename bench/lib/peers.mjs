// Which peers this machine has. One that is missing is left out of the run and named, with the reason.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const BENCH = fileURLToPath(new URL('..', import.meta.url));
const BUILD = `${BENCH}build`;
const MODULES = ['zeromq', 'lmdb', 'shm-typed-array', 'proper-lockfile', 'fs-ext', 'redis'];

/** Native peers and what else each one is called. */
const PROGRAMS = { ring: 'C++ ring', locks: 'C++ locks', 'boost-queue': 'Boost message_queue' };

/** name -> { version } or { missing: why } */
export async function findPeers() {
  const found = new Map();
  await Promise.all(MODULES.map(async (name) => found.set(name, await loads(name))));
  found.set('python', version('python3', ['--version'], /Python (.*)/));
  found.set('redis-server', version('redis-server', ['--version'], /v=(\S+)/));
  if (found.get('redis-server').missing && !found.get('redis').missing)
    found.set('redis', { missing: found.get('redis-server').missing });
  const compiler = version('g++', ['--version'], /(\d+\.\d+\.\d+)/);
  for (const name of Object.keys(PROGRAMS))
    found.set(name, compiler.missing ? compiler : compile(name, compiler));
  return found;
}

/** Loaded in a process of its own: a peer that crashes takes nobody with it. */
async function loads(name) {
  const child = spawn(process.execPath, ['-e', `require(${JSON.stringify(name)}); process.exit()`], {
    cwd: BENCH,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) return { missing: reason(errors) ?? 'it does not load' };
  return { version: versionOf(name) };
}

/** As `require` looks for it: here, then further up. */
function versionOf(name) {
  for (let folder = BENCH; folder !== '/'; folder = dirname(folder)) {
    const file = `${folder}/node_modules/${name}/package.json`;
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')).version;
  }
  return 'unknown';
}

const reason = (errors) => /^\w*Error: (.*)$/m.exec(errors)?.[1];

function version(command, args, pattern) {
  const { status, stdout, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error || status !== 0) return { missing: `no ${command} here` };
  return { version: pattern.exec(stdout)?.[1] ?? 'unknown' };
}

export const programPath = (name) => `${BUILD}/${name}`;

function compile(name, compiler) {
  const sources = [`${BENCH}native/${name}.cc`, `${BENCH}native/common.h`];
  const target = programPath(name);
  mkdirSync(BUILD, { recursive: true });
  const current =
    existsSync(target) && sources.every((source) => statSync(source).mtimeMs < statSync(target).mtimeMs);
  if (current) return compiler;
  const args = ['-std=c++17', '-O2', '-o', target, sources[0], '-pthread', '-lrt'];
  const { status, stderr, error } = spawnSync('g++', args, { encoding: 'utf8' });
  if (!error && status === 0) return compiler;
  const header = /fatal error: (\S+): No such file/.exec(stderr ?? '')?.[1];
  return { missing: header ? `no ${header} here` : `it does not compile: ${stderr ?? error.message}` };
}

/** "zeromq: it does not load" */
export function missingPeers(peers) {
  return [...peers]
    .filter(
      ([name, { missing }]) =>
        missing !== undefined && !(name === 'redis' && peers.get('redis-server').missing),
    )
    .map(([name, { missing }]) => `${PROGRAMS[name] ?? name} (${missing})`);
}
