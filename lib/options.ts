/**
 * The one place that validates what users hand in: names, sizes, times, option objects. Everything here throws a
 * `TypeError` or `RangeError` that says what was expected, before anything is changed.
 */

import { invalidType, outOfRange } from './errors.js';

/** Options for making an object. They matter only when the call creates it. */
export interface CreateOptions {
  /** File permissions, set exactly (the umask does not cut them). Default `0o600`: the same user only. */
  mode?: number;
  /** `'persistent'` (default): stays until `unlink`. `'attached'`: goes when the last attached process leaves. */
  lifetime?: 'persistent' | 'attached';
  /** How many environments (processes, workers) may be attached at a time: 1 to 1,023, default 64. */
  participants?: number;
}

/** Options for attaching to an object that exists. */
export interface AttachOptions {
  /** Whose objects are accepted: `'self'` (default; root accepts only root's), `'any'`, or a list of user ids. */
  owner?: 'self' | 'any' | number[];
}

/** How long a Sync form waits. */
export interface SyncWaitOptions {
  /** Milliseconds. `undefined` or `Infinity`: for ever. 0 or less: try once. */
  timeout?: number | undefined;
}

/** How long a promise form waits, and what cancels it. */
export interface WaitOptions extends SyncWaitOptions {
  /** Aborting rejects with the signal's reason; nothing that was on its way is lost. */
  signal?: AbortSignal | undefined;
}

/** A number of bytes, or a string such as `'64KB'`, `'1MB'`, `'1GB'` (powers of 1,024). */
export type Size = number | string;

const NAME = /^\/?([A-Za-z0-9._-]{1,200})$/;
const NAME_RULE = "1 to 200 of A-Z a-z 0-9 . _ - (one leading '/' is allowed and means nothing)";

/** The bare name (without the slash). `prefix`: what the file's name begins with for this kind of object. */
export function checkName(name: unknown): string {
  if (typeof name !== 'string') throw invalidType('name', `a string of ${NAME_RULE}`, name);
  const bare = NAME.exec(name)?.[1];
  if (bare === undefined) throw outOfRange('name', NAME_RULE, name);
  if (bare === '.' || bare === '..') throw outOfRange('name', "something other than '.' and '..'", name);
  return bare;
}

/** A name for anything but a `Semaphore`: the files `sem.NAME` belong to those. */
export function checkObjectName(name: unknown): string {
  const bare = checkName(name);
  if (bare.startsWith('sem.')) {
    throw outOfRange(
      'name',
      "one that does not begin with 'sem.' (those files are POSIX semaphores: use Semaphore)",
      name,
    );
  }
  return bare;
}

/** Refuses anything but a plain object (or undefined) with known keys only, so that a misspelt option is not ignored. */
export function checkOptions<T extends object>(
  options: T | undefined,
  known: readonly (keyof T & string)[],
): Partial<T> {
  if (options === undefined) return {};
  if (!areOptions(options)) throw invalidType('options', 'an object', options);
  for (const key of Object.keys(options)) {
    if ((known as readonly string[]).includes(key)) continue;
    const likely = closest(key, known);
    const hint = likely === undefined ? `known are: ${known.join(', ')}` : `did you mean '${likely}'?`;
    const error = new TypeError(`unknown option '${key}'; ${hint}`);
    throw Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
  }
  return options;
}

/** Whether it could be an object of options. Who takes some of them out first leaves anything else to {@link checkOptions}. */
export function areOptions<T extends object>(options: T | null | undefined): options is T {
  return typeof options === 'object' && options !== null && !Array.isArray(options);
}

function closest(key: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (const candidate of known) {
    const distance = editDistance(key.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, substituted));
    }
    row = next;
  }
  return row[b.length]!;
}

/** A whole number within bounds. */
export function checkInteger(what: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number') throw invalidType(what, `a whole number from ${least} to ${most}`, value);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw outOfRange(what, `a whole number from ${least} to ${most}`, value);
  }
  return value;
}

/** A time in milliseconds, as every wait takes it: `Infinity` for ever, 0 for "try once". */
export function checkTimeout(timeout: unknown): number {
  if (timeout === undefined) return Number.POSITIVE_INFINITY;
  if (typeof timeout !== 'number') throw invalidType('timeout', 'a number of milliseconds', timeout);
  if (Number.isNaN(timeout)) throw outOfRange('timeout', 'a number of milliseconds', timeout);
  return timeout > 0 ? timeout : 0;
}

const SYNC_WAIT = ['timeout'] as const;
const WAIT = ['timeout', 'signal'] as const;

/** The timeout of a Sync form's options, in ms. */
export function checkSyncWait(options: SyncWaitOptions | undefined): number {
  if (options === undefined) return Number.POSITIVE_INFINITY;
  return checkTimeout(checkOptions(options, SYNC_WAIT).timeout);
}

/** The timeout (ms) and signal of a promise form's options. */
export function checkWait(options: WaitOptions | undefined): {
  timeout: number;
  signal: AbortSignal | undefined;
} {
  if (options === undefined) return { timeout: Number.POSITIVE_INFINITY, signal: undefined };
  const { timeout, signal } = checkOptions(options, WAIT);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalidType('signal', 'an AbortSignal', signal);
  return { timeout: checkTimeout(timeout), signal };
}

const UNITS: Record<string, number> = { '': 1, b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

/** Bytes from a number or from a string such as `'1MB'` (1,048,576). */
export function parseSize(what: string, size: unknown): number {
  const rule = "a number of bytes or a string such as '64KB' or '1MB'";
  if (typeof size === 'number') {
    if (!Number.isSafeInteger(size) || size < 0) throw outOfRange(what, rule, size);
    return size;
  }
  if (typeof size !== 'string') throw invalidType(what, rule, size);
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmg]?b?)\s*$/i.exec(size);
  const letters = (match?.[2] ?? '').toLowerCase();
  const unit = UNITS[letters.length === 1 && letters !== 'b' ? `${letters}b` : letters];
  const bytes = match === null || unit === undefined ? Number.NaN : Number(match[1]) * unit;
  if (!Number.isSafeInteger(bytes)) throw outOfRange(what, rule, size);
  return bytes;
}

/** Checked {@link CreateOptions} with their defaults. */
export function checkCreate(options: CreateOptions): Required<CreateOptions> {
  const { mode = 0o600, lifetime = 'persistent', participants = 64 } = options;
  checkInteger('mode', mode, 0, 0o777);
  if ((mode & 0o600) !== 0o600) {
    throw outOfRange(
      'mode',
      'one that lets the owner read and write (0o600 and more)',
      `0o${mode.toString(8)}`,
    );
  }
  if (lifetime !== 'persistent' && lifetime !== 'attached') {
    const expected = "'persistent' or 'attached'";
    throw typeof lifetime === 'string'
      ? outOfRange('lifetime', expected, lifetime)
      : invalidType('lifetime', expected, lifetime);
  }
  checkInteger('participants', participants, 1, 1023);
  return { mode, lifetime, participants };
}

/** Checked {@link AttachOptions}: a predicate over the owner's user id. */
export function checkOwner(owner: AttachOptions['owner']): (uid: number) => boolean {
  if (owner === undefined || owner === 'self') {
    const self = process.geteuid?.() ?? 0;
    return (uid) => uid === self;
  }
  if (owner === 'any') return () => true;
  if (!Array.isArray(owner)) throw invalidType('owner', "'self', 'any' or an array of user ids", owner);
  for (const uid of owner) checkInteger('owner (each user id)', uid, 0, 0xffffffff);
  const accepted = new Set(owner);
  return (uid) => accepted.has(uid);
}

export const CREATE_KEYS = ['mode', 'lifetime', 'participants'] as const;
export const ATTACH_KEYS = ['owner'] as const;
export const OPEN_KEYS = [...CREATE_KEYS, ...ATTACH_KEYS] as const;

/** A function argument. */
export function checkFunction(what: string, value: unknown): void {
  if (typeof value !== 'function') throw invalidType(what, 'a function', value);
}
