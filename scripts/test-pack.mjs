// npm run test:pack: what npm pack makes holds what it should and nothing else, pleases publint and "are the types
// wrong", and, installed into an empty folder with install scripts switched off, works from CommonJS, ESM, both at once,
// strict TypeScript of every kind, and the command line.
//
// The binary for the other architecture must be there where its cross compiler is (see prebuild.mjs).

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const { version } = require('../package.json');
const tsc = require.resolve('typescript/bin/tsc');
const types = resolve(dirname(require.resolve('@types/node/package.json')), '..');

const work = mkdtempSync(join(tmpdir(), 'isthmus-pack-'));
const app = join(work, 'app');
const MOST_BYTES = 1024 * 1024;
/** Everything that may be in the package. */
const EXPECTED = [
  /^(package\.json|LICENSE|README\.md|CHANGELOG\.md|CMakeLists\.txt)$/,
  /^dist\/[\w/-]+\.(js|mjs|d\.ts|d\.mts)$/,
  /^docs\/[\w/-]+\.md$/,
  /^docs\/(pictures|charts)\/[\w-]+\.svg$/,
  /^examples\/[\w/-]+\.(md|mjs|py)$/,
  /^native\/\w+\.(cc|h|map|gyp)$/,
  /^prebuilds\/linux-(x64|arm64)\/isthmus\.node$/,
  /^scripts\/build-native\.mjs$/,
];
const segment = `isthmus-pack-${process.pid}`;

class Failure extends Error {}

try {
  const tarball = pack();
  judges(tarball);
  install(tarball);
  scripts();
  adapters();
  typescript();
  command();
  console.log('test:pack: everything works');
} catch (error) {
  console.error(error instanceof Failure ? `test:pack: FAILED: ${error.message}` : error);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
  rmSync(join('/dev/shm', segment), { force: true });
}

function pack() {
  const out = run('npm', ['pack', '--json', '--pack-destination', work], root);
  // What prepack prints comes first.
  const [{ filename, files, size }] = JSON.parse(out.slice(out.search(/^\[/m)));
  const names = files.map((file) => file.path);

  const wanted = [
    'package.json',
    'LICENSE',
    'README.md',
    'dist/index.js',
    'dist/index.mjs',
    'dist/index.d.ts',
    'dist/index.d.mts',
    ...['keyv', 'rate-limit'].flatMap((name) =>
      ['js', 'mjs', 'd.ts', 'd.mts'].map((ending) => `dist/adapters/${name}.${ending}`),
    ),
    'dist/cli/main.mjs',
    'native/addon.cc',
    'native/binding.gyp',
    'native/exports.map',
    'native/old_glibc.cc',
    ...prebuilts(),
    'scripts/build-native.mjs',
    'docs/charts/takeover.svg',
    'examples/value.mjs',
  ];
  const missing = wanted.filter((name) => !names.includes(name));
  const stray = names.filter((name) => !EXPECTED.some((pattern) => pattern.test(name)));
  if (missing.length > 0) throw new Failure(`the tarball lacks ${missing.join(', ')}`);
  if (stray.length > 0) throw new Failure(`the tarball holds ${stray.join(', ')}`);
  if (size > MOST_BYTES) throw new Failure(`the tarball has ${size} bytes; at most ${MOST_BYTES} are wanted`);
  const binaries = names.filter((name) => name.endsWith('.node')).map((name) => dirname(name).slice(10));
  ok(
    `tarball: ${names.length} files, ${Math.round(size / 1024)} KB, with the binaries ${binaries.join(' and ')}, nothing else`,
  );
  return join(work, filename);
}

/** This machine's binary, and the other one where it can be built. */
function prebuilts() {
  const triplets = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
  return Object.keys(triplets)
    .filter((arch) => arch === process.arch || spawnSync(`${triplets[arch]}-g++`, ['--version']).status === 0)
    .map((arch) => `prebuilds/linux-${arch}/isthmus.node`);
}

/** publint: package.json says what is in the package. attw: every way to import it finds the types it deserves. */
function judges(tarball) {
  const bin = (name) => join(root, 'node_modules', '.bin', name);
  run(bin('publint'), ['run', tarball, '--strict'], root);
  ok('publint --strict');
  run(bin('attw'), [tarball, '--no-color', '--no-emoji'], root);
  ok('are the types wrong: no');
}

function install(tarball) {
  mkdirSync(app);
  write('package.json', JSON.stringify({ name: 'app', version: '1.0.0', private: true }));
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball]);
  const installed = JSON.parse(readFileSync(join(app, 'node_modules/isthmus/package.json'), 'utf8'));
  if (installed.version !== version)
    throw new Failure(`installed ${installed.version} instead of ${version}`);
  ok('installs with --ignore-scripts');
  // From the lock file npm does not know "gypfile": false. Whoever builds anything has another folder than before.
  const before = tree();
  run('npm', ['ci', '--no-audit', '--no-fund', '--foreground-scripts']);
  if (tree() !== before) throw new Failure('npm ci, with scripts, makes another package of it');
  ok('npm ci runs no script of it');
}

function tree() {
  return readdirSync(join(app, 'node_modules', 'isthmus'), { recursive: true })
    .sort()
    .join('\n');
}

function scripts() {
  const body = `
    unlinkIfThere();
    const made = Value.create(${JSON.stringify(segment)}, 'i32', { initial: 40 });
    const opened = Value.open(made.name, 'i32');
    opened.add(2);
    if (made.value !== 42) throw new Error('made.value is ' + made.value);
    made.close();
    opened.close();
    unlink(${JSON.stringify(segment)});
    function unlinkIfThere() { try { unlink(${JSON.stringify(segment)}); } catch {} }
    console.log('42');
  `;
  write('common.cjs', `'use strict';\nconst { Value, unlink } = require('isthmus');\n${body}`);
  write('module.mjs', `import { Value, unlink } from 'isthmus';\n${body}`);
  write(
    'both.cjs',
    `'use strict';
     const required = require('isthmus');
     import('isthmus').then((imported) => {
       // Node itself adds these two to the namespace of a CommonJS module.
       const names = (o) => Object.keys(o).filter((n) => n !== 'default' && n !== 'module.exports').sort().join();
       if (required.Value !== imported.Value) throw new Error('two copies of Value');
       const plain = (list) => list.split(',').filter((n) => n !== '__esModule').join();
       if (plain(names(required)) !== plain(names(imported)))
         throw new Error('require sees ' + names(required) + '; import sees ' + names(imported));
       console.log('same');
     });`,
  );
  expect(run(process.execPath, ['common.cjs']), '42', 'CommonJS');
  expect(run(process.execPath, ['module.mjs']), '42', 'ESM');
  expect(run(process.execPath, ['both.cjs']), 'same', 'CommonJS and ESM in one program share one state');
}

// Without Keyv and express-rate-limit, which nobody has installed here: the adapters need nothing but their contracts.
function adapters() {
  const body = `
    const cache = new KeyvIsthmus(${JSON.stringify(segment)}, { lifetime: 'attached' });
    const store = new SharedMemoryStore(cache.map);
    store.increment('client');
    cache.set('key', 'value').then(async () => {
      if ((await cache.get('key')) !== 'value') throw new Error('the cache has forgotten its value');
      if (store.increment('client').totalHits !== 2) throw new Error('the store has lost a hit');
      if (!(cache.map instanceof SharedMap)) throw new Error('two copies of SharedMap');
      await cache.disconnect();
      console.log('2');
    });
  `;
  write(
    'adapters.cjs',
    `'use strict';
     const { SharedMap } = require('isthmus');
     const { KeyvIsthmus, default: Same } = require('isthmus/keyv');
     const { SharedMemoryStore } = require('isthmus/rate-limit');
     if (Same !== KeyvIsthmus) throw new Error('the default export is another one');
     import('isthmus/keyv').then((imported) => {
       if (imported.default !== KeyvIsthmus) throw new Error('two copies of KeyvIsthmus');
     });
     ${body}`,
  );
  write(
    'adapters.mjs',
    `import { SharedMap } from 'isthmus';
     import KeyvIsthmus, { KeyvIsthmus as Same } from 'isthmus/keyv';
     import SharedMemoryStore, { SharedMemoryStore as SameStore } from 'isthmus/rate-limit';
     if (Same !== KeyvIsthmus || SameStore !== SharedMemoryStore) throw new Error('the default export is another one');
     ${body}`,
  );
  for (const peer of ['keyv', 'express-rate-limit'])
    if (existsSync(join(app, 'node_modules', peer))) throw new Failure(`${peer} was installed, too`);
  expect(run(process.execPath, ['adapters.cjs']), '2', 'isthmus/keyv and isthmus/rate-limit from CommonJS');
  expect(run(process.execPath, ['adapters.mjs']), '2', 'isthmus/keyv and isthmus/rate-limit from ESM');
}

function typescript() {
  const source = `
    import { Value, unlink } from 'isthmus';
    import KeyvIsthmus, { KeyvIsthmus as Same, type KeyvIsthmusOptions } from 'isthmus/keyv';
    import { SharedMemoryStore, type ClientHits } from 'isthmus/rate-limit';
    export const options: KeyvIsthmusOptions = { maxBytes: '1MB' };
    export const makeCache = (): KeyvIsthmus => new Same('typed', options);
    export const hit = (store: SharedMemoryStore): ClientHits => store.increment('client');
    const value: Value = Value.open('typed', 'i32', { initial: 1 });
    export const before: number | bigint | boolean = value.value;
    value.close();
    unlink('typed');
    // @ts-expect-error no such export: the types are really there
    export { noSuchThing } from 'isthmus';
  `;
  write('module.mts', source);
  write('common.cts', source);
  write('required.cts', `import isthmus = require('isthmus');\nexport const { Value, list } = isthmus;\n`);
  for (const [module, moduleResolution, files] of [
    ['nodenext', 'nodenext', ['module.mts', 'common.cts', 'required.cts']],
    ['node16', 'node16', ['module.mts', 'common.cts', 'required.cts']],
    ['esnext', 'bundler', ['module.mts']],
    ['preserve', 'bundler', ['module.mts', 'common.cts', 'required.cts']],
  ]) {
    const compilerOptions = {
      module,
      moduleResolution,
      target: 'es2022',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
      typeRoots: [types],
    };
    write('tsconfig.json', JSON.stringify({ compilerOptions, files }));
    run(process.execPath, [tsc, '-p', '.']);
    ok(`strict TypeScript, module ${module}, moduleResolution ${moduleResolution}`);
  }
}

function command() {
  const help = run('npx', ['--no-install', 'isthmus', '--help']);
  if (!/usage: isthmus/i.test(help)) throw new Failure(`"npx isthmus --help" says ${JSON.stringify(help)}`);
  ok('npx isthmus --help');
}

// ---- small helpers

function write(name, text) {
  writeFileSync(join(app, name), text);
}

function run(program, args, cwd = app) {
  const env = { ...process.env };
  // Neither this repository's binary nor npm's idea of the current package may help the installed copy along.
  for (const name of Object.keys(env)) {
    if (name === 'ISTHMUS_PREBUILD' || /^npm_(package|lifecycle|config_local_prefix)/.test(name))
      delete env[name];
  }
  const done = spawnSync(program, args, { cwd, env, encoding: 'utf8', maxBuffer: 1 << 28, timeout: 300_000 });
  if (done.error) throw done.error;
  if (done.status !== 0) {
    const why = done.signal ?? `exit code ${done.status}`;
    throw new Failure(`${[program, ...args].join(' ')}: ${why}\n${done.stdout}${done.stderr}`);
  }
  return done.stdout;
}

function expect(output, wanted, what) {
  if (output.trim() !== wanted) throw new Failure(`${what}: printed ${JSON.stringify(output)}`);
  ok(what);
}

function ok(what) {
  console.log(`${what} … ok`);
}
