// npm run test:asan [-- VITEST ARGUMENTS]: builds the addon with AddressSanitizer and
// UndefinedBehaviorSanitizer and runs the tests on it. The leak check is off: Node itself never frees
// everything. Build the package first.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const home = join(root, 'build-asan');
const build = join(home, 'build'); // node-gyp-build looks into build/Release below ISTHMUS_PREBUILD
const binary = join(build, 'Release', 'isthmus.node');
const compiler = process.env.CXX || 'g++';

step('cmake', [
  '-S',
  root,
  '-B',
  build,
  '-DISTHMUS_SANITIZE=address,undefined',
  `-DCMAKE_CXX_COMPILER=${compiler}`,
]);
step('cmake', ['--build', build, '--parallel', String(availableParallelism())]);
if (!existsSync(binary)) fail(`cmake made no ${binary}`);

// The runtime must be the first library of the process, and Node is not built with it.
const preload = ['libasan.so', 'libubsan.so'].map(runtime);
const env = {
  ...process.env,
  ISTHMUS_PREBUILD: home,
  ISTHMUS_SANITIZED: '1', // for tests that must know, for example because they limit memory
  LD_PRELOAD: preload.join(' '),
  ASAN_OPTIONS: 'detect_leaks=0:halt_on_error=1:abort_on_error=1:print_stacktrace=1',
  UBSAN_OPTIONS: 'halt_on_error=1:abort_on_error=1:print_stacktrace=1',
};

// Everything below is worth nothing if the tests load another binary.
const probe = `
  require('isthmus');
  const maps = require('node:fs').readFileSync('/proc/self/maps', 'utf8');
  if (!maps.includes(${JSON.stringify(binary)}) || !maps.includes('libasan')) {
    console.error('test:asan: the sanitized binary is not the one that loads');
    process.exit(1);
  }
`;
step(process.execPath, ['-e', probe], env);

const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs');
// The rooms that call the addon in every way there is; the others only call these, and what JavaScript does is not checked.
const rooms = [
  'memory',
  'waiting',
  'sync/lock',
  'sync/semaphore',
  'messages/spsc-messages',
  'messages/wait-any',
].map((room) => `test/${room}`);
const chosen = process.argv.slice(2);
step(process.execPath, [vitest, 'run', ...(chosen.length > 0 ? chosen : rooms)], env);

function runtime(name) {
  const { stdout } = spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' });
  const file = stdout?.trim() ?? '';
  if (!isAbsolute(file) || !existsSync(file))
    fail(`${compiler} has no ${name}; on Debian: apt-get install libgcc-12-dev.`);
  // Some distributions have a linker script there instead of the library.
  if (readFileSync(file).subarray(1, 4).toString() !== 'ELF') fail(`${file} is not a library`);
  return file;
}

function step(program, args, env = process.env) {
  const { status, signal, error } = spawnSync(program, args, { cwd: root, env, stdio: 'inherit' });
  if (error?.code === 'ENOENT') fail(`${program} is missing; on Debian: apt-get install ${program}.`);
  if (error) throw error;
  if (status !== 0) fail(`${program} ended with ${signal ?? `exit code ${status}`}`);
}

function fail(message) {
  console.error(`test:asan: ${message}`);
  process.exit(1);
}
