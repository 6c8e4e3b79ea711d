// Holds the whole run to its promise: /dev/shm is afterwards what it was before.

import { lstatSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const directory = '/dev/shm';
const patience = 5_000; // the last killed children may still be on their way out

export default function setup(): () => Promise<void> {
  const before = new Set(readdirSync(directory));

  return async function teardown() {
    const leftovers = () => readdirSync(directory).filter((name) => !before.has(name));
    const deadline = performance.now() + patience;
    while (leftovers().length > 0 && performance.now() < deadline) await sleep(50);

    const left = leftovers();
    if (left.length === 0) return;
    // Vitest reports what a teardown throws, but its exit code does not always tell.
    process.exitCode = 1;
    throw new Error(
      `the tests left ${left.length} file(s) in ${directory}: ${left.map(describe).join(', ')}`,
    );
  };
}

function describe(name: string): string {
  try {
    const { size, uid } = lstatSync(`${directory}/${name}`);
    return `${name} (${size} bytes, uid ${uid})`;
  } catch {
    return name;
  }
}
