/** Looking at /dev/shm and removing names, without attaching: nothing is mapped and no slot is claimed. */

import { CorruptError, ForeignError, IsthmusError, SystemError } from '../errors.js';
import type { NativeSegment, SegmentStat } from '../native/binding.js';
import { native } from '../native/load.js';
import { checkInteger, checkName, checkOptions } from '../options.js';
import type { Activity } from './activity.js';
import { type HeaderClaims, readClaims } from './claims.js';
import { type Header, hasMagic, type ObjectHeader, type ObjectKind, readHeader } from './header.js';
import { HEADER, type Kind, STATE_CONDEMNED } from './header-layout.js';
import { busy } from './opening.js';
import { rounds } from './patience.js';
import { removeByRequest } from './removal.js';
import { type Holder, type Participant, readRoster, slotOf } from './roster.js';
import {
  MARK_OFFSET,
  MARK_PAGE_BYTES,
  MAX_GENERATION,
  OWNER_MASK,
  SLOT,
  SLOT_BYTES,
  SLOT_WORDS,
} from './roster-layout.js';
import { readSemaphore } from './semaphore-file.js';
import { isSystemError, withSystemErrors, withSystemErrorsTo } from './system-errors.js';

/** One line of {@link list}. */
export interface ObjectInfo {
  /** With its slash; a semaphore's without the `sem.` of its file. */
  readonly name: string;
  /** What it is. */
  readonly kind: ObjectKind;
  /** The file's size in bytes; pages that were never reserved cost nothing. */
  readonly size: number;
  /** Bytes that are backed by memory. */
  readonly allocated: number;
  /** Permissions, such as 0o600. */
  readonly mode: number;
  /** The owner's user id. */
  readonly uid: number;
  /** What the kind recorded when the object was made: element type, length, codec, … Empty for raw memory and semaphores. */
  readonly shape: Readonly<Record<string, unknown>>;
  /**
   * Who is attached, for this package's objects. `alive` is asked of the kernel; one that is not alive was killed, and
   * its slot has not been used again.
   */
  readonly participants?: readonly Participant[];
  /** An `'attached'` object whose last user was killed: it should be gone, and `collect()` removes it. */
  readonly orphaned?: boolean;
  /** What is wrong with the object, if something is. */
  readonly problem?: string;
}

/** What {@link inspect} tells beyond {@link list}. */
export interface ObjectDetails extends ObjectInfo {
  /** The header, for objects that have one and whose header is sound. */
  readonly header?: ObjectHeader;
  /** Whether the object is about to be removed. */
  readonly condemned?: boolean;
  /** What is in it, as far as its kind can tell by looking: the value, the bytes in use, … */
  readonly contents?: Readonly<Record<string, unknown>>;
  /** What was done in it so far and who waits, as far as its kind can tell by looking. */
  readonly activity?: Activity;
  /** What a damaged header says, each part by itself and unchecked. */
  readonly claims?: HeaderClaims;
}

/** Options of {@link inspect}. */
export interface InspectOptions {
  /**
   * How many elements, entries of a map, values of a list, waiting messages, or lines of 16 bytes of raw memory there may
   * be in `contents` (a whole number, or Infinity). Without it there are 16 elements of arrays, and nothing of the others.
   */
  readonly limit?: number;
}

/** An object as those see it who tell what is in it. */
export interface Looked {
  readonly header: Header;
  /** A copy of its control words. */
  readonly words: Int32Array;
  /** Copies a part of its payload. */
  payload(offset: number, bytes: number): Buffer;
  /** Whom the owner word at this index names. */
  owner(index: number): Owner | undefined;
  /** A control word as it is now. */
  word(index: number): number;
  /** How many elements, entries or messages to show; undefined: elements as the kind likes, nothing else. */
  readonly limit: number | undefined;
}

/** No message or value larger than this is read to be shown, and of an array or a struct no more, whatever the limit says. */
export const MOST_SHOWN = 1024 * 1024;

/** How a kind tells what is in an object: registered by the rooms that know the kinds. */
export type Describe = (object: Looked) => Record<string, unknown>;
/** How a kind tells what goes on in an object. */
export type DescribeActivity = (object: Looked) => Partial<Activity>;

/** Who holds a lock or a role, or held it when it died. */
export type Owner = Holder & {
  /** False: it was killed while it held it. */
  readonly alive: boolean;
};

interface Describer {
  readonly describe: Describe;
  readonly activity: DescribeActivity;
}

const describers = new Map<Kind, Describer>();

export function registerDescriber(kind: Kind, describe: Describe, activity: DescribeActivity): void {
  describers.set(kind, { describe, activity });
}

export const SEMAPHORE_PREFIX = 'sem.';

/**
 * Removes a name. Whoever has the object open keeps it; the name is free at once. Works on every kind of object, also a
 * damaged one (a semaphore's name is `sem.NAME` here; see `Semaphore.unlink`). Does not block.
 *
 * @throws SystemError `ENOENT` if nothing has the name, `EACCES`/`EPERM` for another user's object; ForeignError for a
 *   directory or a symbolic link
 */
export function unlink(name: string): void {
  const bare = checkName(name);
  const path = `/${bare}`;
  for (const _ of rounds()) {
    const file = openForRemoval(bare, path);
    if (file === undefined) return;
    try {
      if (!file.stat().regular) throw new ForeignError(`'${path}' is no regular file; it is left as it is`);
      if (withSystemErrorsTo('remove', path, () => removeByRequest(bare, file))) return;
    } finally {
      file.close();
    }
  }
  throw busy('unlink', path, 'somebody else is removing the name');
}

/** The file to lock while its name is removed; undefined if it could be removed without. */
function openForRemoval(bare: string, path: string): NativeSegment | undefined {
  try {
    return withSystemErrorsTo('remove', path, () => native.open(bare, true));
  } catch (error) {
    if (!isSystemError(error, 'EACCES')) throw error;
    // A file we may not open but whose directory entry is ours to remove has no users of our kind to race with.
    withSystemErrorsTo('remove', path, () => native.unlink(bare));
    return undefined;
  }
}

/**
 * Every object in /dev/shm that this process may see, by name: this package's, POSIX semaphores, and raw shared memory,
 * whoever made it. Attaches to nothing. Does not block.
 */
export function list(): ObjectInfo[] {
  const found: ObjectInfo[] = [];
  for (const file of withSystemErrors('/dev/shm', () => native.list()).sort()) {
    try {
      found.push(look(file, briefly));
    } catch (error) {
      if (isSystemError(error, 'ENOENT') || error instanceof ForeignError) continue; // gone meanwhile, or no regular file
      if (!(error instanceof SystemError)) throw error;
      const kind = file.startsWith(SEMAPHORE_PREFIX) ? 'semaphore' : 'memory';
      const unknown = { size: 0, allocated: 0, mode: 0, uid: -1, shape: {} };
      found.push({ name: nameOf(file), kind, ...unknown, problem: error.message });
    }
  }
  return found;
}

/**
 * Everything there is to know about one object without attaching to it; also about a damaged one (`problem` says what is
 * wrong). For a semaphore give `sem.NAME`. Does not block: no lock is taken, nothing is mapped, and nothing is taken out of
 * a queue. What changes meanwhile is left out, and `contents` says so (`unseen`, `unseenParts`).
 *
 * @param options `limit`: how many entries or messages to show
 * @throws TypeError, RangeError for a bad limit SystemError `ENOENT`, `EACCES`; ForeignError for a directory or a symbolic link
 */
export function inspect(name: string, options?: InspectOptions): ObjectDetails {
  const bare = checkName(name);
  const { limit } = checkOptions(options, ['limit']);
  if (limit !== undefined && limit !== Number.POSITIVE_INFINITY)
    checkInteger('limit', limit, 0, Number.MAX_SAFE_INTEGER);
  return look(bare, (file, stat) => closely(file, stat, bare, limit));
}

/** The name that users know a file of /dev/shm by. */
export function nameOf(file: string): string {
  return `/${file.startsWith(SEMAPHORE_PREFIX) ? file.slice(SEMAPHORE_PREFIX.length) : file}`;
}

function look<T>(bare: string, how: (file: NativeSegment, stat: SegmentStat, bare: string) => T): T {
  const path = `/${bare}`;
  return withSystemErrorsTo('look', path, () => {
    const file = native.open(bare, false);
    try {
      const stat = file.stat();
      if (!stat.regular) throw new ForeignError(`'${path}' is no regular file`);
      return how(file, stat, bare);
    } finally {
      file.close();
    }
  });
}

interface Look {
  readonly info: ObjectInfo;
  /** Of a sound object of this package. */
  readonly sound?: { readonly header: Header; readonly roster: Int32Array };
}

function examine(file: NativeSegment, stat: SegmentStat, bare: string): Look {
  const { size, allocated, mode, uid } = stat;
  const info = { name: nameOf(bare), size, allocated, mode, uid, shape: {} };
  if (bare.startsWith(SEMAPHORE_PREFIX)) return { info: { ...info, kind: 'semaphore' } };
  const head = file.read(0, HEADER.KIND + 4);
  if (!hasMagic(head)) return { info: { ...info, kind: 'memory' } };
  try {
    const header = readHeader(file, size, `/${bare}`);
    const roster = int32s(file.read(header.rosterOffset, header.participants * SLOT_BYTES));
    const markOf = (slot: number): number =>
      int32s(file.read(header.marksOffset + slot * MARK_PAGE_BYTES + MARK_OFFSET, 4))[0] ?? 0;
    const participants = readRoster(roster, file, markOf);
    const orphaned = header.lifetime === 'attached' && !participants.some(({ alive }) => alive);
    const shape = header.schema;
    return { info: { ...info, kind: header.kind, shape, participants, orphaned }, sound: { header, roster } };
  } catch (error) {
    if (!(error instanceof IsthmusError)) throw error;
    return { info: { ...info, kind: 'memory', problem: error.message } };
  }
}

function briefly(file: NativeSegment, stat: SegmentStat, bare: string): ObjectInfo {
  return examine(file, stat, bare).info;
}

function closely(
  file: NativeSegment,
  stat: SegmentStat,
  bare: string,
  limit: number | undefined,
): ObjectDetails {
  const { info, sound } = examine(file, stat, bare);
  if (info.kind === 'semaphore') return { ...info, ...readSemaphore(file, stat.size) };
  if (sound === undefined) return { ...info, ...withoutHeader(file, info, limit) };
  const { header, roster } = sound;
  const { schema: _schema, ...rest } = header;
  const read = (offset: number, bytes: number): Buffer => {
    const copy = file.read(offset, bytes);
    if (copy.length === bytes) return copy;
    throw new CorruptError(`'${info.name}' is damaged: it was truncated while it was looked at`);
  };
  let details: ObjectDetails = { ...info, header: rest };
  try {
    details = { ...details, condemned: read(HEADER.STATE, 4).readUInt32LE() === STATE_CONDEMNED };
    const describer = describers.get(header.kind);
    if (describer === undefined) return details;
    const words = int32s(read(header.wordsOffset, Math.min(header.wordsBytes, 65536)));
    const payload = (offset: number, bytes: number): Buffer => read(header.payloadOffset + offset, bytes);
    const word = (index: number): number => read(header.wordsOffset + 4 * index, 4).readInt32LE();
    const owner = (index: number): Owner | undefined =>
      ownerIn(roster, words[index] ?? 0, info.participants ?? []);
    const looked = { header, words, payload, owner, word, limit };
    const activity = { counts: [], waits: [], ...describer.activity(looked) };
    const { problem, ...contents } = describer.describe(looked);
    return { ...details, contents, activity, ...(typeof problem === 'string' ? { problem } : {}) };
  } catch (error) {
    if (!(error instanceof IsthmusError)) throw error;
    return { ...details, problem: error.message };
  }
}

/** What can be told of raw memory, a semaphore, and what was once an object. */
function withoutHeader(
  file: NativeSegment,
  { kind, problem, size }: ObjectInfo,
  limit: number | undefined,
): Partial<ObjectDetails> {
  const claims = problem === undefined || kind === 'semaphore' ? {} : { claims: readClaims(file) };
  if (limit === undefined) return claims;
  const bytes = file.read(0, Math.min(size, 16 * limit, MOST_DUMPED));
  return { ...claims, contents: { bytes: new Uint8Array(bytes), more: size - bytes.length } };
}

/** No dump has more bytes. */
const MOST_DUMPED = 64 * 1024 * 1024;

function ownerIn(
  roster: Int32Array,
  ownerWord: number,
  participants: readonly Participant[],
): Owner | undefined {
  const owner = ownerWord & OWNER_MASK;
  if (owner === 0) return undefined;
  const slot = slotOf(owner);
  const at = slot * SLOT_WORDS;
  const present = at < roster.length && (roster[at + SLOT.GENERATION]! & MAX_GENERATION) === owner >>> 10;
  if (!present) return { pid: 0, thread: 0, alive: false }; // its slot has gone to another one
  const alive = participants.some((one) => one.slot === slot && one.alive);
  return { pid: roster[at + SLOT.PID]!, thread: roster[at + SLOT.THREAD]!, alive };
}

function int32s(bytes: Buffer): Int32Array {
  const words = new Int32Array(bytes.length >> 2);
  for (let i = 0; i < words.length; i++) words[i] = bytes.readInt32LE(4 * i);
  return words;
}
