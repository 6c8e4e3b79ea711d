/** Loads the addon, and explains itself when that fails. */

import { existsSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import nodeGypBuild from 'node-gyp-build';
import { NativeError } from '../errors.js';
import { FACE, type Native } from './binding.js';

const ROOT = join(__dirname, '..', '..');

function load(): Native {
  if (process.platform !== 'linux') {
    throw new NativeError(`isthmus runs on Linux only (futexes, /dev/shm); this is ${process.platform}`);
  }
  if (endianness() !== 'LE')
    throw new NativeError('isthmus needs a little-endian machine: its layout is little-endian');
  if (process.versions.electron !== undefined) {
    throw new NativeError(
      'Electron refuses external ArrayBuffers, without which memory cannot be shared; run isthmus in a Node.js process',
    );
  }
  let native: Native;
  try {
    native = nodeGypBuild(ROOT) as Native;
  } catch (cause) {
    throw new NativeError(explain(cause), { cause });
  }
  if (native.face === FACE) return native;
  throw new NativeError(
    `the native part that was found in ${ROOT} is of another version (it says ${native.face ?? 'nothing'}, not ${FACE}): build it again (npm run build), or remove build/ and prebuilds/ there and install again`,
  );
}

function explain(cause: unknown): string {
  const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
  const libc = isMusl() ? 'musl' : 'glibc';
  const lines = [
    `isthmus could not load its native part for ${process.platform}-${process.arch} (${libc}), Node ${process.versions.node}: ${reason}`,
    'Possible solutions:',
  ];
  const prebuilt = existsSync(join(ROOT, 'prebuilds', `${process.platform}-${process.arch}`));
  if (libc === 'musl') {
    lines.push(
      '- the binaries that come with the package are for glibc 2.28 or newer; with musl it is built here:',
    );
  } else if (prebuilt) {
    lines.push(
      '- a prebuilt binary is there but does not load; it needs glibc 2.28 or newer: see the reason above',
    );
  } else {
    lines.push('- no prebuilt binary for this platform came with the package');
  }
  lines.push(
    `- build it from source (needs make, a C++17 compiler and Python 3${libc === 'musl' ? '; on Alpine: apk add g++ make python3' : ''}): ` +
      `cd ${ROOT} && npm install --no-save node-gyp node-addon-api node-api-headers && npm run build:native`,
    '- if node_modules was copied from another machine, install again on this one',
  );
  return lines.join('\n');
}

function isMusl(): boolean {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report !== undefined && report.header?.glibcVersionRuntime === undefined;
}

/** The addon. One instance per environment: the main thread and each worker have their own. */
export const native: Native = load();
