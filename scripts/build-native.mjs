#!/usr/bin/env node
// Builds native/ with node-gyp into build/Release/isthmus.node, unless that is up to date.
//
//   node scripts/build-native.mjs [--force] [--verbose]
//   node scripts/build-native.mjs --print-includes    the include directories, for CMakeLists.txt
//   node scripts/build-native.mjs --prebuild          also prebuilds/PLATFORM-ARCH/isthmus.node, for npm pack
//
// Nothing is ever downloaded. Node's headers come from the prefix of the Node that runs this script; where
// there are none (a bare binary), from the package node-api-headers, which is enough for an addon that keeps
// to Node-API. Settings from npm (npm_config_…) do not reach node-gyp; CC, CXX, CFLAGS, CXXFLAGS and LDFLAGS
// do. ISTHMUS_WERROR=1 turns warnings into errors. ISTHMUS_HEADERS=prefix or =package insists on one source
// of headers.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const self = fileURLToPath(import.meta.url);
const root = resolve(dirname(self), '..');
const require = createRequire(self);
const node = realpathSync(process.execPath);

// binding.gyp is not in the package's folder itself: npm compiles what has one there, and forgets "gypfile": false as soon
// as there is a lock file. So node-gyp builds in native/, and what it has built is put where the package looks for it.
const native = join(root, 'native');
const built = join(native, 'build', 'Release', 'isthmus.node');
const binary = join(root, 'build', 'Release', 'isthmus.node');
const stampFile = join(root, 'build', 'isthmus-stamp.json');
const prebuilt = join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'isthmus.node');
const prebuiltStampFile = join(root, 'node_modules', '.cache', 'isthmus', 'prebuilt-stamp.json');

const known = new Set(['--force', '--verbose', '--prebuild', '--print-includes']);
// prebuildify runs this file in node-gyp's place (see prebuild below) and passes node-gyp's arguments.
const forPrebuildify = process.env.ISTHMUS_FOR_PREBUILDIFY === '1';
const options = new Set(forPrebuildify ? [] : process.argv.slice(2));

/** What a build in an installed package lacks; all of it, so that nobody has to run into one after the other. */
const INSTALL = 'npm install --no-save node-gyp node-addon-api node-api-headers';

class BuildError extends Error {}

function fail(message) {
  throw new BuildError(message);
}

function build(force) {
  const headers = findHeaders();
  const inputs = fingerprint(headers);
  if (!force && upToDate(stampFile, binary, inputs)) return;

  const nodeGyp = findNodeGyp();
  needPackage('node-addon-api');
  needTool(process.env.CXX || 'g++', 'a C++17 compiler', 'g++');
  needTool(process.env.MAKE || 'make', 'make', 'make');
  needPython();

  if (force)
    for (const folder of [root, native]) rmSync(join(folder, 'build'), { recursive: true, force: true });
  const nodedir = headers.kind === 'prefix' ? headers.prefix : makeNodedir(headers);

  console.log(`isthmus: building the native part (headers: ${headers.describe})`);
  const started = Date.now();
  const args = [nodeGyp, 'configure', 'build', '--release', `--jobs=${availableParallelism()}`];
  const done = spawnSync(process.execPath, args, {
    cwd: native,
    env: gypEnvironment(nodedir),
    encoding: 'utf8',
    stdio: options.has('--verbose') ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    maxBuffer: 256 * 1024 * 1024,
  });
  if (done.error) throw done.error;
  if (done.status !== 0 || !existsSync(built)) {
    process.stderr.write(done.stdout ?? '');
    showWarnings(done.stderr ?? '');
    fail('the native part does not compile; the compiler says why above.');
  }
  showWarnings(done.stderr ?? '');
  mkdirSync(dirname(binary), { recursive: true });
  // In one step, and a file of its own: programs that run have the old one mapped.
  const fresh = `${binary}.${process.pid}`;
  copyFileSync(built, fresh);
  renameSync(fresh, binary);
  writeStamp(stampFile, binary, inputs);
  console.log(`isthmus: built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** Runs prebuildify, which strips the binary and files it under prebuilds/, and puts a copy back. */
function prebuild() {
  const inputs = fingerprint(findHeaders());
  if (!options.has('--force') && upToDate(prebuiltStampFile, prebuilt, inputs)) return;
  needTool('strip', 'strip', 'binutils');
  const bin = resolvePackage('prebuildify/bin.js');
  if (!bin) fail('prebuildify is missing: run "npm ci" first.');
  rmSync(dirname(prebuilt), { recursive: true, force: true });
  const done = spawnSync(process.execPath, [bin, '--napi', '--strip'], {
    cwd: root,
    // prebuildify would have node-gyp build everything again; it calls this file instead, which knows what is
    // built.
    env: {
      ...process.env,
      ISTHMUS_FOR_PREBUILDIFY: '1',
      PREBUILD_NODE_GYP: self,
      PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
    },
    stdio: 'inherit',
  });
  if (done.error) throw done.error;
  if (done.status !== 0 || !existsSync(prebuilt)) fail('prebuildify failed.');
  // It moves the binary; development and tests want it where node-gyp puts it.
  copyFileSync(prebuilt, binary);
  writeStamp(stampFile, binary, inputs);
  writeStamp(prebuiltStampFile, prebuilt, inputs);
  console.log(`isthmus: wrote prebuilds/${process.platform}-${process.arch}/isthmus.node`);
}

// ---- headers

/** Where Node's headers are: beside this Node, or in the package node-api-headers. */
function findHeaders() {
  const want = process.env.ISTHMUS_HEADERS ?? '';
  if (!['', 'prefix', 'package'].includes(want)) fail('ISTHMUS_HEADERS is either "prefix" or "package".');
  const prefix = dirname(dirname(node));
  const include = join(prefix, 'include', 'node');
  const inPrefix = ['node_api.h', 'common.gypi'].every((file) => existsSync(join(include, file)));
  if (inPrefix && want !== 'package') return { kind: 'prefix', prefix, include, describe: include };
  if (want === 'prefix') fail(`there are no headers in ${include}.`);

  const entry = resolvePackage('node-api-headers');
  if (entry) {
    const include = join(dirname(entry), 'include');
    return { kind: 'package', include, describe: 'the package node-api-headers' };
  }
  fail(`Node's headers are neither in ${include} nor in the package node-api-headers: run "${INSTALL}".`);
}

/** A directory that looks enough like an installed Node for node-gyp, which then downloads nothing. */
function makeNodedir(headers) {
  const nodedir = join(root, 'build', 'nodedir');
  const include = join(nodedir, 'include', 'node');
  mkdirSync(include, { recursive: true });
  cpSync(headers.include, include, { recursive: true });
  const common = {
    target_defaults: {
      default_configuration: 'Release',
      configurations: { Release: { cflags: ['-O3'] }, Debug: { cflags: ['-g'] } },
      cflags: ['-fPIC', '-fno-strict-aliasing'],
      cflags_cc: ['-fno-rtti', '-fno-exceptions'],
      defines: ['_FILE_OFFSET_BITS=64'],
    },
  };
  const config = {
    target_defaults: {
      cflags: [],
      default_configuration: 'Release',
      defines: [],
      include_dirs: [],
      libraries: [],
    },
    variables: { host_arch: process.arch, target_arch: process.arch, node_shared: 'false' },
  };
  writeFileSync(join(include, 'common.gypi'), `${JSON.stringify(common, null, 2)}\n`);
  writeFileSync(join(include, 'config.gypi'), `${JSON.stringify(config, null, 2)}\n`);
  return nodedir;
}

// ---- node-gyp and its needs

function findNodeGyp() {
  const inNpm = join('node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const npm = process.env.npm_execpath;
  const candidates = [
    resolvePackage('node-gyp/bin/node-gyp.js'),
    npm && resolve(dirname(npm), '..', inNpm),
    join(dirname(dirname(node)), 'lib', 'node_modules', 'npm', inNpm),
  ];
  const found = candidates.find((file) => file && existsSync(file));
  if (!found) fail(`node-gyp is missing: run "${INSTALL}".`);
  return found;
}

let python;

/** The caller's environment without npm's settings, which node-gyp would prefer to its arguments. */
function gypEnvironment(nodedir) {
  const env = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^npm_/i.test(name)) env[name] = value;
  }
  env.npm_config_nodedir = nodedir;
  env.npm_config_python = python;
  env.HOME ||= tmpdir();
  // binding.gyp runs "node": the one that runs this script.
  env.PATH = `${dirname(node)}${delimiter}${env.PATH ?? ''}`;
  return env;
}

function needPython() {
  const wanted = process.env.PYTHON ? [process.env.PYTHON] : ['python3', 'python'];
  python = wanted.find((name) => run(name, ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))']) === 0);
  if (!python) {
    fail(`Python 3.8 or newer is missing (tried ${wanted.join(', ')}); on Debian: apt-get install python3.`);
  }
}

function needTool(command, what, debianPackage) {
  // CXX may be "ccache g++".
  const [program, ...rest] = command.split(' ').filter(Boolean);
  if (run(program, [...rest, '--version']) !== 0) {
    fail(
      `${what} is missing ("${command}" does not run); the native part must be compiled here. ` +
        `On Debian: apt-get install ${debianPackage}.`,
    );
  }
}

function needPackage(name) {
  if (!resolvePackage(name)) fail(`${name} is missing: run "${INSTALL}".`);
}

function resolvePackage(specifier) {
  try {
    return require.resolve(specifier);
  } catch {
    return undefined;
  }
}

function run(program, args) {
  return spawnSync(program, args, { stdio: 'ignore' }).status;
}

/** Passes the compiler's words on, without node-gyp's. */
function showWarnings(text) {
  const lines = text.split('\n').filter((line) => line !== '' && !/^gyp (info|http|verb)\b/.test(line));
  if (lines.length > 0) console.error(lines.join('\n'));
}

// ---- up to date?

/** Everything that decides what the binary looks like. */
function fingerprint(headers) {
  const hash = createHash('sha256');
  const add = (name, content) => hash.update(`${name}\0`).update(content).update('\0');
  for (const name of existsSync(native) ? readdirSync(native).sort() : []) {
    if (/\.(cc|h|map)$/.test(name)) add(name, readFileSync(join(native, name)));
  }
  add('binding.gyp', readFileSync(join(native, 'binding.gyp')));
  add('build-native.mjs', readFileSync(self));
  add('headers', headers.include);
  const addonApi = resolvePackage('node-addon-api/package.json');
  add('node-addon-api', addonApi ? readFileSync(addonApi) : '');
  for (const name of ['CC', 'CXX', 'CPPFLAGS', 'CFLAGS', 'CXXFLAGS', 'LDFLAGS', 'ISTHMUS_WERROR']) {
    add(name, process.env[name] ?? '');
  }
  return hash.digest('hex');
}

function upToDate(stampFile, file, inputs) {
  try {
    const stamp = JSON.parse(readFileSync(stampFile, 'utf8'));
    const { size, mtimeMs } = statSync(file);
    return stamp.inputs === inputs && stamp.size === size && stamp.mtimeMs === mtimeMs;
  } catch {
    return false;
  }
}

function writeStamp(stampFile, file, inputs) {
  const { size, mtimeMs } = statSync(file);
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, `${JSON.stringify({ inputs, size, mtimeMs })}\n`);
}

// ---- here we go

try {
  if (process.platform !== 'linux') fail('isthmus runs on Linux only.');
  for (const option of options) {
    if (!known.has(option)) fail(`unknown option ${option}; one of: ${[...known].join(' ')}`);
  }
  if (options.has('--print-includes')) {
    needPackage('node-addon-api');
    process.stdout.write([findHeaders().include, dirname(resolvePackage('node-addon-api'))].join(';'));
    process.exit();
  }
  build(options.has('--force'));
  if (options.has('--prebuild')) prebuild();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`isthmus: ${error.message}`);
  process.exitCode = 1;
}
