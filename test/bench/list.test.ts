// The bench names all its suites and their goals without measuring, and without anything installed for it.

import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const BENCH = fileURLToPath(new URL('../../bench/', import.meta.url));

test.each([[], ['--quick']])('--list names every suite and its goals %j', (...options: string[]) => {
  const output = execFileSync(process.execPath, [`${BENCH}main.mjs`, '--list', ...options], {
    encoding: 'utf8',
  });
  const suites = output.split(/^(?=\S)/m);
  const named = suites.map((suite) => suite.split(':')[0]).sort();
  expect(named).toEqual(
    readdirSync(`${BENCH}suites`)
      .map((file) => file.replace('.mjs', ''))
      .sort(),
  );
  for (const suite of suites) expect(suite).toMatch(/goal: .+: (at most|1\/|worst)/);
});

test('a suite that does not exist is an error that names those that do', () => {
  const { status, stdout } = spawnSync(process.execPath, [`${BENCH}main.mjs`, 'spcs'], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stdout).toMatch(/"spcs"[\s\S]*spsc/);
});
