/** What a message is, whatever carries it: bytes and strings as they are, anything else through a codec. */

import { type CorruptError, damaged, describe, IsthmusError, invalidType, TimeoutError } from '../errors.js';
import { checkInteger } from '../options.js';
import { type Encoded, type InnerCodec, plainBytes } from './codecs.js';
import { FRAME } from './ring-layout.js';

/** A message as bytes: `start` to `end` of `bytes`, and its type (FRAME). */
export interface Written {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly type: number;
}

/** A message's type and its bytes, copied out of shared memory: the first `length` of `bytes`. */
export interface RawMessage {
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly length: number;
}

export function bytesType(message: Uint8Array): number {
  return Buffer.isBuffer(message) ? FRAME.BUFFER : FRAME.BYTES;
}

/** Runs the codec. Throws a TypeError that says what cannot be a message. */
export function encodeWith(codec: InnerCodec, message: unknown): Encoded {
  if (message === undefined) {
    throw invalidType(
      'a message',
      'anything but undefined (which means "nothing" when received); use null',
      message,
    );
  }
  try {
    return codec.encode(message);
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_INVALID_ARG_TYPE') throw cause; // it says all there is to say
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = new TypeError(`codec '${codec.name}' cannot encode ${describe(message)}: ${reason}`, {
      cause,
    });
    throw Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
  }
}

/** Beyond this the buffer for texts is not kept for the next one. */
const TEXT_MOST = 1024 * 1024;
let text = Buffer.allocUnsafeSlow(8192);

function writeText(value: string, type: number): Written {
  // A UTF-16 unit takes at most three bytes of UTF-8: mostly no need to count.
  let target = text;
  if (value.length * 3 > target.length) {
    const length = Buffer.byteLength(value, 'utf8');
    if (length > target.length) {
      target = Buffer.allocUnsafeSlow(length);
      if (length <= TEXT_MOST) text = target;
    }
  }
  return { bytes: target, start: 0, end: target.write(value, 'utf8'), type };
}

/** A message as bytes, valid until the next call of any codec: the message's own bytes, or a shared buffer. */
export function write(codec: InnerCodec, message: unknown): Written {
  if (message instanceof Uint8Array) {
    const bytes = plainBytes(message);
    return { bytes, start: 0, end: bytes.length, type: bytesType(message) };
  }
  if (typeof message === 'string' && codec.name !== 'raw') {
    if (message.isWellFormed()) return writeText(message, FRAME.UTF8);
    const bytes = Buffer.from(message, 'utf16le');
    return { bytes, start: 0, end: bytes.length, type: FRAME.UTF16 };
  }
  const encoded = encodeWith(codec, message);
  return typeof encoded === 'string' ? writeText(encoded, FRAME.CODEC) : { ...encoded, type: FRAME.CODEC };
}

/** The same as bytes of its own: the caller may change the message while it waits. */
export function keep({ bytes, start, end, type }: Written): Written {
  return { bytes: Uint8Array.prototype.slice.call(bytes, start, end), start: 0, end: end - start, type };
}

/** The message that private bytes are. Throws CorruptError for what is none. */
export function read(path: string, codec: InnerCodec, { type, bytes, length }: RawMessage): unknown {
  switch (type) {
    case FRAME.BYTES:
    case FRAME.BUFFER:
      return bytes;
    case FRAME.UTF8:
      return readText(path, bytes as Buffer, length, 'utf8');
    case FRAME.UTF16:
      return readText(path, bytes as Buffer, length, 'utf16le');
    case FRAME.CODEC:
      try {
        const message = codec.decode(bytes as Buffer, length);
        if (message === undefined) throw new Error('it gives undefined, which nobody can have put');
        return message;
      } catch (cause) {
        throw undecodable(path, `codec '${codec.name}' cannot decode a message`, cause);
      }
    default:
      throw damaged(path, `a message of unknown type ${type >>> 0}; it was dropped`);
  }
}

function readText(path: string, bytes: Buffer, length: number, encoding: 'utf8' | 'utf16le'): string {
  try {
    return bytes.toString(encoding, 0, length);
  } catch (cause) {
    // Longer than strings can be.
    throw undecodable(path, `a message says that its ${length} bytes are a string`, cause);
  }
}

function undecodable(path: string, what: string, cause: unknown): CorruptError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return Object.assign(damaged(path, `${what} (${reason}); it was dropped`), { cause });
}

/** Refuses what is no list of messages. */
export function checkMessages(messages: unknown): void {
  if (!Array.isArray(messages)) throw invalidType('messages', 'an array', messages);
}

/** How many messages a call is to give at most; undefined: all. */
export function checkMax(max: number | undefined): number {
  if (max === undefined || max === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER;
  return checkInteger('max', max, 1, Number.MAX_SAFE_INTEGER);
}

/**
 * The error that ended a call for many messages, telling in `accepted` how many of them were put or sent. A signal's reason
 * is its owner's, and may be shared: where some were accepted, an AbortError tells, whose cause it is.
 */
export function tellAccepted(
  error: unknown,
  accepted: number,
  all: number,
  done: 'put' | 'sent',
  signal?: AbortSignal,
): unknown {
  const count = `${accepted} of ${all} were ${done}`;
  if (error instanceof TimeoutError) return new TimeoutError(`${error.message} (${count})`, accepted);
  if (error instanceof IsthmusError) return Object.assign(error, { accepted });
  if (accepted === 0 || signal?.aborted !== true || error !== signal.reason) return error;
  const abort = new Error(`the operation was aborted (${count})`, { cause: error });
  return Object.assign(abort, { name: 'AbortError', code: 'ABORT_ERR', accepted });
}
