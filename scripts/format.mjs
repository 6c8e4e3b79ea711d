// node scripts/format.mjs [--check]: biome for TypeScript and JavaScript, clang-format for native/.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const check = process.argv.includes('--check');

const biome = require.resolve('@biomejs/biome/bin/biome');
const clangFormat = require.resolve('clang-format/index.js');
const native = readdirSync(join(root, 'native'))
  .filter((name) => /\.(cc|h)$/.test(name))
  .map((name) => join('native', name));

const results = [
  run(biome, check ? ['check', '--error-on-warnings'] : ['check', '--write']),
  run(clangFormat, [...(check ? ['--dry-run', '-Werror'] : ['-i']), ...native]),
];
process.exitCode = results.every((status) => status === 0) ? 0 : 1;

function run(script, args) {
  const { status, error } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  return status;
}
