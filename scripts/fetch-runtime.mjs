// Runtimes as npm packages, fetched once and kept under node_modules/.cache (or where ISTHMUS_RUNTIMES says).

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache =
  process.env.ISTHMUS_RUNTIMES ?? fileURLToPath(new URL('../node_modules/.cache/nodes', import.meta.url));

/** The `node` of a version; undefined when there is none to be had. `arch`: another one than this machine's. */
export function fetchNode(version, arch = process.arch) {
  const folder = arch === process.arch ? version : `${version}-${arch}`;
  return fetchBinary(`node-${process.platform}-${arch}`, version, 'bin/node', folder, arch);
}

/** Where `binary` of an npm package is, installed if it is not there yet; undefined when that fails. */
export function fetchBinary(name, version, binary, folder, arch = process.arch) {
  const prefix = resolve(cache, folder);
  const file = join(prefix, 'node_modules', name, binary);
  const there = () =>
    existsSync(file) && (arch !== process.arch || spawnSync(file, ['--version']).status === 0);
  if (there()) return file;
  mkdirSync(prefix, { recursive: true });
  console.log(`getting ${name}@${version} from npm`);
  const options = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
  // npm refuses a package for another processor otherwise.
  const foreign = arch === process.arch ? [] : [`--cpu=${arch}`, '--force', '--loglevel=error'];
  spawnSync('npm', ['install', ...options, ...foreign, '--prefix', prefix, `${name}@${version}`], {
    cwd: prefix,
    stdio: 'inherit',
  });
  return there() ? file : undefined;
}
