// docs/dependencies.md lists what an installed isthmus brings with it, with a reason for each: no more and no less.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './blocks.js';

interface Tree {
  readonly dependencies?: Record<string, Tree>;
}

const document = readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8');
const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
};

/** The rows of the nth table, without its head. */
function table(nth: number): string[][] {
  const tables = document.match(/(^\|.*\n)+/gm) ?? [];
  return (tables[nth] ?? '')
    .trim()
    .split('\n')
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const linked = (rows: string[][]): string[] =>
  rows.map(([cell]) => /^\[([^\]]+)\]/.exec(cell!)?.[1] ?? cell!);

test('every runtime dependency is there with its reason', () => {
  const rows = table(0);
  expect(linked(rows).sort()).toEqual(Object.keys(dependencies).sort());
  for (const [name, why] of rows) expect(why!.length, name).toBeGreaterThan(20);
});

test('so is every package that those bring along', () => {
  const words = ['ls', '--omit=dev', '--all', '--json', '--package-lock-only'];
  const tree = JSON.parse(
    execFileSync('npm', words, { cwd: ROOT, encoding: 'utf8', timeout: 50_000 }),
  ) as Tree;
  const found = new Set<string>();
  const collect = (of: Tree): void => {
    for (const [name, below] of Object.entries(of.dependencies ?? {})) {
      // One package with one binary for each platform.
      found.add(name.replace(/^(@msgpackr-extract\/msgpackr-extract-).*/, '$1*'));
      collect(below);
    }
  };
  collect(tree);
  const listed = table(1).map(([cell]) => cell!.replaceAll('`', ''));
  expect(listed.sort()).toEqual([...found].sort());
});

test('and every optional peer', () => {
  expect(linked(table(2)).sort()).toEqual(Object.keys(peerDependencies).sort());
});
