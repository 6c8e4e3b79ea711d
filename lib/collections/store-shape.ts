/** What a map and a list have in common of their options, their schemas and a new object's memory, and the checks on these. */

import { damaged, MismatchError, outOfRange } from '../errors.js';
import type { Kind } from '../memory/header-layout.js';
import type { ObjectType } from '../memory/segment.js';
import { agreeOnCodec, parseCodec } from '../messages/codec-agreement.js';
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
  parseSize,
  type Size,
} from '../options.js';
import { Heap } from './heap.js';
import { LOG_FIRST_BYTES, PAGE_BYTES, STORE, type StorePlan } from './store-layout.js';
import { UndoLog } from './undo-log.js';

/** What options say of a store; users see them as MapCreateOptions and ListCreateOptions. */
interface StoreOptions extends CreateOptions, AttachOptions {
  maxBytes?: Size;
  codec?: CodecName | Codec<never>;
  timeout?: number;
}

export interface StoreShape {
  readonly maxBytes: number;
  readonly codec: string;
}

/** What the caller gave, checked; `undefined` where it gave nothing. */
export interface StoreWish {
  readonly maxBytes: number | undefined;
  readonly codec: InnerCodec | undefined;
  /** ms. */
  readonly timeout: number;
  readonly rest: CreateOptions & AttachOptions;
}

const LEAST_BYTES = 4096;
const MOST_BYTES = 2 ** 32 - 2 ** 28;
const DEFAULT_BYTES = 64 * 1024 * 1024;

/** What is a kind's own. */
interface StoreKind<Shape extends StoreShape> {
  readonly kind: Kind;
  readonly wordsBytes: number;
  plan(shape: Shape): StorePlan;
  /** What its schema says beside the size and the codec. */
  limits(shape: Shape): Record<string, unknown>;
  /** The same from a schema; undefined if it makes no sense. */
  parseLimits(schema: Readonly<Record<string, unknown>>): Omit<Shape, keyof StoreShape> | undefined;
  /** Puts an empty structure into a new heap. */
  initialise(memory: Int32Array, heap: Heap): void;
}

export function storeType<Shape extends StoreShape>(own: StoreKind<Shape>): ObjectType<Shape> {
  return {
    kind: own.kind,
    wordsBytes: () => own.wordsBytes,
    ownerWords: () => [STORE.LOCK],
    payload(shape) {
      const plan = own.plan(shape);
      return { bytes: plan.end, mirrored: false, reserved: reservedAtFirst(plan) };
    },
    schema(shape) {
      const { maxBytes, codec } = shape;
      return { maxBytes, codec, ...own.limits(shape) };
    },
    initialise(shape, words, payload) {
      const heap = initialiseStore(words, payload, own.plan(shape));
      own.initialise(new Int32Array(payload), heap);
      words[STORE.LOG_LENGTH] = 0;
    },
    parse(schema, header, path) {
      const { maxBytes } = schema;
      const limits = own.parseLimits(schema);
      if (!isMaxBytes(maxBytes) || limits === undefined || header.wordsBytes < own.wordsBytes)
        throw damaged(path, 'its schema makes no sense');
      const shape = { maxBytes, codec: parseCodec(schema['codec'], path), ...limits } as Shape;
      if (header.payloadBytes < own.plan(shape).end) throw damaged(path, 'its schema does not fit its size');
      return shape;
    },
  };
}

/** `limits`: options of the kind that the caller checks itself; they are left in `rest`. */
export function checkStoreWish(
  options: StoreOptions | undefined,
  creates: boolean,
  attaches: boolean,
  limits: readonly string[] = [],
): StoreWish {
  const known = [
    ...(creates ? (['maxBytes', ...(limits as []), ...CREATE_KEYS] as const) : []),
    ...(['codec', 'timeout'] as const),
    ...(attaches ? ATTACH_KEYS : []),
  ];
  const { maxBytes, codec, timeout, ...rest } = checkOptions(options, known);
  return {
    maxBytes: maxBytes === undefined ? undefined : checkMaxBytes(maxBytes),
    codec: codec === undefined ? undefined : checkCodec(codec),
    timeout: checkTimeout(timeout),
    rest,
  };
}

/** A size, rounded up to whole pages. */
function checkMaxBytes(size: Size): number {
  const bytes = parseSize('maxBytes', size);
  if (bytes < LEAST_BYTES || bytes > MOST_BYTES)
    throw outOfRange('maxBytes', `${LEAST_BYTES} to ${MOST_BYTES} bytes`, size);
  return Math.ceil(bytes / LEAST_BYTES) * LEAST_BYTES;
}

function isMaxBytes(bytes: unknown): bytes is number {
  return isWhole(bytes, LEAST_BYTES, MOST_BYTES) && bytes % LEAST_BYTES === 0;
}

/** Whether what a schema says is a whole number within bounds. */
export function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** The shape to create for a wish. */
export function storeShapeFor(wish: StoreWish): StoreShape {
  return { maxBytes: wish.maxBytes ?? DEFAULT_BYTES, codec: wish.codec?.name ?? DEFAULT_CODEC };
}

/** Compares an existing object with what the caller gave, and nothing else: its size, its codec, and the kind's own limits. */
export function agreeOnStore<Limit extends string = never>(
  path: string,
  shape: StoreShape & Readonly<Record<Limit, unknown>>,
  wish: StoreWish & Readonly<Partial<Record<Limit, unknown>>>,
  limits: readonly Limit[] = [],
): void {
  for (const key of ['maxBytes', ...limits] as const) {
    if (wish[key] === undefined || wish[key] === shape[key]) continue;
    throw new MismatchError(
      `'${path}' has ${key} ${shape[key]}, not ${wish[key]}; leave the option out, or unlink it first`,
    );
  }
  agreeOnCodec(path, shape.codec, wish.codec);
}

/** Fills the payload of a new object, which nobody sees yet. The log is to be emptied once the structure is there, too. */
function initialiseStore(words: Int32Array, payload: ArrayBuffer, plan: StorePlan): Heap {
  const memory = new Int32Array(payload, 0, (plan.heap + firstHeapBytes(plan)) / 4);
  words[STORE.LOG_ROOM] = LOG_FIRST_BYTES / 4;
  const none = () => undefined;
  const log = new UndoLog('', words, memory, plan.log / 4, plan.heap / 4, none);
  const heap = new Heap('', memory, log, plan.heap / 4, none);
  heap.initialise(memory.length);
  return heap;
}

/** The first pages of the heap. */
function firstHeapBytes(plan: StorePlan): number {
  return Math.min(16 * PAGE_BYTES, plan.end - plan.heap);
}

/** What is backed by pages from the beginning. */
function reservedAtFirst(plan: StorePlan): [number, number][] {
  return [
    [0, plan.log + LOG_FIRST_BYTES],
    [plan.heap, firstHeapBytes(plan)],
  ];
}
