// The tests that run the programs of documents and comments (see blocks.ts for how).

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { TURN, takeTurn } from '../processes/alone.mjs';
import { type Block, groupsOf, makeHome, markdownBlocks, missingFor, ROOT, runGroup } from './blocks.js';

/** The Markdown files of a folder. */
export function documentsIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${folder}/${file}`)
    .sort();
}

/** A program that sweeps /dev/shm would take from other tests the orphans that they look for. */
const SWEEPS = /\{[^}]*\bcollect\b[^}]*\}.*\bisthmus\b/;

/** What runs groups of blocks as tests, in a folder of their own that goes when the tests of this file are over. */
export function runner(): (groups: readonly Block[][]) => void {
  const home = makeHome();
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  return (groups) => {
    for (const group of groups) {
      const missing = missingFor(group);
      const title = group.map(({ where }) => where).join(' with ');
      const alone = group.some(({ source }) => SWEEPS.test(source));
      test.skipIf(missing !== undefined)(
        title + (missing === undefined ? '' : ` (no ${missing} here)`),
        async () => {
          const endTurn = alone ? await takeTurn() : undefined;
          try {
            await runGroup(group, home);
          } finally {
            await endTurn?.();
          }
        },
        alone ? TURN : undefined,
      );
    }
  };
}

/** Tests for every program in some Markdown files. */
export function testDocuments(paths: readonly string[]): void {
  const runs = runner();
  for (const path of paths) describe(path, () => runs(groupsOf(markdownBlocks(path))));
}
