// bench/node_modules, when it is missing or older than the lock file. Peers that cannot be installed or built are left
// out by npm, for they are optional; without a network everything else still works.

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BENCH = fileURLToPath(new URL('..', import.meta.url));

export function install() {
  const done = `${BENCH}node_modules/.package-lock.json`;
  const lock = `${BENCH}package-lock.json`;
  if (existsSync(done) && statSync(done).mtimeMs >= statSync(lock).mtimeMs) return;
  console.log('installing the peers (once) …');
  const args = ['--prefix', BENCH, 'ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = spawnSync('npm', args, { cwd: BENCH, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error || status !== 0)
    console.log('npm could not install them: those that are missing are left out, and there are no charts');
}
