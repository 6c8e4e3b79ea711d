// node test/torture/faults.mjs [--only=WORD] [--minutes=N]: deliberate faults, one after the other in a copy of the built
// package, each of which a load must report. A harness that cannot fail proves nothing.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FAULTS } from './faults-list.mjs';

const ROOT = new URL('../..', import.meta.url).pathname;
const { values: options } = parseArgs({
  options: { only: { type: 'string', default: '' }, minutes: { type: 'string', default: '0.5' } },
});

function run([name, load, file, find, replacement]) {
  const home = mkdtempSync(join(tmpdir(), 'torture-'));
  try {
    for (const folder of ['dist', 'build', 'test/torture', 'test/processes', 'test/collections'])
      cpSync(join(ROOT, folder), join(home, folder), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'));
    cpSync(join(ROOT, 'package.json'), join(home, 'package.json'));
    const path = join(home, 'dist', file);
    const text = readFileSync(path, 'utf8');
    if (text.split(find).length !== 2) throw new Error(`'${name}': ${file} has changed`);
    writeFileSync(
      path,
      text.replace(find, () => replacement),
    );
    const words = [`--only=${load}`, `--minutes=${options.minutes}`, '--seed=faults', '--patience=15'];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(home, 'test/torture/main.mjs'), ...words],
      {
        encoding: 'utf8',
        maxBuffer: 1 << 26,
      },
    );
    // The actor that has found it says so; otherwise it is the harness.
    const said = [...stderr.matchAll(/\): (\w*Error.*)/g)].map(([, what]) => what)[0];
    const failed = stdout.match(/FAILED: (.*)/)?.[1];
    return status === 1 ? `caught  ${(said ?? failed ?? stdout).slice(0, 150)}` : 'MISSED';
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

let missed = 0;
for (const fault of FAULTS) {
  const [name, load] = fault;
  if (!`${name} ${load}`.includes(options.only)) continue;
  const result = run(fault);
  if (result === 'MISSED') missed++;
  console.log(`${load.padEnd(10)} ${name.padEnd(58)} ${result}`);
}
process.exit(missed === 0 ? 0 : 1);
