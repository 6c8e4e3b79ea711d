/**
 * Tries what this package needs of the kernel, for `isthmus doctor`: by doing it, because versions say little in
 * sandboxes. All of it happens on one file with a temporary name, which `collect()` would sweep if we were killed here.
 */

import { spawnSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { constants } from 'node:os';
import type { NativeSegment } from '../native/binding.js';
import { native } from '../native/load.js';
import { CONTROL_ALIGNMENT, GATE_BYTE, MAKER_BYTE, PAYLOAD_ALIGNMENT, SLOT_BYTE } from './header-layout.js';
import { isTemporaryName, temporaryName } from './making.js';
import { MARK_DIED, MARK_OFFSET } from './roster-layout.js';

/**
 * `'works'`; `'off'`: the kernel has it, this package does not use it (ISTHMUS_DISABLE, no /proc); `'refused'` by the
 * kernel or a sandbox; `'untried'`: something before it failed. The last two say why.
 */
export interface Trial {
  readonly state: 'works' | 'off' | 'refused' | 'untried';
  readonly why?: string;
}

export interface Trials {
  /** Sleeping on many words at once. */
  readonly futexWaitv: Trial;
  /** A file that gets its name when it is complete. */
  readonly unnamedFiles: Trial;
  /** Making, naming and mapping a file in /dev/shm, as every object is made. */
  readonly making: Trial;
  /** The same pages twice in a row. */
  readonly mirror: Trial;
  /** Locks of open file descriptions. */
  readonly byteLocks: Trial;
  /** A killed process gives its locks back. */
  readonly deathFreesLocks: Trial;
  /** A killed process is told of by its robust list. */
  readonly deathMarks: Trial;
}

const WORKS: Trial = { state: 'works' };

/** All that needs a file in /dev/shm. */
function untried(why: string): Omit<Trials, 'futexWaitv' | 'making'> {
  const trial: Trial = { state: 'untried', why };
  return { unnamedFiles: trial, mirror: trial, byteLocks: trial, deathFreesLocks: trial, deathMarks: trial };
}

export function runTrials(): Trials {
  const futexWaitv = tryWaitv();
  let file: NativeSegment;
  try {
    file = native.create(PAYLOAD_ALIGNMENT, 0o600);
  } catch (error) {
    return { futexWaitv, making: refused(error), ...untried('no file can be made in /dev/shm') };
  }
  const name = temporaryName();
  const unnamedFiles = isUnnamed(file) ? WORKS : ({ state: 'off' } as const);
  try {
    file.publish(name);
  } catch (error) {
    file.close();
    return { futexWaitv, making: refused(error), ...untried('the file got no name') };
  }
  try {
    file.tryLock(MAKER_BYTE); // however long it takes, nobody sweeps it
    const mirror = tryMirror(file);
    const byteLocks = tryByteLocks(file, name);
    return {
      futexWaitv,
      making: mirror.making,
      unnamedFiles,
      mirror: mirror.mirror,
      byteLocks,
      ...tryDeath(file, name),
    };
  } finally {
    native.unlink(name);
    file.close();
  }
}

function tryWaitv(): Trial {
  try {
    // The word is not what is expected: an answer at once where the call exists.
    const error = native.futexWaitAny([new Int32Array(1)], Int32Array.of(0, 0, 1), 1, 0);
    if (error !== constants.errno.EAGAIN) return { state: 'refused', why: `unexpected answer ${error}` };
    return native.hasWaitv ? WORKS : { state: 'off' };
  } catch (error) {
    return refused(error);
  }
}

/** Whether it has no name yet: otherwise it is among the temporary ones. */
function isUnnamed(file: NativeSegment): boolean {
  const inode = file.stat().id.split(':')[1];
  return !native.list().some((bare) => {
    if (!isTemporaryName(bare)) return false;
    const found = lstatSync(`/dev/shm/${bare}`, { throwIfNoEntry: false });
    return String(found?.ino) === inode;
  });
}

function tryMirror(file: NativeSegment): { making: Trial; mirror: Trial } {
  try {
    file.reserve(0, CONTROL_ALIGNMENT);
    new Uint8Array(file.map(0, CONTROL_ALIGNMENT, false))[1] = 7;
  } catch (error) {
    const making = refused(error);
    return { making, mirror: { state: 'untried', why: 'its file has no page' } };
  }
  try {
    const twice = new Uint8Array(file.map(0, PAYLOAD_ALIGNMENT, true));
    const same = twice[1] === 7 && twice[PAYLOAD_ALIGNMENT + 1] === 7;
    return { making: WORKS, mirror: same ? WORKS : { state: 'refused', why: 'the two halves differ' } };
  } catch (error) {
    return { making: WORKS, mirror: refused(error) };
  }
}

function tryByteLocks(file: NativeSegment, name: string): Trial {
  try {
    const other = native.open(name, true);
    try {
      if (!file.tryLock(GATE_BYTE)) return { state: 'refused', why: 'a free byte cannot be locked' };
      const seen = other.heldByOther(GATE_BYTE) && !other.tryLock(GATE_BYTE);
      file.unlock(GATE_BYTE);
      // An error counts as "held": a free byte has to look free.
      if (seen && !other.heldByOther(GATE_BYTE)) return WORKS;
      return { state: 'refused', why: 'one descriptor does not see the lock of the other' };
    } finally {
      other.close();
    }
  } catch (error) {
    return refused(error);
  }
}

/** Where the victim sets its mark, and what its slot's state would be. */
const MARK_PAGE = CONTROL_ALIGNMENT;

/** Does what whoever attaches does with its slot, and dies of it. */
const VICTIM = `
  const [load, name] = process.argv.slice(1);
  const file = require(load).native.open(name, true);
  const locked = file.tryLock(${SLOT_BYTE});
  const marked = file.takeSlot(${MARK_PAGE}, 0);
  require('node:fs').writeSync(1, JSON.stringify({ locked, marked }));
  process.kill(process.pid, 'SIGKILL');
`;

function tryDeath(file: NativeSegment, name: string): { deathFreesLocks: Trial; deathMarks: Trial } {
  const load = require.resolve('../native/load.js');
  const { stdout, stderr, error, signal } = spawnSync(process.execPath, ['-e', VICTIM, load, name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 10_000,
    killSignal: 'SIGTERM', // tells our own impatience from its end
  });
  if (signal !== 'SIGKILL') {
    const why = error?.message ?? stderr.trim().split('\n').at(-1) ?? `it ended by ${signal}`;
    const untried = { state: 'untried', why: `no process could be killed for it: ${why}` } as const;
    return { deathFreesLocks: untried, deathMarks: untried };
  }
  const { locked, marked } = JSON.parse(stdout) as { locked: boolean; marked: boolean };
  const freed = locked && !file.heldByOther(SLOT_BYTE);
  const deathFreesLocks: Trial = freed
    ? WORKS
    : {
        state: 'refused',
        why: locked ? 'a dead process still holds its byte' : 'a byte could not be locked',
      };
  return { deathFreesLocks, deathMarks: judgeMark(file, marked) };
}

function judgeMark(file: NativeSegment, marked: boolean): Trial {
  if (!marked) {
    try {
      file.reserve(MARK_PAGE, CONTROL_ALIGNMENT);
    } catch (error) {
      return { state: 'untried', why: refused(error).why ?? '' };
    }
    const off = process.env['ISTHMUS_DISABLE']?.split(',').includes('death_marks') ?? false;
    return off
      ? { state: 'off' }
      : { state: 'refused', why: 'no usable robust list, or pages that are not 4 KiB' };
  }
  const word = file.read(MARK_PAGE + MARK_OFFSET, 4).readUInt32LE();
  return (word & MARK_DIED) !== 0 ? WORKS : { state: 'refused', why: 'the kernel did not mark a death' };
}

function refused(error: unknown): Trial {
  const { errno, message } = error as { errno?: number; message: string };
  const code = Object.entries(constants.errno).find(([, number]) => number === -(errno ?? 0))?.[0];
  return { state: 'refused', why: code === undefined ? message : `${message} (${code})` };
}
