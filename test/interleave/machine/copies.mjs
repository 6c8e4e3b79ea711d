// Copies of the built package, changed: with a step before each store into memory, or with a fault in it.

import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = new URL('../../..', import.meta.url).pathname;
/** Of this process alone: two runs may go on at once. */
const HOME = join(ROOT, 'build-interleave', String(process.pid));

/** A copy below build-interleave/, which finds the same addon; its dist directory. */
export function copyPackage(name) {
  const home = join(HOME, name);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  cpSync(join(ROOT, 'dist'), join(home, 'dist'), { recursive: true });
  for (const folder of ['build', 'prebuilds']) {
    if (existsSync(join(ROOT, folder))) symlinkSync(join(ROOT, folder), join(home, folder));
  }
  writeFileSync(join(home, 'package.json'), readFileSync(join(ROOT, 'package.json')));
  return join(home, 'dist');
}

export function removeCopies() {
  rmSync(HOME, { recursive: true, force: true });
  try {
    rmdirSync(dirname(HOME));
  } catch {
    // never made, or another run's copies are there
  }
}

/** Files in which a store may go to shared memory. */
const STORING = [
  'messages/framing.js',
  'messages/ring-writer.js',
  'messages/ring-reader.js',
  'messages/queue-blocks.js',
  'messages/queue-jobs.js',
  'messages/queue-core.js',
  'messages/queue-puts.js',
  'messages/queue-takes.js',
  'values/cells.js',
  'values/struct-text.js',
  ...['undo-log', 'heap', 'map-core', 'map-growth', 'map-journal', 'map-room', 'map-stamps', 'map-table'].map(
    (file) => `collections/${file}.js`,
  ),
  'collections/map-writer.js',
  'collections/map-reader.js',
  ...['reader', 'ring', 'trash', 'writer'].map((file) => `collections/list-${file}.js`),
  'collections/store-values.js',
];
/** Files in which a plain load from shared memory may meet a change: readers that look twice. */
const LOADING = new Set(['collections/map-table.js', 'collections/map-reader.js']);
const SHARED = /(memory|bytes)$/;
/** Limits above which many values are dealt with in another way: in a copy, few are many. */
const LIMITS = {
  'collections/list-writer.js': { FEW: 2, FREE_MOST: 2 },
  'collections/list-trash.js': { FREE_STEP: 1 },
};
/** Methods that store many elements at once. */
const BULK = new Set(['set', 'fill', 'copyWithin', 'write']);

/**
 * Puts a step before every store into a typed array, and before loads where they matter: they lie between the Atomics,
 * where nothing else can intercept.
 */
export async function stepStores(dist) {
  const { default: ts } = await import('typescript');
  let count = 0;
  for (const file of STORING) {
    const path = join(dist, file);
    const text = Object.entries(LIMITS[file] ?? {}).reduce(
      (all, [name, value]) => all.replace(new RegExp(`(const ${name} = )\\d+;`), `$1${value};`),
      readFileSync(path, 'utf8'),
    );
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
    const places = [];
    const visit = (node) => {
      const assigns = (one) =>
        ts.isBinaryExpression(one) &&
        one.operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
        one.operatorToken.kind <= ts.SyntaxKind.LastAssignment;
      const stores =
        (assigns(node) && ts.isElementAccessExpression(node.left)) ||
        (ts.isCallExpression(node) &&
          ts.isPropertyAccessExpression(node.expression) &&
          BULK.has(node.expression.name.text));
      const loads =
        LOADING.has(file) &&
        ts.isElementAccessExpression(node) &&
        SHARED.test(node.expression.getText(source)) &&
        !(assigns(node.parent) && node.parent.left === node);
      if (stores || loads) places.push([node.getStart(source), node.getEnd()]);
      ts.forEachChild(node, visit);
    };
    visit(source);
    count += places.length;
    const inserts = places.flatMap(([start, end]) => [
      [start, '(__step(), '],
      [end, ')'],
    ]);
    inserts.sort(([a], [b]) => b - a);
    writeFileSync(
      path,
      inserts.reduce((all, [at, what]) => all.slice(0, at) + what + all.slice(at), text),
    );
  }
  if (count < 5) throw new Error(`only ${count} stores were found: has the package moved?`);
  return count;
}
