/** What a ring is made of, an SpscQueue's or one direction of a Pipe: its options, its schema, and the checks on both. */

import { damaged, MismatchError, outOfRange } from '../errors.js';
import type { Header } from '../memory/header.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkInteger,
  checkOptions,
  parseSize,
  type Size,
} from '../options.js';
import { agreeOnCodec, parseCodec } from './codec-agreement.js';
import { type Codec, type CodecName, checkCodec, DEFAULT_CODEC, type InnerCodec } from './codecs.js';
import { CAPACITY_LEAST, RING_LEAST, RING_MOST } from './ring-layout.js';

/** What options say of a ring; users see them as SpscCreateOptions and PipeCreateOptions. */
interface RingOptions extends CreateOptions, AttachOptions {
  capacity?: Size;
  codec?: CodecName | Codec<never>;
  startPosition?: number;
}

export interface RingShape {
  readonly capacity: number;
  readonly codec: string;
  readonly startPosition: number;
}

/** What the caller gave, checked; `undefined` where it gave nothing. */
export interface RingWish {
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

/** What a schema says of a ring of so many bytes, checked. */
export function parseRing(
  { capacity, codec }: Readonly<Record<string, unknown>>,
  { mirrored }: Header,
  ring: number,
  path: string,
): RingShape {
  const sound =
    mirrored &&
    ring >= RING_LEAST &&
    ring <= RING_MOST &&
    (ring & (ring - 1)) === 0 &&
    typeof capacity === 'number' &&
    capacity >= CAPACITY_LEAST &&
    capacity <= ring &&
    capacity % 8 === 0;
  if (!sound) throw damaged(path, `a ring of ${ring} bytes with capacity ${String(capacity)} makes no sense`);
  return { capacity, codec: parseCodec(codec, path), startPosition: 0 };
}

/** `more`: options that the caller checks itself; they are left in `rest`. */
export function checkRingWish(
  options: RingOptions | undefined,
  creates: boolean,
  attaches: boolean,
  more: readonly string[] = [],
): RingWish {
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
export function ringShapeFor({ capacity, codec, startPosition }: RingWish): RingShape {
  return {
    capacity: capacity ?? DEFAULT_CAPACITY,
    codec: codec?.name ?? DEFAULT_CODEC,
    startPosition: startPosition ?? 0,
  };
}

/** Compares an existing ring with what the caller gave, and nothing else. */
export function agreeOnRing(path: string, shape: RingShape, wish: RingWish): void {
  if (wish.capacity !== undefined && wish.capacity !== shape.capacity) {
    throw new MismatchError(
      `'${path}' has a capacity of ${shape.capacity} bytes, not ${wish.capacity}; leave the option out, or unlink it first`,
    );
  }
  agreeOnCodec(path, shape.codec, wish.codec);
}
