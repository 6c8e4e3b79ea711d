import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    setupFiles: ['test/sampling.ts'],
    // Each test file in a process of its own: the addon, its threads and the exit handlers are part of what we test.
    pool: 'forks',
    // Most of them wait most of the time.
    maxWorkers: Math.max(3, availableParallelism()),
    // Behind all watchdogs: on a machine with fewer cores than processes, that stands still now and then, a test takes many
    // times as long as alone.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    // The package is loaded by Node itself, as users load it: never transformed, never a second copy.
    server: { deps: { external: [/\/dist\//, /\.node$/] } },
  },
});
