// scripts/check-symbols.mjs passes the binary we have, and names what is wrong with others.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ROOT } from '../docs/blocks.js';

const home = mkdtempSync(join(tmpdir(), 'isthmus-symbols-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const check = (file: string) =>
  spawnSync(process.execPath, [join(ROOT, 'scripts/check-symbols.mjs'), file], {
    encoding: 'utf8',
    timeout: 30_000,
  });

/** A library made of a line of C. */
function library(name: string, source: string, ...flags: string[]): string {
  const file = join(home, `${name}.node`);
  writeFileSync(join(home, `${name}.c`), source);
  const words = ['-shared', '-fPIC', '-o', file, join(home, `${name}.c`), ...flags];
  const { status, stderr } = spawnSync('cc', words, { encoding: 'utf8', timeout: 30_000 });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return file;
}

const tools = ['cc', 'readelf'].every((name) => spawnSync(name, ['--version']).status === 0);

test.skipIf(!tools)('the built binary needs nothing newer than glibc 2.28', () => {
  const binary = join(ROOT, 'build/Release/isthmus.node');
  expect(existsSync(binary)).toBe(true);
  expect(check(binary)).toMatchObject({ status: 0, stderr: '' });
});

test.skipIf(!tools)('a newer symbol is named', () => {
  // Any version above the limit does; which functions have one depends on the C library that is linked here.
  const { status, stderr } = check(
    library('newer', '#include <semaphore.h>\nint napi_x(sem_t *s) { return sem_post(s); }', '-pthread'),
  );
  expect(status).toBe(1);
  expect(stderr).toMatch(/needs sem_post@GLIBC_2\.34, newer than GLIBC_2\.28|needs the library libpthread/);
});

test.skipIf(!tools)('a symbol that others could see is named', () => {
  const { status, stderr } = check(library('shown', 'int somebody_elses(void) { return 1; }'));
  expect(status).toBe(1);
  expect(stderr).toContain('it shows the symbol somebody_elses');
});

test('a file that is no library is an error', () => {
  const { status, stderr } = check(join(ROOT, 'README.md'));
  expect(status).toBe(1);
  expect(stderr).toMatch(/check-symbols: .*(README\.md|readelf)/);
});
