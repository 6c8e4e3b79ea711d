// Every program in the recipes runs and prints what it says (see blocks.ts).

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from './blocks.js';
import { documentsIn, testDocuments } from './programs.js';

const recipes = documentsIn('docs/recipes');
testDocuments(recipes);

describe('recipes', () => {
  test.each(recipes)(
    '%s says its goal, what a kill does and what to beware of, and is in the list',
    (path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      expect(text).toContain('\n**Goal:**');
      expect(text).toMatch(/^## What happens on kill -9/m);
      expect(text).toMatch(/^## Pitfalls$/m);
      expect(readFileSync(join(ROOT, 'docs/README.md'), 'utf8')).toContain(`(${path.slice('docs/'.length)})`);
    },
  );
});
