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
  const { status, stderr, error } = spawnSync('npm', args, { cwd: BENCH, encoding: 'utf8' });
  if (!error && status === 0) return;
  const why = error?.message ?? /npm error (.*)/.exec(stderr)?.[1] ?? `it ended with ${status}`;
  console.log(`npm could not install them (${why}): what is missing is left out, and there are no charts`);
}
