// The report on the public API (scripts/api.mjs) is held: a copy of the package whose face differs fails the lint.

import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { copyOf } from './copy.js';

// A compiler runs in it, for each face.
vi.setConfig({ testTimeout: 300_000 });

const copyOfPackage = (): string => copyOf('api', 'dist', 'package.json', 'tsconfig.json', 'scripts/api.mjs');

function api(copy: string, ...args: string[]): { status: number | null; output: string } {
  const command = [join(copy, 'scripts/api.mjs'), ...args];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, command, {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (error) throw error;
  return { status, output: stdout + stderr };
}

test('a change of the face fails until the report says it; so do a type that is not exported, and a report that is not there', () => {
  const copy = copyOfPackage();
  const before = readFileSync(join(copy, 'api/index.api.md'), 'utf8');
  writeFileSync(join(copy, 'dist/hidden.d.ts'), 'export interface Hidden { n: number }\n');
  const changes = [
    'export declare function added(to: number): number;',
    `import type { Hidden } from './hidden.js';`,
    'export declare function shown(): Hidden;',
  ];
  appendFileSync(join(copy, 'dist/index.d.ts'), `\n${changes.join('\n')}\n`);
  rmSync(join(copy, 'api/keyv.api.md'));
  const { status, output } = api(copy, '--check');
  expect(status).toBe(1);
  expect(output).toContain(`the public API of 'isthmus' is not what api/index.api.md says`);
  expect(output).toContain('npm run api');
  expect(output).toContain('The symbol "Hidden" needs to be exported');
  expect(output).toContain('api/keyv.api.md says: there is no such file');
  expect(readFileSync(join(copy, 'api/index.api.md'), 'utf8')).toBe(before);
});
