/** Turns what the addon throws into this package's errors: code, name, and what to do about it. */

import { constants } from 'node:os';
import { ForeignError, NativeError, SystemError } from '../errors.js';
import { native } from '../native/load.js';

interface NativeFailure {
  readonly errno: number;
  readonly syscall: string;
}

function isNativeFailure(error: unknown): error is NativeFailure {
  return error instanceof Error && typeof (error as Partial<NativeFailure>).errno === 'number';
}

/** What to do when nothing has the name: it depends on what one wanted with it. */
const ABSENT = {
  attach: 'nothing has this name (create it first, or use open())',
  look: "nothing has this name ('isthmus ls' and list() tell what there is; a semaphore is sem.NAME here)",
  remove:
    "nothing has this name: it was removed before, or is spelled otherwise ('isthmus ls' and list() tell what there is; " +
    'for semaphores there is Semaphore.unlink())',
  removeSemaphore:
    "no semaphore has this name: it was removed before, or is spelled otherwise ('isthmus ls' and list() tell what there is)",
} as const;

/** Runs calls of the addon; `path` is the object's name with its slash, `bytes` what was asked for. */
export function withSystemErrors<T>(path: string, call: () => T, bytes?: number): T {
  return withSystemErrorsTo('attach', path, call, bytes);
}

/** As withSystemErrors, for other purposes than to have the object. */
export function withSystemErrorsTo<T>(
  purpose: keyof typeof ABSENT,
  path: string,
  call: () => T,
  bytes?: number,
): T {
  try {
    return call();
  } catch (error) {
    throw translate(error, path, bytes, purpose);
  }
}

/** True for a SystemError with this code (`'ENOENT'`, …). */
export function isSystemError(error: unknown, code: string): boolean {
  return error instanceof SystemError && error.code === code;
}

function translate(
  error: unknown,
  path: string,
  bytes: number | undefined,
  purpose: keyof typeof ABSENT,
): unknown {
  if (!isNativeFailure(error)) return error;
  const { errno, syscall } = error;
  const { errno: numbers } = constants;
  // The addon's word for napi_no_external_buffers_allowed. A file system that cannot do something says ENOTSUP, too.
  if (syscall === 'napi_create_external_arraybuffer') {
    return new NativeError(
      'this runtime refuses external ArrayBuffers (as Electron does), without which memory cannot be shared; run isthmus in a Node.js process',
    );
  }
  switch (-errno) {
    case numbers.ENOENT:
      return new SystemError(errno, syscall, path, ABSENT[purpose]);
    case numbers.EEXIST:
      return new SystemError(
        errno,
        syscall,
        path,
        'the name is taken (use attach() or open(), or unlink it first)',
      );
    case numbers.EACCES:
    case numbers.EPERM:
      return new SystemError(
        errno,
        syscall,
        path,
        "no permission (another user's object, or a mode that excludes you)",
      );
    case numbers.ENOSPC:
      return outOfSpace(errno, syscall, path, bytes);
    case numbers.ELOOP:
      return new ForeignError(
        `'${path}' is a symbolic link, which is never followed; it is left as it is: choose another name`,
      );
    case numbers.EISDIR:
      return new ForeignError(
        `'${path}' is a directory in /dev/shm; it is left as it is: choose another name`,
      );
    case numbers.ENXIO:
    case numbers.ENODEV:
      return new ForeignError(`'${path}' is no regular file; it is left as it is: choose another name`);
    case numbers.EMFILE:
    case numbers.ENFILE:
      return new SystemError(
        errno,
        syscall,
        path,
        'too many open files (close objects you no longer need, or raise ulimit -n)',
      );
    case numbers.ENOMEM:
      return new SystemError(errno, syscall, path, 'not enough memory or address space for the mapping');
    default:
      return new SystemError(errno, syscall, path);
  }
}

/** ENOSPC with the figures that make it understandable. */
export function outOfSpace(
  errno: number,
  syscall: string,
  path: string,
  bytes: number | undefined,
): SystemError {
  const { free, total } = native.space();
  const wanted = bytes === undefined ? '' : `${bytes} bytes were asked for, `;
  const advice =
    `/dev/shm is full (${wanted}${free} of ${total} bytes are free); remove objects that are not needed (isthmus ls, isthmus rm), ` +
    'ask for less, or make it larger (in Docker: --shm-size=1g)';
  return new SystemError(errno, syscall, path, advice);
}
