// The report on the public API (scripts/api.mjs) is held: a copy of the package whose face differs fails the lint.

import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { copyOf } from './copy.js';

// A compiler runs in each of them.
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

test('a change of the face fails until the report says it, too', () => {
  const copy = copyOfPackage();
  const before = readFileSync(join(copy, 'api/index.api.md'), 'utf8');
  appendFileSync(join(copy, 'dist/index.d.ts'), '\nexport declare function added(to: number): number;\n');
  const changed = api(copy, '--check');
  expect(changed.status).toBe(1);
  expect(changed.output).toContain(`the public API of 'isthmus' is not what api/index.api.md says`);
  expect(changed.output).toContain('npm run api');
  expect(readFileSync(join(copy, 'api/index.api.md'), 'utf8')).toBe(before);

  expect(api(copy).status).toBe(0);
  expect(readFileSync(join(copy, 'api/index.api.md'), 'utf8')).toContain('added(to: number): number');
  expect(api(copy, '--check')).toEqual({ status: 0, output: '' });
});

test('a public type that names one that is not exported is an error, and so is a report that is not there', () => {
  const copy = copyOfPackage();
  rmSync(join(copy, 'api/keyv.api.md'));
  writeFileSync(join(copy, 'dist/hidden.d.ts'), 'export interface Hidden { n: number }\n');
  const use = `\nimport type { Hidden } from './hidden.js';\nexport declare function shown(): Hidden;\n`;
  appendFileSync(join(copy, 'dist/index.d.ts'), use);
  const { status, output } = api(copy, '--check');
  expect(status).toBe(1);
  expect(output).toContain('The symbol "Hidden" needs to be exported');
  expect(output).toContain('api/keyv.api.md says: there is no such file');
});
