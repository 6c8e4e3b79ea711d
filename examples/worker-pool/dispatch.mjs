// The dispatcher: hands out every file of a tree, and prints one line for each when all results are there: SHA-256, size
// after gzip, lines, path. Start workers before, meanwhile or after. Run: node dispatch.mjs DIRECTORY

import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openJobs, openResults } from './queues.mjs';

const tree = process.argv[2];
if (tree === undefined) {
  console.error('usage: node dispatch.mjs DIRECTORY');
  process.exit(2);
}

async function filesBelow(directory) {
  const files = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(path)));
    else if (entry.isFile()) files.push(path);
  }
  return files;
}

const paths = (await filesBelow(resolve(tree))).sort();
const jobs = openJobs();
const results = openResults();
/** Of this dispatcher: what an earlier one asked for, before it was killed, may still come. */
const run = randomUUID();

async function handOut() {
  for (const [id, path] of paths.entries()) await jobs.put({ run, id, path }); // waits while the queue is full
  console.error(`${paths.length} files handed out`);
}

/** A job is done at least once, so its result may come twice; its number tells. */
async function collect() {
  const found = new Map();
  let twice = 0;
  while (found.size < paths.length) {
    const result = await results.get();
    if (result.run !== run) continue;
    if (found.has(result.id)) twice++;
    else found.set(result.id, result);
  }
  return { found, twice };
}

const [{ found, twice }] = await Promise.all([collect(), handOut()]);
jobs.end(); // the workers see it and leave
jobs.close();
results.close();

let failed = 0;
let again = 0;
for (const [id, path] of paths.entries()) {
  const { sha256, gzip, lines, attempt, error } = found.get(id);
  if (attempt > 1) again++;
  if (sha256 !== undefined) {
    console.log(`${sha256} ${gzip} ${lines} ${path}`);
    continue;
  }
  failed++; // a job that came back as it went out was a dead letter
  console.log(`FAILED ${path}: ${error ?? 'every worker that took it died'}`);
}
console.error(`${again} by another worker than the first; ${twice} results came twice; ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
