// npm run test:managers [-- MANAGER…] [--tarball=FILE] [--no-write]: packs isthmus, installs it into fresh folders with each
// package manager, install scripts switched off, and lets two processes share a Value there, from ESM and from CommonJS.
// Writes the table in docs/platforms.md. The package managers come from npm. --tarball: one that is packed already.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchBinary } from '../../scripts/fetch-runtime.mjs';
import { writeBetweenMarks } from '../../scripts/write-between-marks.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const script = (name, version, file, folder) => {
  const path = fetchBinary(name, version, file, folder);
  if (!path) throw new Error(`${name}@${version} is not to be had from npm`);
  return [process.execPath, path];
};
const berry = (linker) => ({
  program: () => script('@yarnpkg/cli-dist', '4', 'bin/yarn.js', 'yarn4'),
  files: {
    '.yarnrc.yml': `nodeLinker: ${linker}\nenableScripts: false\nenableTelemetry: false\nenableGlobalCache: false\n`,
    'yarn.lock': '',
  },
  install: (tarball) => ['add', `isthmus@file:${tarball}`],
  // Plug'n'Play works in processes that Yarn starts.
  node: (program) => (linker === 'pnp' ? [...program, 'node'] : [process.execPath]),
  command: (program) => [...program, 'isthmus'],
});
const managers = {
  npm: {
    name: 'npm',
    program: () => ['npm'],
    install: (tarball) => ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball],
    command: () => ['npx', '--no-install', 'isthmus'],
  },
  pnpm: {
    name: 'pnpm',
    program: () => script('pnpm', '10', 'bin/pnpm.cjs', 'pnpm'),
    install: (tarball) => ['add', '--ignore-scripts', `--store-dir=${join(work, 'store')}`, tarball],
    command: (program) => [...program, 'exec', 'isthmus'],
  },
  yarn1: {
    name: 'Yarn, classic',
    program: () => script('yarn', '1.22', 'bin/yarn.js', 'yarn1'),
    install: (tarball) => [
      'add',
      '--ignore-scripts',
      `--cache-folder=${join(work, 'cache')}`,
      `file:${tarball}`,
    ],
    command: (program) => [...program, '--silent', 'run', 'isthmus'],
  },
  yarn4: { name: 'Yarn, node-modules', ...berry('node-modules') },
  pnp: { name: "Yarn, Plug'n'Play", ...berry('pnp') },
};

const body = `
  const [role, name] = process.argv.slice(2);
  const value = Value.open(name, 'i32', { lifetime: 'attached' });
  if (role === 'second') {
    value.add(41);
  } else {
    spawn(process.execPath, [FILE, 'second', name], { stdio: 'inherit' });
    value.add(1);
    value.waitFor((n) => n === 42).then(() => console.log(value.value));
  }
`;
const programs = {
  'program.mjs': `import { spawn } from 'node:child_process';\nimport { Value } from 'isthmus';\n${body.replace('FILE', 'process.argv[1]')}`,
  'program.cjs': `const { spawn } = require('node:child_process');\nconst { Value } = require('isthmus');\n${body.replace('FILE', '__filename')}`,
};

const args = process.argv.slice(2);
const wanted = args.filter((arg) => !arg.startsWith('--'));
const wrong = [
  ...wanted.filter((name) => !Object.hasOwn(managers, name)),
  ...args.filter((arg) => /^--(?!no-write$|tarball=.)/.test(arg)),
];
if (wrong.length > 0) {
  console.error(
    `test:managers: ${wrong.join(' ')} is none of ${Object.keys(managers).join(' ')} --tarball=FILE --no-write`,
  );
  process.exit(1);
}

const rows = [];
const work = mkdtempSync(join(tmpdir(), 'isthmus-managers-'));
try {
  const given = args.find((arg) => arg.startsWith('--tarball='))?.slice('--tarball='.length);
  const tarball = given === undefined ? pack() : resolve(given);
  const registry = run(['npm', 'config', 'get', 'registry'], root).trim();
  for (const id of wanted.length > 0 ? wanted : Object.keys(managers)) tryManager(id, tarball, registry);
} finally {
  rmSync(work, { recursive: true, force: true });
}
for (const row of rows) if (row.includes('no')) process.exitCode = 1;
if (rows.length === Object.keys(managers).length && !args.includes('--no-write')) {
  const lines = [['', 'version', 'ESM', 'CommonJS', '`isthmus` command'], Array(5).fill('---'), ...rows];
  const day = new Date().toISOString().slice(0, 10);
  const table = lines.map((row) => `| ${row.join(' | ')} |`).join('\n');
  writeBetweenMarks(
    join(root, 'docs', 'platforms.md'),
    'managers',
    `Tried on ${day} with Node.js ${process.versions.node}, install scripts switched off everywhere:\n\n${table}`,
  );
  console.log('wrote the table in docs/platforms.md');
}

function pack() {
  run(['npm', 'pack', '--pack-destination', work], root);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return join(work, `isthmus-${version}.tgz`);
}

function tryManager(id, tarball, registry) {
  const manager = managers[id];
  const folder = join(work, id);
  mkdirSync(folder);
  const files = {
    'package.json': '{ "name": "app", "version": "1.0.0", "private": true }\n',
    ...manager.files,
    ...programs,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const program = manager.program();
  const env = {
    YARN_REGISTRY: registry,
    YARN_NPM_REGISTRY_SERVER: registry,
    YARN_UNSAFE_HTTP_WHITELIST: new URL(registry).hostname,
    YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
  };
  const version = run([...program, '--version'], folder, env).trim();
  console.log(`---- ${manager.name} ${version}`);
  run([...program, ...manager.install(tarball)], folder, env);
  const node = manager.node?.(program) ?? [process.execPath];
  const works = (what, words, expected) => {
    let problem;
    try {
      const output = run(words, folder, env).trim();
      if (!expected.test(output)) problem = `printed ${JSON.stringify(output)}`;
    } catch (error) {
      problem = error.message;
    }
    console.log(`${what} … ${problem ?? 'ok'}`);
    return problem === undefined ? 'yes' : 'no';
  };
  rows.push([
    manager.name,
    version,
    works('ESM', [...node, 'program.mjs', 'first', `managers-${process.pid}-${id}-esm`], /^42$/),
    works('CommonJS', [...node, 'program.cjs', 'first', `managers-${process.pid}-${id}-cjs`], /^42$/),
    works('command', [...manager.command(program), '--version'], /^\d+\.\d+\.\d+/),
  ]);
}

/** What it prints; throws what it says when it fails. */
function run([program, ...words], cwd, more = {}) {
  const env = { ...process.env, ...more };
  // Neither this repository's binary nor npm's idea of the current package may help the installed copy along.
  for (const name of Object.keys(env))
    if (name === 'ISTHMUS_PREBUILD' || /^npm_(package|lifecycle|config_local_prefix)/.test(name))
      delete env[name];
  const done = spawnSync(program, words, {
    cwd,
    env,
    encoding: 'utf8',
    timeout: 300_000,
    maxBuffer: 1 << 26,
  });
  if (done.error) throw done.error;
  if (done.status === 0) return done.stdout;
  throw new Error(
    `${[program, ...words].join(' ')}: ${done.signal ?? `exit code ${done.status}`}\n${done.stdout}${done.stderr}`,
  );
}
