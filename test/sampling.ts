// Some files are mostly combinations that each start processes. Of their tests `npm test` runs one part of
// six, chosen by name; `ISTHMUS_TESTS=1` to `=5` run the others (.ci/run does so on other versions of Node), and
// `npm run test:all` all.

import { beforeEach } from 'vitest';

const LONG =
  /test\/(adapters|cli|collections|demo|docs\/(readme|objects|recipes)|examples|stress|sync|values)\b|-deaths\.test|spsc-peers|messages\/(pipe|queue|wait-any)|memory\/(collect|lifetime|leaving|close|death-marks)/;

const { ISTHMUS_TESTS } = process.env;
const wanted = ISTHMUS_TESTS === 'all' ? undefined : Number(ISTHMUS_TESTS ?? 0);

const PARTS = 6;

/** Whole products of kinds, forms and ways of dying, a thousand processes: of each part only a third. */
const PRODUCTS = /test\/sync\/waiting\b/;

/** Spreads names over `parts`, the same way every time. */
function partOf(name: string, parts: number): number {
  let hash = 0;
  for (const char of name) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) | 0;
  return ((hash ^ (hash >>> 7) ^ (hash >>> 15)) >>> 0) % parts;
}

beforeEach(({ task, skip }) => {
  if (wanted === undefined || !LONG.test(task.file.filepath)) return;
  let name = '';
  for (
    let part: { name: string; suite?: { name: string } | undefined } | undefined = task;
    part;
    part = part.suite
  )
    name = `${part.name} > ${name}`;
  const parts = PRODUCTS.test(task.file.filepath) ? 3 * PARTS : PARTS;
  if (partOf(name, parts) !== wanted) skip('another part: npm run test:all');
});
