// Every program in README.md, in the guides and in the comments of lib/ runs and prints what it says (see blocks.ts).

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type Block,
  commentBlocks,
  groupsOf,
  makeHome,
  markdownBlocks,
  missingFor,
  ROOT,
  runGroup,
  sourcesBelow,
} from './blocks.js';

const home = makeHome();
afterAll(() => rmSync(home, { recursive: true, force: true }));

function runs(groups: readonly Block[][]): void {
  for (const group of groups) {
    const missing = missingFor(group);
    const title = group.map(({ where }) => where).join(' with ');
    test.skipIf(missing !== undefined)(title + (missing === undefined ? '' : ` (no ${missing} here)`), () =>
      runGroup(group, home),
    );
  }
}

const documents = ['README.md', 'docs/guide.md', 'docs/from-python.md'];
for (const path of documents) describe(path, () => runs(groupsOf(markdownBlocks(path))));

describe('comments in lib/', () => {
  const blocks = sourcesBelow('lib').flatMap(commentBlocks);
  runs(groupsOf(blocks));

  test('every kind of object has an example', () => {
    const found = new Set(
      blocks.filter(({ language }) => language === 'js').map(({ where }) => where.split(':')[0]),
    );
    for (const file of [
      'values/value',
      'values/shared-array',
      'values/shared-struct',
      'messages/spsc-queue',
      'messages/queue',
      'memory/shared-memory',
      'sync/semaphore',
      'sync/lock',
      'sync/rlock',
      'sync/rwlock',
      'sync/permit-pool',
      'sync/event',
      'sync/condition',
      'sync/barrier',
      'messages/wait-any',
    ])
      expect(found, file).toContain(`lib/${file}.ts`);
  });
});

describe('documents', () => {
  const all = [...documents, 'CHANGELOG.md', 'examples/README.md'].concat(
    ['command', 'layout', 'guarantees', 'security', 'decisions', 'dependencies', 'performance'].map(
      (name) => `docs/${name}.md`,
    ),
  );

  test.each(all)('%s: links lead somewhere', (path) => {
    const text = readFileSync(join(ROOT, path), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target!)) continue;
      const [file, anchor] = target!.split('#') as [string, string | undefined];
      const full = file === '' ? join(ROOT, path) : join(ROOT, dirname(path), file);
      expect(existsSync(full), `${path} links to ${target}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(full), `${path} links to ${target}`).toContain(anchor);
    }
  });

  test('the table of errors in the guide has every code, and no other', () => {
    const guide = readFileSync(join(ROOT, 'docs/guide.md'), 'utf8');
    const errors = readFileSync(join(ROOT, 'lib/errors.ts'), 'utf8');
    const codes = (text: string): string[] => [...new Set(text.match(/\bERR_ISTHMUS_\w+/g))].sort();
    expect(codes(guide.slice(guide.indexOf('\n## Errors')))).toEqual(codes(errors));
  });

  test('npm scripts and test files that are mentioned exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const path of all) {
      const text = readFileSync(join(ROOT, path), 'utf8');
      for (const [, name] of text.matchAll(/npm run ([\w:-]+)/g))
        expect(Object.keys(scripts), path).toContain(name);
      for (const [file] of text.matchAll(/\btest\/[\w./-]+\.(?:test\.ts|ts|mjs)\b/g))
        expect(existsSync(join(ROOT, file)), `${path} mentions ${file}`).toBe(true);
    }
  });
});

/** As GitHub makes them from headings. */
function anchorsOf(path: string): string[] {
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, text]) =>
    text!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
