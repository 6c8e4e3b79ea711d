// Every program on the pages of the objects runs and prints what it says (see blocks.ts), and each object has its page.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as isthmus from '../../dist/index.mjs';
import { ROOT } from './blocks.js';
import { documentsIn, testDocuments } from './programs.js';

const pages = documentsIn('docs/objects');
testDocuments(pages);

/** What is exported and can be opened under a name. */
const objects = Object.entries(isthmus)
  .filter(([name, value]) => typeof value === 'function' && 'attach' in value && name !== 'Array')
  .map(([name]) => name);

/** Where the page of an object is: SharedMap in shared-map.md, RwLock in rwlock.md. */
function pageOf(name: string): string {
  return `${name.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase()}.md`.replace('rw-lock', 'rwlock');
}

describe('pages of objects', () => {
  test('there are objects to have pages', () => expect(objects).toContain('SharedMap'));

  test.each(objects)('%s has a page, which docs/README.md and the guide list', (name) => {
    expect(existsSync(join(ROOT, 'docs/objects', pageOf(name))), pageOf(name)).toBe(true);
    for (const list of ['docs/README.md', 'docs/guide.md'])
      expect(readFileSync(join(ROOT, list), 'utf8'), list).toContain(`(objects/${pageOf(name)})`);
  });

  test.each(pages)('%s is in the list, and says what it costs and where its source is', (path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    expect(text).toMatch(/^## What it costs$/m);
    const sources = [...text.slice(text.lastIndexOf('API: ')).matchAll(/`(lib\/[\w/-]+\.ts)`/g)];
    expect(sources).not.toEqual([]);
    for (const [, file] of sources) expect(existsSync(join(ROOT, file!)), file).toBe(true);
    expect(readFileSync(join(ROOT, 'docs/README.md'), 'utf8')).toContain(`(${path.slice('docs/'.length)})`);
  });

  test.each(pages.filter((path) => !path.endsWith('/messages.md')))(
    '%s says what happens when a process dies',
    (path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      expect(text).toMatch(/^## (When a process dies|What a death loses)$/m);
    },
  );
});
