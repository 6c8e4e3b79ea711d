// A small share of each heavy load, so that the loads themselves keep working; all of them: npm run stress.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { TURN } from '../processes/alone.mjs';

const MAIN = new URL('./main.mjs', import.meta.url).pathname;

test.concurrent.each([
  ['messages', 0.001],
  ['takeovers', 0.004],
  ['ledger', 0.015],
  ['streams', 0.006],
  ['queue', 0.01],
  ['lifetimes', 0.1],
  ['maps', 0.02],
])(
  '%s',
  async (module, share) => {
    const child = spawn(process.execPath, [MAIN, `--only=${module}`, `--share=${share}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const output = await text(child.stdout);
    expect(output).not.toContain('FAILED');
    expect((await exited)[0], output).toBe(0);
  },
  TURN, // one of them waits for its turn
);
