/** What a Queue is made of: its options, its schema, and the checks on both. */

import { damaged, invalidType, MismatchError } from '../errors.js';
import type { ObjectType } from '../memory/segment.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkInteger,
  checkObjectName,
  checkOptions,
  type Size,
} from '../options.js';
import { agreeOnCodec, parseCodec } from './codec-agreement.js';
import { type Codec, type CodecName, checkCodec, DEFAULT_CODEC, type InnerCodec } from './codecs.js';
import { initialiseBlocks } from './queue-blocks.js';
import { jobOwners } from './queue-jobs.js';
import { blocksFor, NO_BLOCK, payloadBytes, QUEUE, queueWordsBytes } from './queue-layout.js';
import { CAPACITY_LEAST, RING_MOST } from './ring-layout.js';
import { checkCapacity, DEFAULT_CAPACITY } from './ring-shape.js';

/** Options for making a Queue; with `open` they must agree with a queue that exists. */
export interface QueueCreateOptions<T = unknown> extends CreateOptions {
  /**
   * How many bytes of messages fit, each rounded up to 64 (an empty one takes 64, too): a multiple of 8 from 64 bytes to
   * 1 GiB, or a string such as `'1MB'` (the default). The largest message has `capacity - 8` bytes.
   */
  capacity?: Size;
  /** How many messages may wait at most (Python's `maxsize`); default: as many as fit. */
  maxItems?: number;
  /** How messages that are neither bytes nor strings travel; default `'msgpack'`. */
  codec?: CodecName | Codec<T>;
  /** How many jobs (messages that were taken and are not done) there may be at a time: 1 to 65,536, default 1,024. */
  maxJobs?: number;
  /**
   * How often a message is taken at most. When the last taker died or gave it back, it goes to the queue `deadLetter`
   * instead of to another taker. Default: for ever.
   */
  maxAttempts?: number;
  /** Name of the queue for messages that were taken `maxAttempts` times; made when it is needed, with the same capacity and codec. */
  deadLetter?: string;
}

/** Options for attaching: a codec of your own must be given again, a built-in one is read from the object. */
export interface QueueAttachOptions<T = unknown> extends AttachOptions {
  /** How messages travel that are no bytes or strings; default: what the object says. */
  codec?: CodecName | Codec<T>;
}

export interface QueueShape {
  readonly capacity: number;
  readonly codec: string;
  readonly maxItems: number | undefined;
  readonly maxJobs: number;
  readonly maxAttempts: number | undefined;
  readonly deadLetter: string | undefined;
}

/** What the caller gave, checked; `undefined` where it gave nothing. */
interface QueueWish extends Partial<Omit<QueueShape, 'codec'>> {
  readonly codec: InnerCodec | undefined;
  readonly rest: CreateOptions & AttachOptions;
}

const MOST_JOBS = 65536;
const DEFAULT_JOBS = 1024;
const LIMITS = ['capacity', 'maxItems', 'maxJobs', 'maxAttempts', 'deadLetter'] as const;
const QUEUE_KEYS = [...LIMITS, 'codec'] as const;

export const QUEUE_TYPE: ObjectType<QueueShape> = {
  kind: 'queue',
  wordsBytes: ({ maxJobs }) => queueWordsBytes(maxJobs),
  ownerWords: ({ maxJobs }) => [QUEUE.PUT_LOCK, QUEUE.GET_LOCK, ...jobOwners(maxJobs)],
  payload: ({ capacity }) => ({ bytes: payloadBytes(blocksFor(capacity)), mirrored: false }),
  schema: ({ ...shape }) => shape,
  initialise({ capacity }, words, payload) {
    initialiseBlocks(payload, capacity);
    words[QUEUE.FREE_END] = blocksFor(capacity) - 1;
    words[QUEUE.INTENT_FIRST] = NO_BLOCK;
  },
  parse(schema, header, path) {
    const { capacity, codec, maxItems, maxJobs, maxAttempts, deadLetter } = schema;
    const whole = (value: unknown, least: number, most: number): value is number =>
      Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
    const limit = (value: unknown): value is number | undefined =>
      value === undefined || whole(value, 1, Number.MAX_SAFE_INTEGER);
    const sound =
      whole(capacity, CAPACITY_LEAST, RING_MOST) &&
      header.payloadBytes >= payloadBytes(blocksFor(capacity)) &&
      whole(maxJobs, 1, MOST_JOBS) &&
      header.wordsBytes >= queueWordsBytes(maxJobs) &&
      limit(maxItems) &&
      limit(maxAttempts) &&
      (deadLetter === undefined || isObjectName(deadLetter));
    if (!sound) throw damaged(path, 'its schema makes no sense or does not fit its size');
    return { capacity, codec: parseCodec(codec, path), maxItems, maxJobs, maxAttempts, deadLetter };
  },
};

function isObjectName(name: unknown): name is string {
  try {
    return checkObjectName(name) === name;
  } catch {
    return false;
  }
}

export function checkQueueWish(
  name: string,
  options: (QueueCreateOptions<never> & QueueAttachOptions<never>) | undefined,
  creates: boolean,
  attaches: boolean,
): QueueWish {
  const known = [
    ...(creates ? [...QUEUE_KEYS, ...CREATE_KEYS] : ['codec' as const]),
    ...(attaches ? ATTACH_KEYS : []),
  ];
  const { capacity, codec, maxItems, maxJobs, maxAttempts, deadLetter, ...rest } = checkOptions(
    options,
    known,
  );
  return {
    capacity: capacity === undefined ? undefined : checkCapacity(capacity),
    codec: codec === undefined ? undefined : checkCodec(codec),
    maxItems: maxItems === undefined ? undefined : checkItems(maxItems),
    maxJobs: maxJobs === undefined ? undefined : checkInteger('maxJobs', maxJobs, 1, MOST_JOBS),
    ...checkDeadLetter(name, maxAttempts, deadLetter),
    rest,
  } as QueueWish;
}

/** Infinity: no limit. */
function checkItems(maxItems: number): number {
  if (maxItems === Number.POSITIVE_INFINITY) return maxItems;
  return checkInteger('maxItems', maxItems, 1, 2 ** 30 - 1);
}

function checkDeadLetter(
  name: string,
  maxAttempts: number | undefined,
  deadLetter: string | undefined,
): Pick<QueueWish, 'maxAttempts' | 'deadLetter'> {
  if (maxAttempts === undefined && deadLetter === undefined) return {};
  if (maxAttempts === undefined || deadLetter === undefined) {
    throw invalidType(
      maxAttempts === undefined ? 'maxAttempts' : 'deadLetter',
      maxAttempts === undefined
        ? 'given together with deadLetter (how often a message is taken before it goes there)'
        : 'given together with maxAttempts (the name of the queue for what was taken that often)',
      undefined,
    );
  }
  checkInteger('maxAttempts', maxAttempts, 1, 2 ** 31 - 1);
  const bare = checkObjectName(deadLetter);
  if (bare === name)
    throw invalidType('deadLetter', 'the name of another queue than the one it serves', deadLetter);
  return { maxAttempts, deadLetter: bare };
}

export function queueShapeFor(wish: QueueWish): QueueShape {
  return {
    capacity: wish.capacity ?? DEFAULT_CAPACITY,
    codec: wish.codec?.name ?? DEFAULT_CODEC,
    maxItems: wish.maxItems === Number.POSITIVE_INFINITY ? undefined : wish.maxItems, // JSON has no Infinity
    maxJobs: wish.maxJobs ?? DEFAULT_JOBS,
    maxAttempts: wish.maxAttempts,
    deadLetter: wish.deadLetter,
  };
}

const NAMES = {
  capacity: 'a capacity',
  maxItems: 'a maxItems',
  maxJobs: 'a maxJobs',
  maxAttempts: 'a maxAttempts',
  deadLetter: 'a deadLetter',
} as const;

/** Compares an existing queue with what the caller gave, and nothing else. */
export function agreeOnQueue(path: string, shape: QueueShape, wish: QueueWish): void {
  for (const key of LIMITS) {
    const has = shape[key] ?? (key === 'maxItems' ? Number.POSITIVE_INFINITY : undefined);
    if (wish[key] === undefined || wish[key] === has) continue;
    throw new MismatchError(
      `'${path}' has ${NAMES[key]} of ${shape[key] ?? 'none'}, not ${wish[key]}; leave the option out, or unlink it first`,
    );
  }
  agreeOnCodec(path, shape.codec, wish.codec);
}
