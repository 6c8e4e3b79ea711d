/**
 * Every error this package throws on its own account, in one table.
 *
 * Programs test `error.code` (stable) or `instanceof` (works across two copies of the package); messages are for people
 * and may change: they say what was expected, what was found, and what to do.
 */

import { getSystemErrorName } from 'node:util';

/** Marks the prototypes of each class so that `instanceof` works across two copies of the package. */
const BRAND = Symbol.for('isthmus.error');

interface Branded {
  readonly [BRAND]?: readonly string[];
}

/** Codes of {@link IsthmusError} and its subclasses. A failed system call keeps its own (`ENOENT`, `ENOSPC`, …). */
export type IsthmusErrorCode =
  | 'ERR_ISTHMUS_TIMEOUT'
  | 'ERR_ISTHMUS_CLOSED'
  | 'ERR_ISTHMUS_PEER_DIED'
  | 'ERR_ISTHMUS_ROLE_TAKEN'
  | 'ERR_ISTHMUS_NOT_OWNER'
  | 'ERR_ISTHMUS_DEADLOCK'
  | 'ERR_ISTHMUS_MISMATCH'
  | 'ERR_ISTHMUS_CORRUPT'
  | 'ERR_ISTHMUS_FOREIGN'
  | 'ERR_ISTHMUS_FULL'
  | 'ERR_ISTHMUS_BROKEN_BARRIER'
  | 'ERR_ISTHMUS_NATIVE';

/** The base class of every error that is about shared objects rather than about a wrong argument. */
export class IsthmusError extends Error {
  /** A stable code: one of {@link IsthmusErrorCode}, or the system's (`ENOENT`, …) for a {@link SystemError}. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** True for an instance of this class, or of the same class in another copy of the package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // `this` is the class on the right of instanceof: one of the table below, or a subclass of a user's own.
    // biome-ignore lint/complexity/noThisInStatic: the point of the method
    const { prototype } = this;
    const brands = (value as Branded | null | undefined)?.[BRAND];
    if (Object.hasOwn(prototype, BRAND) && brands !== undefined) return brands.includes(prototype.name);
    return prototype.isPrototypeOf.call(prototype, value as object);
  }
}

/** A wait ended because its `timeout` did. Nothing was lost: what arrives later goes to the next call. */
export class TimeoutError extends IsthmusError {
  /** How many messages a Many form had put before the time was over; `undefined` elsewhere. */
  readonly accepted: number | undefined;

  constructor(message: string, accepted?: number) {
    super('ERR_ISTHMUS_TIMEOUT', message);
    this.accepted = accepted;
  }
}

/** The handle was closed, or the queue has ended. */
export class ClosedError extends IsthmusError {
  constructor(message: string) {
    super('ERR_ISTHMUS_CLOSED', message);
  }
}

/** The process on the other side died without ending or closing. */
export class PeerDiedError extends IsthmusError {
  /** Its process id, as it saw itself; `undefined` when that is no longer known. */
  readonly pid: number | undefined;

  constructor(message: string, pid?: number) {
    super('ERR_ISTHMUS_PEER_DIED', message);
    this.pid = pid;
  }
}

/** Somebody alive holds the role (producer, consumer) that was asked for. */
export class RoleTakenError extends IsthmusError {
  /** Process id of the holder, as it sees itself (another pid namespace may number it differently). */
  readonly pid: number;

  constructor(message: string, pid: number) {
    super('ERR_ISTHMUS_ROLE_TAKEN', message);
    this.pid = pid;
  }
}

/** The caller does not hold what it tries to use or give back. */
export class NotOwnerError extends IsthmusError {
  constructor(message: string) {
    super('ERR_ISTHMUS_NOT_OWNER', message);
  }
}

/** The wait could never end: the caller itself holds what it waits for. */
export class DeadlockError extends IsthmusError {
  constructor(message: string) {
    super('ERR_ISTHMUS_DEADLOCK', message);
  }
}

/** The object under the name is a healthy one of another kind, shape or layout version. */
export class MismatchError extends IsthmusError {
  constructor(message: string) {
    super('ERR_ISTHMUS_MISMATCH', message);
  }
}

/** The object's shared memory holds something that cannot be: truncated, overwritten, or made by a faulty program. */
export class CorruptError extends IsthmusError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_ISTHMUS_CORRUPT', message, options);
  }
}

/** The error of an object that is damaged. */
export function damaged(path: string, what: string): CorruptError {
  return new CorruptError(`'${path}' is damaged: ${what}; unlink it and create it again`);
}

/** Something stands under the name that this package did not make, or that belongs to another user. */
export class ForeignError extends IsthmusError {
  constructor(message: string) {
    super('ERR_ISTHMUS_FOREIGN', message);
  }
}

/** No room: the participants' table, or a bounded structure, is full. */
export class FullError extends IsthmusError {
  constructor(message: string) {
    super('ERR_ISTHMUS_FULL', message);
  }
}

/** The barrier is broken: a party gave up or died, or somebody called `abort()` or `reset()`. */
export class BrokenBarrierError extends IsthmusError {
  constructor(message: string) {
    super('ERR_ISTHMUS_BROKEN_BARRIER', message);
  }
}

/** The native part could not be loaded, or this runtime refuses what it needs. */
export class NativeError extends IsthmusError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_ISTHMUS_NATIVE', message, options);
  }
}

/** A failed system call, in Node's shape. */
export class SystemError extends IsthmusError {
  /** The negative error number, as Node gives it. */
  readonly errno: number;
  /** The system call that failed. */
  readonly syscall: string;
  /** The object's name, with its slash, where the call was about one. */
  readonly path: string | undefined;

  constructor(errno: number, syscall: string, path?: string, advice?: string) {
    const code = getSystemErrorName(errno);
    const about = path === undefined ? '' : ` '${path}'`;
    super(code, `${code}: ${advice ?? 'the system call failed'}, ${syscall}${about}`);
    this.errno = errno;
    this.syscall = syscall;
    this.path = path;
  }
}

/** Gives each class its name and its brand. */
for (const [name, one] of Object.entries({
  IsthmusError,
  TimeoutError,
  ClosedError,
  PeerDiedError,
  RoleTakenError,
  NotOwnerError,
  DeadlockError,
  MismatchError,
  CorruptError,
  ForeignError,
  FullError,
  BrokenBarrierError,
  NativeError,
  SystemError,
})) {
  Object.defineProperty(one.prototype, 'name', { value: name, configurable: true, writable: true });
  Object.defineProperty(one.prototype, BRAND, {
    value: one === IsthmusError ? [name] : [name, 'IsthmusError'],
  });
}

/** TypeScript refuses `new Value('x')`, JavaScript does not. `given`: what the constructor got, which only we can give. */
export function refuseNew(made: { readonly name: string } | undefined, given: unknown): void {
  if (typeof given === 'object' && given !== null) return;
  const name = made?.name ?? 'the class';
  throw typeError(`new ${name}(…) is not for programs; use ${name}.open(name, …), .create() or .attach()`);
}

/** A `TypeError` with Node's code for it. */
export function invalidType(what: string, expected: string, actual: unknown): TypeError {
  return typeError(`${what} must be ${expected}; got ${describe(actual)}`);
}

function typeError(message: string): TypeError {
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });
}

/** A `RangeError` with Node's code for it. */
export function outOfRange(what: string, expected: string, actual: unknown): RangeError {
  const error = new RangeError(`${what} must be ${expected}; got ${describe(actual)}`);
  return Object.assign(error, { code: 'ERR_OUT_OF_RANGE' });
}

/** A value as an error message shows it: short, and telling types apart. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 60
        ? `${JSON.stringify(value.slice(0, 57))}… (${value.length} characters)`
        : JSON.stringify(value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return value.name === '' ? 'a function' : `function ${value.name}`;
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return `an array of ${value.length}`;
      return value.constructor?.name !== undefined ? `an instance of ${value.constructor.name}` : 'an object';
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    default:
      return String(value);
  }
}
