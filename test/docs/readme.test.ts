// Every program in README.md, in the guides and in the comments of lib/ runs and prints what it says (see blocks.ts).

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commentBlocks, groupsOf, ROOT, sourcesBelow } from './blocks.js';
import { documentsIn, runner, testDocuments } from './programs.js';

/** Whose programs are run here; those of docs/objects and docs/recipes have tests of their own. */
const documents = [
  'README.md',
  'docs/start.md',
  'docs/guide.md',
  'docs/command-line.md',
  'docs/from-python.md',
];
testDocuments(documents);

describe('comments in lib/', () => {
  const blocks = sourcesBelow('lib').flatMap(commentBlocks);
  runner()(groupsOf(blocks));

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
  const all = [
    ...['README.md', 'CHANGELOG.md', 'examples/README.md'],
    ...['docs', 'docs/objects', 'docs/recipes'].flatMap(documentsIn),
  ];

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

  test('README.md: until two programs share a value there is little to read and type', () => {
    const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const end = text.indexOf('They share four bytes.');
    expect(end).toBeGreaterThan(0);
    const start = text.slice(0, end);
    expect(start.match(/\S+/g)!.length).toBeLessThan(190); // under a minute, at 220 words a minute
    const code = [...start.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
    expect(code).toHaveLength(3);
    expect(code.join('').length).toBeLessThan(420);
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
