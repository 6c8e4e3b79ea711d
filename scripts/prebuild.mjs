// npm run prebuildify [-- --all]: prebuilds/linux-ARCH/isthmus.node for this machine's architecture and, with a cross
// compiler, for the other one that ships (x64 and arm64). A missing cross compiler is a note, with --all an error.
//
// This machine's binary comes from build-native.mjs (node-gyp), the other one from CMakeLists.txt, which describes the
// same addon and can name another compiler. Both are checked for symbols that older systems lack.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const toolchains = {
  x64: { triplet: 'x86_64-linux-gnu', processor: 'x86_64' },
  arm64: { triplet: 'aarch64-linux-gnu', processor: 'aarch64' },
};

const wrong = process.argv.slice(2).filter((arg) => arg !== '--all');
if (wrong.length > 0) fail(`unknown option ${wrong.join(' ')}; the only one is --all`);
const all = process.argv.includes('--all');

run(process.execPath, [join('scripts', 'build-native.mjs'), '--prebuild']);
for (const arch of Object.keys(toolchains)) if (arch !== process.arch) cross(arch);
run(process.execPath, [join('scripts', 'check-symbols.mjs')]);

function cross(arch) {
  const { triplet, processor } = toolchains[arch];
  const out = join(root, 'prebuilds', `linux-${arch}`);
  // Never a binary that was built from other sources.
  rmSync(out, { recursive: true, force: true });
  const missing = [
    [`${triplet}-g++`, `g++-${triplet}`],
    ['cmake', 'cmake'],
  ].find(([tool]) => spawnSync(tool, ['--version']).status !== 0);
  if (missing) {
    const why = `no binary for linux-${arch}: ${missing[0]} is missing; on Debian: apt-get install ${missing[1]}`;
    if (all) fail(why);
    console.warn(`prebuildify: ${why}`);
    return;
  }
  const build = join(root, 'build-cross', arch);
  const output = join(build, 'Release', 'isthmus.node');
  rmSync(output, { force: true });
  run('cmake', [
    ...['-S', root, '-B', build, '-DCMAKE_BUILD_TYPE=Release'],
    ...['-DCMAKE_SYSTEM_NAME=Linux', `-DCMAKE_SYSTEM_PROCESSOR=${processor}`],
    `-DCMAKE_CXX_COMPILER=${triplet}-g++`,
  ]);
  run('cmake', ['--build', build]);
  if (!existsSync(output)) fail(`cmake made no ${output}`);
  mkdirSync(out, { recursive: true });
  run(`${triplet}-strip`, ['--strip-all', '-o', join(out, 'isthmus.node'), output]);
  console.log(`isthmus: wrote prebuilds/linux-${arch}/isthmus.node`);
}

/** Its output is shown only if it fails, except for warnings. */
function run(program, args) {
  // Node-API's headers only, whatever lies beside this Node.
  const env = {
    ...process.env,
    ISTHMUS_HEADERS: program === 'cmake' ? 'package' : (process.env.ISTHMUS_HEADERS ?? ''),
  };
  const quiet = program === 'cmake';
  const done = spawnSync(program, args, {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: quiet ? ['ignore', 'pipe', 'inherit'] : 'inherit',
  });
  if (done.error) throw done.error;
  if (done.status !== 0) {
    if (quiet) console.error(done.stdout);
    fail(`${program} ended with ${done.signal ?? `exit code ${done.status}`}`);
  }
}

function fail(message) {
  console.error(`prebuildify: ${message}`);
  process.exit(1);
}
