// Some files are mostly combinations that each start processes. Of their tests `npm test` runs one half, chosen by name,
// `ISTHMUS_TESTS=other` the other half (.ci/run does so on other versions of Node), and `npm run test:all` all.

import { beforeEach } from 'vitest';

const LONG =
  /test\/(adapters|cli|collections|demo|docs\/(readme|objects|recipes)|examples|stress|sync|values)\b|-deaths\.test|spsc-peers|messages\/(pipe|queue|wait-any)|memory\/(collect|lifetime|leaving|close|death-marks)/;

const { ISTHMUS_TESTS } = process.env;
const wanted = ISTHMUS_TESTS === 'all' ? undefined : ISTHMUS_TESTS === 'other' ? 1 : 0;

/** Spreads names over the two halves, the same way every time. */
function halfOf(name: string): number {
  let hash = 0;
  for (const char of name) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) | 0;
  return (hash ^ (hash >>> 7) ^ (hash >>> 15)) & 1;
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
  if (halfOf(name) !== wanted) skip('the other half: npm run test:all');
});
