// bench/results/latest.json: for each suite what its last run has found, and on what.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../results/latest.json', import.meta.url));

export function readResults() {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return { suites: [] };
  }
}

/** Puts a suite in the place of its last run. `order`: names of all suites. */
export function saveSuite(suite, order) {
  const { suites } = readResults();
  const all = [...suites.filter(({ name }) => name !== suite.name), suite];
  all.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  mkdirSync(fileURLToPath(new URL('../results', import.meta.url)), { recursive: true });
  writeFileSync(FILE, `${JSON.stringify({ suites: all }, null, 1)}\n`);
}
