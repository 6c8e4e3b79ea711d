// Holds the whole run to its promise: /dev/shm is afterwards what it was before.
//
// Another run, a demo or any other program may use /dev/shm at the same time. What a living process outside this
// run has open is its own affair; processes of this run are known by a mark in their environment.

import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const directory = '/dev/shm';
const patience = 20_000; // the last killed children may still be on their way out, on a machine that stands still now and then
const mark = `ISTHMUS_TEST_RUN=${process.pid}-${Date.now().toString(36)}`;

export default function setup(): () => Promise<void> {
  const before = new Set(snapshot().keys());
  const [name, value] = mark.split('=') as [string, string];
  process.env[name] = value;

  return async function teardown() {
    const deadline = performance.now() + patience;
    let left: string[] = [];
    // What comes and goes belongs to somebody who is at work; a leftover stays as it is.
    let candidates = snapshot();
    do {
      const now = snapshot();
      candidates = new Map([...candidates].filter(([file]) => now.has(file)));
      left = [...candidates].filter(([file]) => !before.has(file)).map(([, name]) => name);
      if (left.length === 0) return;
      await sleep(50);
    } while (performance.now() < deadline);

    const foreign = heldByOthers();
    left = left.filter((name) => !foreign.has(name));
    if (left.length === 0) return;
    // Vitest reports what a teardown throws, but its exit code does not always tell.
    process.exitCode = 1;
    throw new Error(
      `the tests left ${left.length} file(s) in ${directory}: ${left.map(describe).join(', ')}`,
    );
  };
}

/** Every file, told apart by name and inode: a name that is used again is another file. */
function snapshot(): Map<string, string> {
  const files = new Map<string, string>();
  for (const name of readdirSync(directory)) {
    try {
      files.set(`${lstatSync(`${directory}/${name}`).ino} ${name}`, name);
    } catch {
      // gone between the two calls
    }
  }
  return files;
}

/**
 * The names that living processes outside this run have open or mapped: by inode, for a file that was made without a
 * name is shown without one to its maker.
 */
function heldByOthers(): Set<string> {
  const names = new Set<string>();
  const nameOf = new Map([...snapshot()].map(([file, name]) => [Number(file.split(' ')[0]), name]));
  const add = (path: string, inode: number) => {
    const name = nameOf.get(inode);
    if (name !== undefined && path.startsWith(`${directory}/`)) names.add(name);
  };
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark)) continue;
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const link = `/proc/${pid}/fd/${fd}`;
        add(readlinkSync(link), statSync(link).ino);
      }
      for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
        const at = line.indexOf(`${directory}/`);
        if (at >= 0) add(line.slice(at), Number(line.split(/\s+/)[4]));
      }
    } catch {
      // ended meanwhile, or another user's
    }
  }
  return names;
}

function describe(name: string): string {
  try {
    const { size, uid } = lstatSync(`${directory}/${name}`);
    return `${JSON.stringify(name)} (${size} bytes, uid ${uid})`;
  } catch {
    return JSON.stringify(name);
  }
}
