/** Messages and values as tools show them: decoded where that can be done here, and what they are otherwise. */

import { MOST_SHOWN } from '../memory/directory.js';
import { builtInCodec, type InnerCodec } from './codecs.js';
import { read } from './message.js';
import { FRAME } from './ring-layout.js';

/** Something that is there and was not read, and why. */
interface Unread {
  /** Its size in bytes. */
  readonly unread: number;
  readonly why: string;
}

type Decode = (codec: InnerCodec, bytes: Buffer) => unknown;

/** What `copy` gives, decoded. Never throws for contents that are wrong. */
export function show(
  codecName: unknown,
  type: number,
  length: number,
  copy: () => Buffer,
  decode: Decode = (codec, bytes) => read('the object', codec, { type, bytes, length }),
): unknown {
  if (length > MOST_SHOWN) return { unread: length, why: 'too large to show' } satisfies Unread;
  const codec = builtInCodec(String(codecName));
  if (codec === undefined && type === FRAME.CODEC)
    return { unread: length, why: `encoded by a codec of its own, ${String(codecName)}` } satisfies Unread;
  const bytes = copy();
  try {
    return decode(codec ?? builtInCodec('raw')!, bytes);
  } catch (error) {
    return { unread: length, why: (error as Error).message } satisfies Unread;
  }
}
