// The deliberate faults (npm run test:mutants, node test/torture/faults.mjs) are found in the code as it is. That they are
// caught is for those commands; this keeps them from being forgotten when the code moves.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Fault {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  /** Of several places the first. */
  readonly first?: boolean;
}

const DIST = new URL('../../dist/', import.meta.url);

function misfits(faults: readonly Fault[]): string[] {
  return faults.flatMap(({ name, file, find, first = false }) => {
    const url = new URL(file, DIST);
    const places = existsSync(url) ? readFileSync(url, 'utf8').split(find).length - 1 : 0;
    return places === 1 || (first && places > 1) ? [] : [`${name}: '${find}' is ${places} times in ${file}`];
  });
}

test('every deliberate fault of the interleaving machine fits the code', async () => {
  const lists = readdirSync(new URL('.', import.meta.url)).filter((file) => /^mutants-.*\.mjs$/.test(file));
  const faults: Fault[] = [];
  for (const list of lists)
    for (const some of Object.values(await import(new URL(list, import.meta.url).href)))
      faults.push(...(some as Fault[]));
  expect(faults.length).toBeGreaterThan(100);
  expect(misfits(faults)).toEqual([]);
});

test('every deliberate fault of the torture fits the code', async () => {
  const { FAULTS } = (await import(new URL('../torture/faults-list.mjs', import.meta.url).href)) as {
    FAULTS: readonly (readonly [name: string, load: string, file: string, find: string])[];
  };
  expect(FAULTS.length).toBeGreaterThan(30);
  expect(misfits(FAULTS.map(([name, , file, find]) => ({ name, file, find })))).toEqual([]);
});

test('a fault that fits nowhere is named', () => {
  const fault = { name: 'forgotten', file: 'sync/lock.js', find: 'no such line' };
  expect(misfits([fault])).toEqual([`forgotten: 'no such line' is 0 times in sync/lock.js`]);
});
