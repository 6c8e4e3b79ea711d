/** One look at one object, for `isthmus top`: from outside, without attaching; whatever it finds, it is no error. */

import { readdirSync, statSync } from 'node:fs';
import { inspect, type ObjectDetails } from '../index.mjs';
import { codeOf } from './exit-codes.mjs';

const DIRECTORY = '/dev/shm';
const SEMAPHORE_PREFIX = 'sem.';

/** What was there, and when. */
export interface Look {
  /** The file's name in /dev/shm: what tells objects apart, for a semaphore and a value may share a name. */
  readonly file: string;
  /** On the monotonic clock, in ms. */
  readonly at: number;
  readonly details: ObjectDetails;
}

/** The names of all files that may be objects, in order. Opens none of them. */
export function files(): string[] {
  return readdirSync(DIRECTORY, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}

/** The name that users know a file by. */
export function nameOf(file: string): string {
  return `/${file.startsWith(SEMAPHORE_PREFIX) ? file.slice(SEMAPHORE_PREFIX.length) : file}`;
}

/** Undefined if it is gone, or has become something that is no file. */
export function lookAt(file: string): Look | undefined {
  try {
    return { file, at: performance.now(), details: inspect(file) };
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ERR_ISTHMUS_FOREIGN') return undefined;
    return fromDirectory(file, isBadName(code) ? undefined : messageOf(error));
  }
}

/** A name that no object of ours can have: somebody else's memory. */
function isBadName(code: string | undefined): boolean {
  return code === 'ERR_INVALID_ARG_VALUE' || code === 'ERR_OUT_OF_RANGE' || code === 'ERR_INVALID_ARG_TYPE';
}

/** What can be told of a file that cannot be looked into. */
function fromDirectory(file: string, problem: string | undefined): Look | undefined {
  const stat = statSync(`${DIRECTORY}/${file}`, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const details = {
    name: nameOf(file),
    kind: file.startsWith(SEMAPHORE_PREFIX) ? 'semaphore' : 'memory',
    size: stat.size,
    allocated: stat.blocks * 512,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    shape: {},
    ...(problem === undefined ? {} : { problem }),
  } as const;
  return { file, at: performance.now(), details };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
