/** Values as bytes and back: numbers and bigints by themselves, everything else as messages are. */

import { CorruptError, DeadlockError, invalidType } from '../errors.js';
import type { InnerCodec } from '../messages/codecs.js';
import { read, type Written, write } from '../messages/message.js';
import { VALUE } from './store-layout.js';

const number = Buffer.allocUnsafeSlow(8);
const numberView = new DataView(number.buffer, number.byteOffset);
const asNumber: Written = { bytes: number, start: 0, end: 8, type: VALUE.NUMBER };

/** A value as bytes, valid until the next call of any codec. Throws a TypeError that says what cannot be a value. */
export function writeValue(codec: InnerCodec, value: unknown): Written {
  if (typeof value === 'number') {
    numberView.setFloat64(0, value, true);
    return asNumber;
  }
  if (typeof value === 'bigint') {
    const bytes = Buffer.from(bigintText(value), 'latin1');
    return { bytes, start: 0, end: bytes.length, type: VALUE.BIGINT };
  }
  if (value === undefined) {
    throw invalidType(
      'a value',
      'anything but undefined (which means "nothing there"); use null, or delete()',
      value,
    );
  }
  return write(codec, value);
}

/** Up to so many bytes a loop is faster than a bulk copy, which needs a view. */
const SMALL = 160;

/** Copies a value's bytes to where they are to be. */
export function copyValue(target: Buffer, at: number, { bytes, start, end }: Written): void {
  if (end - start > SMALL)
    target.set(
      start === 0 && end === bytes.length
        ? bytes
        : new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start),
      at,
    );
  else for (let i = start; i < end; i++) target[at + i - start] = bytes[i]!;
}

/** The value that private bytes are: the first `length` of `bytes`. Throws CorruptError for what is none. */
export function readValue(
  path: string,
  codec: InnerCodec,
  type: number,
  bytes: Uint8Array,
  length: number,
): unknown {
  if (type === VALUE.NUMBER && length === 8) {
    return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true);
  }
  if (type === VALUE.BIGINT) {
    const value = parseBigint((bytes as Buffer).toString('latin1', 0, length));
    if (value !== undefined) return value;
  }
  try {
    return read(path, codec, { type, bytes, length });
  } catch (error) {
    throw undecodable(path, error);
  }
}

/** Unlike a message, a value that cannot be decoded stays where it is. */
function undecodable(path: string, error: unknown): unknown {
  if (!(error instanceof CorruptError)) return error;
  const { cause } = error;
  if (cause instanceof DeadlockError) return cause; // the codec tried to change what is being changed
  const reason = cause instanceof Error ? cause.message : 'its bytes are no value';
  return new CorruptError(
    `'${path}': a value cannot be decoded (${reason}); it is still there: set it anew or delete it`,
    { cause },
  );
}

/** A bigint as digits in base 16, with its sign: unlike decimal ones, read and written in linear time. */
export function bigintText(value: bigint): string {
  return value.toString(16);
}

/** The bigint that they are; undefined if they are none. */
export function parseBigint(text: string): bigint | undefined {
  if (!/^-?[0-9a-f]+$/.test(text)) return undefined;
  return text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`);
}
