/** What a Pipe is made of: its options, its schema, and the checks on both. */

import { damaged, invalidType, MismatchError, outOfRange } from '../errors.js';
import type { ObjectType } from '../memory/segment.js';
import type { AttachOptions, CreateOptions, Size } from '../options.js';
import type { Codec, CodecName } from './codecs.js';
import { checkPeerDeath, type PeerDeath } from './peer.js';
import { type EndChoice, finished } from './pipe-ends.js';
import { PIPE, PIPE_WORDS_BYTES } from './pipe-layout.js';
import { RING } from './ring-layout.js';
import {
  agreeOnRing,
  checkRingWish,
  parseRing,
  type RingShape,
  type RingWish,
  ringShapeFor,
  ringSize,
} from './ring-shape.js';

/** Options for every handle on a pipe. */
export interface PipeEndOptions {
  /** What waits of this handle do when the other side has died; default `'error'`. */
  peerDeath?: PeerDeath;
  /**
   * Of a one-way pipe: the end to have. Without it the first opener gets the end to receive, the second the one to send.
   */
  end?: 'send' | 'receive';
}

/** Options for making a Pipe. */
export interface PipeCreateOptions<T = unknown> extends CreateOptions, PipeEndOptions {
  /**
   * How many bytes of messages fit in each direction, each taking 8 bytes more than its length rounded up to 8: a multiple
   * of 8 from 64 bytes to 1 GiB, or a string such as `'1MB'` (the default). The largest message has `capacity - 8` bytes.
   */
  capacity?: Size;
  /** How messages that are neither bytes nor strings travel; default `'msgpack'`. */
  codec?: CodecName | Codec<T>;
  /** `false`: messages go one way only, from one end to the other. Default `true`; `end` means `false`. */
  duplex?: boolean;
  /** @internal Where the 32-bit positions start, a multiple of 8; for tests of their wrap-around. */
  startPosition?: number;
}

/** Options for attaching: a codec of your own must be given again, a built-in one is read from the object. */
export interface PipeAttachOptions<T = unknown> extends AttachOptions, PipeEndOptions {
  /** How messages travel that are no bytes or strings; default: what the object says. */
  codec?: CodecName | Codec<T>;
}

export interface PipeShape extends RingShape {
  readonly duplex: boolean;
}

/** What the caller gave, checked; `undefined` where it gave nothing. */
export interface PipeWish extends RingWish {
  readonly duplex: boolean | undefined;
  readonly end: EndChoice | undefined;
  readonly peerDeath: PeerDeath;
}

export const PIPE_TYPE: ObjectType<PipeShape> = {
  kind: 'pipe',
  wordsBytes: () => PIPE_WORDS_BYTES,
  ownerWords: () => [PIPE.A, PIPE.B],
  payload({ capacity, duplex }) {
    const parts = duplex ? 2 : 1;
    return { bytes: parts * ringSize(capacity), mirrored: true, parts };
  },
  schema: ({ capacity, codec, duplex }) => ({ capacity, codec, duplex }),
  initialise({ startPosition, duplex }, words) {
    for (const from of duplex ? [PIPE.A_TO_B, PIPE.B_TO_A] : [PIPE.A_TO_B])
      for (const index of [RING.TAIL, RING.HEAD, RING.START]) words[from + index] = startPosition | 0;
  },
  finished,
  parse(schema, header, path) {
    const { duplex } = schema;
    if (typeof duplex !== 'boolean') throw damaged(path, 'its schema does not say whether it is duplex');
    if (header.wordsBytes < PIPE_WORDS_BYTES) throw damaged(path, 'its control words are too few');
    const ring = header.payloadBytes / (duplex ? 2 : 1);
    return { ...parseRing(schema, header, ring, path), duplex };
  },
};

export function checkPipeWish(
  options: (PipeCreateOptions<never> & PipeAttachOptions<never>) | undefined,
  creates: boolean,
  attaches: boolean,
): PipeWish {
  const more = creates ? ['duplex', 'end', 'peerDeath'] : ['end', 'peerDeath'];
  const ring = checkRingWish(options, creates, attaches, more);
  const { duplex, end, peerDeath, ...rest } = ring.rest as PipeCreateOptions<never>;
  if (duplex !== undefined && typeof duplex !== 'boolean')
    throw invalidType('duplex', 'true or false', duplex);
  checkEnd(end);
  if (end !== undefined && duplex === true)
    throw outOfRange('end', 'left out where duplex is true: both ends send and receive', end);
  return {
    ...ring,
    rest,
    duplex: end === undefined ? duplex : false,
    end,
    peerDeath: checkPeerDeath(peerDeath) ?? 'error',
  };
}

function checkEnd(end: unknown): void {
  if (end === undefined || end === 'send' || end === 'receive') return;
  const expected = "'send' or 'receive'";
  throw typeof end === 'string' ? outOfRange('end', expected, end) : invalidType('end', expected, end);
}

export function pipeShapeFor(wish: PipeWish): PipeShape {
  return { ...ringShapeFor(wish), duplex: wish.duplex ?? true };
}

/** Compares an existing pipe with what the caller gave, and nothing else. */
export function agreeOnPipe(path: string, shape: PipeShape, wish: PipeWish): void {
  if (wish.duplex !== undefined && wish.duplex !== shape.duplex) {
    const [is, not] = shape.duplex ? ['duplex', 'one-way'] : ['one-way', 'duplex'];
    throw new MismatchError(
      `'${path}' is a ${is} pipe, not a ${not} one; leave the option out, or unlink it first`,
    );
  }
  agreeOnRing(path, shape, wish);
}
