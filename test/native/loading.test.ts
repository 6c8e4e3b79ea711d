// What loading the package brings along: every millisecond of it is paid by each process that starts.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ROOT } from '../docs/blocks.js';
import { freshName } from '../processes/start.js';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-loading-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** `loaded(name)`: whether the script has brought this module of Node's, not Node itself. */
const HEAD = `
const first = new Set(process.moduleLoadList);
const loaded = (name) => process.moduleLoadList.includes('NativeModule ' + name) && !first.has('NativeModule ' + name);
`;

/** What a script prints. In a file: `node -e` has all of Node's modules loaded. */
function run(file: string, script: string): unknown {
  const path = join(folder, file);
  writeFileSync(path, HEAD + script);
  return JSON.parse(execFileSync(process.execPath, [path], { encoding: 'utf8', timeout: 30_000 }));
}

const SLOW = "['crypto', 'v8'].filter(loaded)";

test.each([
  ['require.cjs', `require(${JSON.stringify(join(ROOT, 'dist/index.js'))});`],
  ['import.mjs', `await import(${JSON.stringify(join(ROOT, 'dist/index.mjs'))});`],
])('%s brings neither node:crypto nor node:v8, which take long to load', (file, load) => {
  expect(run(file, `${load}\nconsole.log(JSON.stringify(${SLOW}));`)).toEqual([]);
});

test('nor do objects, until one needs node:v8; two that are made alike are told apart all the same', () => {
  const script = `
    const { inspect, Queue, SharedMap, unlink } = require(${JSON.stringify(join(ROOT, 'dist/index.js'))});
    const name = ${JSON.stringify(freshName())};
    const ids = [0, 1].map(() => {
      SharedMap.create(name, { maxBytes: 65536 }).close();
      const { instanceId } = inspect(name).header;
      unlink(name);
      return instanceId;
    });
    const before = ${SLOW};
    const queue = Queue.create(name, { codec: 'v8' });
    const opened = ${SLOW};
    queue.tryPut(new Map([[1, new Date(7)]]));
    const got = queue.tryGet();
    queue.close();
    unlink(name);
    console.log(JSON.stringify({ ids, before, opened, got: got.get(1).getTime() }));
  `;
  const { ids, ...rest } = run('objects.cjs', script) as { ids: string[] };
  expect(rest).toEqual({ before: [], opened: ['v8'], got: 7 });
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(ids).size).toBe(2);
});
