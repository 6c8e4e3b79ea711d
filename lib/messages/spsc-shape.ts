/** What an SpscQueue is made of: its options, its schema, and the checks on both. */

import { MismatchError, outOfRange } from '../errors.js';
import type { Header } from '../memory/header.js';
import { type ObjectType, schemaCorrupt } from '../memory/segment.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  areOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkInteger,
  checkOptions,
  parseSize,
  type Size,
} from '../options.js';
import {
  builtInCodec,
  type Codec,
  type CodecName,
  checkCodec,
  DEFAULT_CODEC,
  type InnerCodec,
} from './codecs.js';
import { checkPeerDeath, type PeerDeath } from './peer.js';
import { CAPACITY_LEAST, RING, RING_LEAST, RING_MOST, RING_WORDS_BYTES } from './ring-layout.js';

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

export interface SpscShape {
  readonly capacity: number;
  readonly codec: string;
  readonly startPosition: number;
}

/** What the caller gave, checked; `undefined` where it gave nothing. */
export interface SpscWish {
  readonly capacity: number | undefined;
  readonly codec: InnerCodec | undefined;
  readonly startPosition: number | undefined;
  readonly rest: CreateOptions & AttachOptions;
}

export const DEFAULT_CAPACITY = 1024 * 1024;
const RING_CREATE_KEYS = ['capacity', 'codec', 'startPosition'] as const;

/** The size of the ring for a capacity. */
export function ringSize(capacity: number): number {
  let size = RING_LEAST;
  while (size < capacity) size *= 2;
  return size;
}

export const SPSC: ObjectType<SpscShape> = {
  kind: 'spsc',
  wordsBytes: () => RING_WORDS_BYTES,
  ownerWords: () => [RING.PRODUCER, RING.CONSUMER],
  payload: ({ capacity }) => ({ bytes: ringSize(capacity), mirrored: true }),
  schema: ({ capacity, codec }) => ({ capacity, codec }),
  initialise({ startPosition }, words) {
    for (const index of [RING.TAIL, RING.HEAD, RING.START]) words[index] = startPosition | 0;
  },
  parse(schema, header: Header, path) {
    if (header.wordsBytes < RING_WORDS_BYTES) throw schemaCorrupt(path, 'its control words are too few');
    return parseRing(schema, header, header.payloadBytes, path);
  },
};

/** What a schema says of a ring of so many bytes, checked. */
export function parseRing(
  { capacity, codec }: Readonly<Record<string, unknown>>,
  { mirrored }: Header,
  ring: number,
  path: string,
): SpscShape {
  const sound =
    mirrored &&
    ring >= RING_LEAST &&
    ring <= RING_MOST &&
    (ring & (ring - 1)) === 0 &&
    typeof capacity === 'number' &&
    capacity >= CAPACITY_LEAST &&
    capacity <= ring &&
    capacity % 8 === 0;
  if (!sound)
    throw schemaCorrupt(path, `a ring of ${ring} bytes with capacity ${String(capacity)} makes no sense`);
  if (typeof codec !== 'string' || codec === '') throw schemaCorrupt(path, 'its schema names no codec');
  return { capacity, codec, startPosition: 0 };
}

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

/** `more`: options that the caller checks itself; they are left in `rest`. */
export function checkWish(
  options: (SpscCreateOptions<never> & SpscAttachOptions<never>) | undefined,
  creates: boolean,
  attaches: boolean,
  more: readonly string[] = [],
): SpscWish {
  const known = [
    ...(more as []),
    ...(creates ? [...RING_CREATE_KEYS, ...CREATE_KEYS] : ['codec' as const]),
    ...(attaches ? ATTACH_KEYS : []),
  ];
  const { capacity, codec, startPosition, ...rest } = checkOptions(options, known);
  return {
    capacity: capacity === undefined ? undefined : checkCapacity(capacity),
    codec: codec === undefined ? undefined : checkCodec(codec),
    startPosition: startPosition === undefined ? undefined : checkStart(startPosition),
    rest,
  };
}

export function checkCapacity(capacity: Size): number {
  const bytes = parseSize('capacity', capacity);
  if (bytes % 8 === 0 && bytes >= CAPACITY_LEAST && bytes <= RING_MOST) return bytes;
  throw outOfRange(
    'capacity',
    `a multiple of 8 from ${CAPACITY_LEAST} bytes to ${RING_MOST} (1 GB)`,
    capacity,
  );
}

function checkStart(position: number): number {
  checkInteger('startPosition', position, 0, 2 ** 32 - 8);
  if (position % 8 !== 0) throw outOfRange('startPosition', 'a multiple of 8', position);
  return position;
}

/** The shape to create for a wish. */
export function shapeFor({ capacity, codec, startPosition }: SpscWish): SpscShape {
  return {
    capacity: capacity ?? DEFAULT_CAPACITY,
    codec: codec?.name ?? DEFAULT_CODEC,
    startPosition: startPosition ?? 0,
  };
}

/** Compares an existing queue with what the caller gave, and nothing else. */
export function agree(path: string, shape: SpscShape, wish: SpscWish): void {
  if (wish.capacity !== undefined && wish.capacity !== shape.capacity) {
    throw new MismatchError(
      `'${path}' has a capacity of ${shape.capacity} bytes, not ${wish.capacity}; leave the option out, or unlink it first`,
    );
  }
  agreeOnCodec(path, shape.codec, wish.codec);
}

export function agreeOnCodec(path: string, name: string, wanted: InnerCodec | undefined): void {
  if (wanted !== undefined && wanted.name !== name) {
    throw new MismatchError(
      `'${path}' uses codec '${name}', not '${wanted.name}'; use the same on both sides, or unlink it first`,
    );
  }
  if (wanted === undefined && builtInCodec(name) === undefined) {
    throw new MismatchError(
      `'${path}' uses a codec of your own, '${name}'; give it as { codec: { name: '${name}', encode, decode } }`,
    );
  }
}

/** The codec to use with a queue whose shape agrees. */
export function codecFor(
  shape: { readonly codec: string },
  wish: { readonly codec: InnerCodec | undefined },
): InnerCodec {
  return wish.codec ?? builtInCodec(shape.codec)!;
}
