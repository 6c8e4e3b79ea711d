// node scripts/clean.mjs [DIR…]: removes what builds leave behind (all of it, or the named directories).

import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const built = [
  'dist',
  'build',
  'native/build',
  'build-asan',
  'build-cmake',
  'build-cross',
  'prebuilds',
  'coverage',
  'site',
];
const wanted = process.argv.slice(2);

for (const name of wanted.length > 0 ? wanted : built) {
  if (!built.includes(name)) {
    console.error(`clean: "${name}" is not something a build makes; one of: ${built.join(', ')}`);
    process.exit(1);
  }
  rmSync(join(root, name), { recursive: true, force: true });
}
