// A share of the schedules and crash points; all of them: npm run test:interleave. How it works: docs/testing.md.

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const MAIN = new URL('./main.mjs', import.meta.url).pathname;

interface Result {
  readonly what: string;
  readonly variant: string;
  readonly error?: string;
  readonly replay?: unknown;
}

test.each([
  ['lock', 0.02],
  ['value', 0.03],
  ['spsc,closing', 0.01],
  ['lifetimes', 0.05],
])(
  'every promise holds under every schedule tried, and at every crash point: %s',
  async (only, share) => {
    const child = spawn(process.execPath, [MAIN, '--json', `--only=${only}`, `--share=${share}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { schedules, points, results } = JSON.parse(await text(child.stdout)) as {
      schedules: number;
      points: number;
      results: Result[];
    };
    // With what to replay it: npm run test:interleave -- --replay='FILE|VARIANT|REPLAY'
    expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(schedules).toBeGreaterThan(1000);
    expect(points).toBeGreaterThan(50);
  },
  280_000,
);
