// A share of the scenarios, their schedules, crash points and stops; all of them: npm run test:interleave. How it works:
// docs/testing.md.

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const MAIN = new URL('./main.mjs', import.meta.url).pathname;
const FAMILIES = [
  'lock',
  'lock-deaths',
  'value',
  'spsc',
  'pipe',
  'pipe-deaths',
  'edges',
  'closing',
  'lifetimes',
  'pool',
  'rlock',
  'rwlock',
  'event',
  'condition',
  'barrier',
  'any',
  'queue',
  'struct',
  'map',
  'list',
];

interface Result {
  readonly file: string;
  readonly variant: string;
  readonly crashes: number;
  readonly error?: string;
  readonly replay?: unknown;
}

test('every promise holds under every schedule tried, at every crash point and every stop', async () => {
  const words = ['--json', `--only=${FAMILIES}`, '--every=10', '--share=0.006'];
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { schedules, crashes, stops, results } = JSON.parse(await text(child.stdout)) as {
    schedules: number;
    crashes: number;
    stops: number;
    results: Result[];
  };
  // With what to replay it: npm run test:interleave -- --replay='FILE|VARIANT|REPLAY'
  expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
  for (const family of FAMILIES) {
    const points = results.filter(({ file }) => file === family).map((result) => result.crashes);
    expect(Math.min(...points), family).toBeGreaterThan(5);
  }
  expect(schedules).toBeGreaterThan(8000);
  expect(crashes).toBeGreaterThan(1000);
  expect(stops).toBeGreaterThan(500);
}, 280_000);
