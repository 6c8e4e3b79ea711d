// Four processes fill an array in place, a quarter each; the parent reads it without a copy. Run: node shared-array.mjs

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SharedArray, unlink } from 'isthmus';

const PARTS = 4;
const squares = SharedArray.open('example-array', 'f64', 1_000_000);
const done = SharedArray.open('example-array-done', 'bool', PARTS);

if (process.argv[2] === 'fill') {
  const part = Number(process.argv[3]);
  const size = squares.length / PARTS;
  const { view } = squares; // a Float64Array: plain loads and stores on the shared pages
  for (let i = part * size; i < (part + 1) * size; i++) view[i] = i * i;
  done.set(part, true); // atomic: whoever sees this sees the quarter; and it wakes the parent
  squares.close();
  done.close();
} else {
  const self = fileURLToPath(import.meta.url);
  for (let part = 0; part < PARTS; part++) {
    spawn(process.execPath, [self, 'fill', String(part)], { stdio: 'inherit' });
  }
  for (let part = 0; part < PARTS; part++) {
    await done.waitFor(part, (filled) => filled, { timeout: 30_000 });
    console.log(`part ${part} is filled`);
  }
  const wrong = squares.view.findIndex((square, i) => square !== i * i);
  console.log(wrong < 0 ? `all ${squares.length} squares are right` : `number ${wrong} is wrong`);
  process.exitCode = wrong < 0 ? 0 : 1;

  squares.close();
  done.close();
  unlink('example-array');
  unlink('example-array-done');
}
