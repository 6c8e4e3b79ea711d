// Bytes of objects are overwritten, before and while they are used. Every call must give the right answer, a documented
// error or a wait that ends: never a crash, an endless loop or an absurd allocation. Much more of it: npm run fuzz.

import { afterAll, describe, expect, test } from 'vitest';
import { hold, Victim } from './cases.mjs';
import { KINDS } from './kinds.mjs';

const kinds = Object.keys(KINDS);
/** Two processes for the cases, as many as there are test files at a time. */
const victims = [new Victim(), new Victim()];
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);

/** ms: a case that hangs is found by the watchdog, and made smaller, before the test is given up. */
const PATIENCE = 300_000;

afterAll(() => Promise.all(victims.map((victim) => victim.stop())));

describe.each([
  ['before', 5],
  ['during', 12],
  ['storm', 1],
] as const)('overwritten, %s', (family, numRuns) => {
  test.concurrent.each([0, 1])(
    'kinds of half %i',
    async (half) => {
      for (const kind of kinds.filter((_, index) => index % 2 === half)) {
        expect(await hold(victims[half]!, family, kind, { seed, numRuns, ms: 60 })).toBeUndefined();
      }
    },
    PATIENCE,
  );
});
