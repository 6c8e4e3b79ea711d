// isthmus bench: figures of every subject, and nothing left behind. How good they are is not for tests to say.

import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventually, isthmus, start } from './command.js';

function left(pid: number): string[] {
  return readdirSync('/dev/shm').filter((name) => name.startsWith(`isthmus-bench-${pid}-`));
}

test('every subject has a median between the least and the most', async () => {
  const bench = start(['bench', '--json']);
  const { code, stdout, stderr } = await bench.outcome();
  if (code === 1) return expect(stderr).toMatch(/too busy to measure/); // which this machine may be
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { figures } = JSON.parse(stdout.toString());
  expect(figures).toHaveLength(10);
  for (const { median, least, most, perSecond, rounds } of figures) {
    expect(least).toBeGreaterThan(0);
    expect(median).toBeGreaterThanOrEqual(least);
    expect(most).toBeGreaterThanOrEqual(median);
    expect(perSecond).toBeGreaterThan(0);
    expect(rounds).toBeGreaterThan(0);
  }
  expect(left(bench.child.pid!)).toEqual([]);
});

test('interrupted: exit code 130, and nothing is left', async () => {
  const bench = start(['bench']);
  const pid = bench.child.pid!;
  await eventually('it measures something', () => left(pid).length > 0);
  bench.child.kill('SIGINT');
  expect((await bench.outcome()).code).toBe(130);
  await eventually('nothing is left', () => left(pid).length === 0);
});

test('an option that there is not', async () => {
  expect((await isthmus(['bench', '--fast'])).code).toBe(2);
});
