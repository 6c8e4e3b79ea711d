/** What an SpscQueue is made of: its options, its schema, and the checks on both. */

import { damaged } from '../errors.js';
import type { ObjectType } from '../memory/segment.js';
import { type AttachOptions, areOptions, type CreateOptions, checkOptions, type Size } from '../options.js';
import type { Codec, CodecName } from './codecs.js';
import { checkPeerDeath, type PeerDeath } from './peer.js';
import { RING, RING_WORDS_BYTES } from './ring-layout.js';
import { parseRing, type RingShape, ringSize } from './ring-shape.js';

/** Options for making an SpscQueue. */
export interface SpscCreateOptions<T = unknown> extends CreateOptions {
  /**
   * How many bytes of messages fit, each taking 8 bytes more than its length rounded up to 8: a multiple of 8 from 64
   * bytes to 1 GiB, or a string such as `'1MB'` (the default). The largest message has `capacity - 8` bytes.
   */
  capacity?: Size;
  /** How messages that are neither bytes nor strings travel; default `'msgpack'`. */
  codec?: CodecName | Codec<T>;
  /** @internal Where the 32-bit positions start, a multiple of 8; for tests of their wrap-around. */
  startPosition?: number;
}

/** Options for attaching: a codec of your own must be given again, a built-in one is read from the object. */
export interface SpscAttachOptions<T = unknown> extends AttachOptions {
  /** How messages travel that are no bytes or strings; default: what the object says. */
  codec?: CodecName | Codec<T>;
}

/** Options for claiming a role. */
export interface SpscRoleOptions {
  /** What waits of this handle do when the other side has died; default `'error'`. */
  peerDeath?: PeerDeath;
}

export const SPSC_TYPE: ObjectType<RingShape> = {
  kind: 'spsc',
  wordsBytes: () => RING_WORDS_BYTES,
  ownerWords: () => [RING.PRODUCER, RING.CONSUMER],
  payload: ({ capacity }) => ({ bytes: ringSize(capacity), mirrored: true }),
  schema: ({ capacity, codec }) => ({ capacity, codec }),
  initialise({ startPosition }, words) {
    for (const index of [RING.TAIL, RING.HEAD, RING.START]) words[index] = startPosition | 0;
  },
  parse(schema, header, path) {
    if (header.wordsBytes < RING_WORDS_BYTES) throw damaged(path, 'its control words are too few');
    return parseRing(schema, header, header.payloadBytes, path);
  },
};

/** The role's option, checked, apart from the queue's. */
export function splitRoleOptions<O extends SpscRoleOptions>(
  options: O | undefined,
): { peerDeath: PeerDeath; rest: Omit<O, 'peerDeath'> | undefined } {
  // What is no object of options is refused later, where the rest is checked.
  if (!areOptions(options)) return { peerDeath: 'error', rest: options };
  const { peerDeath, ...rest } = options;
  return { peerDeath: checkPeerDeath(peerDeath) ?? 'error', rest };
}

export function checkRoleOptions(options: SpscRoleOptions | undefined): PeerDeath {
  return checkPeerDeath(checkOptions(options, ['peerDeath']).peerDeath) ?? 'error';
}
