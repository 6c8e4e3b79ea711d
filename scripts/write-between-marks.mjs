// Tables that a script measures stand in documents between two comments, so that they can be written again.

import { readFileSync, writeFileSync } from 'node:fs';

/** Replaces what stands between `<!-- NAME: begin … -->` and `<!-- NAME: end -->`. */
export function writeBetweenMarks(path, name, text) {
  const old = readFileSync(path, 'utf8');
  const marks = new RegExp(`(<!-- ${name}: begin\\b[^>]*-->)[\\s\\S]*?(<!-- ${name}: end -->)`);
  if (!marks.test(old)) throw new Error(`${path} has no marks "${name}: begin" and "${name}: end"`);
  writeFileSync(
    path,
    old.replace(marks, (_, begin, end) => `${begin}\n\n${text}\n\n${end}`),
  );
}
