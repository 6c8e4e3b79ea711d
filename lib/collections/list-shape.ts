/** What a SharedList is made of: its options, its schema, and the checks on both. */

import { MismatchError } from '../errors.js';
import { type ObjectType, schemaCorrupt } from '../memory/segment.js';
import { agreeOnCodec } from '../messages/codec-agreement.js';
import {
  type Codec,
  type CodecName,
  checkCodec,
  DEFAULT_CODEC,
  type InnerCodec,
} from '../messages/codecs.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkOptions,
  checkTimeout,
  type Size,
} from '../options.js';
import { FIRST_CAPACITY, LIST_WORDS_BYTES, RING_HEAD_WORDS } from './list-layout.js';
import { makeRing } from './list-writer.js';
import { checkBytes } from './map-shape.js';
import { initialiseStore, reservedAtFirst } from './store.js';
import { planStore, STORE, type StorePlan } from './store-layout.js';

/** Options that belong to the handle, not to the object. */
export interface ListHandleOptions<T = unknown> {
  /** How values that are no numbers, bigints, bytes or strings travel; default `'msgpack'`. */
  codec?: CodecName | Codec<T>;
  /**
   * ms for which a call waits for another process that changes the list: then `TimeoutError`. Default: for ever. A change
   * takes microseconds, or longer where it moves or removes very many values, unless its process is stopped in the middle,
   * or runs a function of its own (`update`, `sort`).
   */
  timeout?: number;
}

/** Options for making a SharedList; with `open` they must agree with a list that exists. */
export interface ListCreateOptions<T = unknown> extends CreateOptions, ListHandleOptions<T> {
  /** How large it may become: bytes from 4,096, or a string such as `'64MB'` (the default). Memory is taken as it grows. */
  maxBytes?: Size;
}

/** Options for attaching: a codec of your own must be given again, everything else is read from the object. */
export interface ListAttachOptions<T = unknown> extends AttachOptions, ListHandleOptions<T> {}

export interface ListShape {
  readonly maxBytes: number;
  readonly codec: string;
}

export interface ListWish {
  readonly maxBytes: number | undefined;
  readonly codec: InnerCodec | undefined;
  /** ms. */
  readonly timeout: number;
  readonly rest: CreateOptions & AttachOptions;
}

const LEAST_BYTES = 4096;
const MOST_BYTES = 2 ** 32 - 2 ** 28;
const DEFAULT_BYTES = 64 * 1024 * 1024;

export function planList({ maxBytes }: ListShape): StorePlan {
  return planStore(maxBytes, 0, 0);
}

export const LIST_TYPE: ObjectType<ListShape> = {
  kind: 'list',
  wordsBytes: () => LIST_WORDS_BYTES,
  ownerWords: () => [STORE.LOCK],
  payload(shape) {
    const plan = planList(shape);
    return { bytes: plan.end, mirrored: false, reserved: reservedAtFirst(plan) };
  },
  schema: ({ maxBytes, codec }) => ({ maxBytes, codec }),
  initialise(shape, words, payload) {
    const heap = initialiseStore(words, payload, planList(shape));
    makeRing(new Int32Array(payload), heap.allocate(RING_HEAD_WORDS + FIRST_CAPACITY));
    words[STORE.LOG_LENGTH] = 0;
  },
  parse({ maxBytes, codec }, header, path) {
    const sound =
      Number.isInteger(maxBytes) &&
      (maxBytes as number) >= LEAST_BYTES &&
      (maxBytes as number) <= MOST_BYTES &&
      (maxBytes as number) % LEAST_BYTES === 0 &&
      header.wordsBytes >= LIST_WORDS_BYTES;
    if (!sound) throw schemaCorrupt(path, 'its schema makes no sense');
    if (typeof codec !== 'string' || codec === '') throw schemaCorrupt(path, 'its schema names no codec');
    const shape: ListShape = { maxBytes: maxBytes as number, codec };
    if (header.payloadBytes < planList(shape).end)
      throw schemaCorrupt(path, 'its schema does not fit its size');
    return shape;
  },
};

export function checkListWish(
  options: (ListCreateOptions<never> & ListAttachOptions<never>) | undefined,
  creates: boolean,
  attaches: boolean,
): ListWish {
  const known = [
    ...(creates ? (['maxBytes', ...CREATE_KEYS] as const) : []),
    ...(['codec', 'timeout'] as const),
    ...(attaches ? ATTACH_KEYS : []),
  ];
  const { maxBytes, codec, timeout, ...rest } = checkOptions(options, known);
  return {
    maxBytes: maxBytes === undefined ? undefined : checkBytes(maxBytes),
    codec: codec === undefined ? undefined : checkCodec(codec),
    timeout: checkTimeout(timeout),
    rest,
  };
}

export function listShapeFor(wish: ListWish): ListShape {
  return { maxBytes: wish.maxBytes ?? DEFAULT_BYTES, codec: wish.codec?.name ?? DEFAULT_CODEC };
}

/** Compares an existing list with what the caller gave, and nothing else. */
export function agreeOnList(path: string, shape: ListShape, wish: ListWish): void {
  if (wish.maxBytes !== undefined && wish.maxBytes !== shape.maxBytes) {
    throw new MismatchError(
      `'${path}' has maxBytes ${shape.maxBytes}, not ${wish.maxBytes}; leave the option out, or unlink it first`,
    );
  }
  agreeOnCodec(path, shape.codec, wish.codec);
}
