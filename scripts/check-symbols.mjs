// node scripts/check-symbols.mjs [FILE…]: fails when a binary would not load on an older Linux, and names the symbol.
//
// Without a FILE: every binary in prebuilds/, or the one in build/ where there is none. A binary may need symbols of
// glibc up to 2.28 (as Node.js 20 itself does) and those of Node-API, and nothing else: the C++ library is inside it.
// readelf (binutils) says what the dynamic linker will look for; it reads the files of every architecture.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEWEST = [2, 28];
const LIBRARIES = /^(libc\.so\.6|ld-linux-(x86-64\.so\.2|aarch64\.so\.1))$/;
/** Weak: they may be missing, and are on a system without transactional memory or profiling. */
const OPTIONAL = /^(_ITM_|_ZGT|__gmon_start__|__cxa_finalize|__cxa_pure_virtual)/;
const OWN = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

const root = resolve(fileURLToPath(import.meta.url), '../..');
const files = process.argv.length > 2 ? process.argv.slice(2) : built();
if (files.length === 0) fail('there is no binary: run "npm run build:native" first.');
let failed = false;
for (const file of files) {
  const problems = problemsOf(file);
  for (const problem of problems) console.error(`check-symbols: ${relative('', file)}: ${problem}`);
  if (problems.length > 0) failed = true;
  else console.log(`${relative('', file)} needs nothing newer than glibc ${NEWEST.join('.')} … ok`);
}
if (failed) process.exitCode = 1;

function built() {
  const prebuilds = join(root, 'prebuilds');
  const found = (existsSync(prebuilds) ? readdirSync(prebuilds, { recursive: true }) : [])
    .filter((name) => name.endsWith('.node'))
    .map((name) => join(prebuilds, name));
  const local = join(root, 'build', 'Release', 'isthmus.node');
  return found.length > 0 || !existsSync(local) ? found : [local];
}

function problemsOf(file) {
  if (!existsSync(file)) return ['there is no such file'];
  const problems = [];
  for (const [, library] of readelf('--dynamic', file).matchAll(/\(NEEDED\).*\[(.*)\]/g)) {
    if (!LIBRARIES.test(library)) problems.push(`it needs the library ${library}`);
  }
  // Num: Value Size Type Bind Vis Ndx Name[@VERSION (n)]
  const symbols = readelf('--dyn-syms', file).matchAll(
    /^ *\d+: \S+ +\S+ +\S+ +(GLOBAL|WEAK) +\S+ +(\S+) +([^\s@]+)(?:@+(\S+))?/gm,
  );
  let seen = 0;
  for (const [, bind, section, name, version] of symbols) {
    seen++;
    if (section !== 'UND') {
      if (!OWN.includes(name))
        problems.push(`it shows the symbol ${name}; native/exports.map should hide it`);
    } else if (version !== undefined) {
      const [, library, numbers] = /^(\w+?)_([\d.]+)$/.exec(version) ?? [];
      if (library !== 'GLIBC') problems.push(`it needs ${name}@${version}, which is not in glibc`);
      else if (newer(numbers))
        problems.push(
          `it needs ${name}@${version}, newer than GLIBC_${NEWEST.join('.')}: use something older, or give it a ` +
            'place in native/old_glibc.cc',
        );
    } else if (!/^(napi|node_api)_/.test(name) && !(bind === 'WEAK' && OPTIONAL.test(name))) {
      problems.push(`it needs ${name}, of no known library`);
    }
  }
  if (seen === 0) problems.push('readelf found no symbols in it');
  return problems;
}

function newer(version) {
  const [major, minor = 0] = version.split('.').map(Number);
  return major > NEWEST[0] || (major === NEWEST[0] && minor > NEWEST[1]);
}

function readelf(what, file) {
  const done = spawnSync('readelf', ['--wide', what, file], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (done.error?.code === 'ENOENT') fail('readelf is missing; on Debian: apt-get install binutils.');
  if (done.status !== 0) fail(`readelf ${file}: ${done.stderr}`);
  return done.stdout;
}

function fail(message) {
  console.error(`check-symbols: ${message}`);
  process.exit(1);
}
