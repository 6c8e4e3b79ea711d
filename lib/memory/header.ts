/** Writes a header for a new object, and reads one that is not trusted yet. */

import { type CorruptError, damaged, ForeignError, MismatchError } from '../errors.js';
import type { NativeSegment } from '../native/binding.js';
import {
  BYTE_ORDER_MARK,
  CONTROL_ALIGNMENT,
  FLAG_MIRRORED,
  HEADER,
  KINDS,
  type Kind,
  LAYOUT_MAJOR,
  LAYOUT_MINOR,
  LIFETIMES,
  MAGIC,
  PAYLOAD_ALIGNMENT,
  SCHEMA_MAX_BYTES,
  SCHEMA_OFFSET,
  STATE_OPEN,
} from './header-layout.js';
import { randomHex } from './random.js';
import { MARK_PAGE_BYTES, SLOT_BYTES } from './roster-layout.js';

/** What kind of file stands under a name: one of this package's objects, a POSIX semaphore, or raw shared memory. */
export type ObjectKind =
  | 'value'
  | 'array'
  | 'spsc'
  | 'lock'
  | 'pool'
  | 'rlock'
  | 'rwlock'
  | 'event'
  | 'condition'
  | 'barrier'
  | 'queue'
  | 'pipe'
  | 'struct'
  | 'map'
  | 'list'
  | 'namespace'
  | 'semaphore'
  | 'memory';

/** An object's header, as tools show it: where its areas are, and where it comes from. */
export interface ObjectHeader {
  /** Never a semaphore or raw memory: those have no header. */
  readonly kind: ObjectKind;
  /** The layout's version; ours must have the same major number. */
  readonly major: number;
  /** Grows with what older versions may ignore. */
  readonly minor: number;
  /** When it goes: see the option of the same name. */
  readonly lifetime: 'persistent' | 'attached';
  /** The size of the file. */
  readonly fileBytes: number;
  /** Where the payload begins. */
  readonly payloadOffset: number;
  /** How long it is. */
  readonly payloadBytes: number;
  /** Whether it is mapped twice in a row. */
  readonly mirrored: boolean;
  /** Where the control words begin. */
  readonly wordsOffset: number;
  /** How long they are. */
  readonly wordsBytes: number;
  /** Where the table of participants begins. */
  readonly rosterOffset: number;
  /** How many it has room for. */
  readonly participants: number;
  /** Where the pages of their death marks begin. */
  readonly marksOffset: number;
  /** Random, in hex: tells two objects apart that had the same name. */
  readonly instanceId: string;
  /** When it was made. */
  readonly createdAt: Date;
  /** By which process, in its own pid namespace. */
  readonly creatorPid: number;
}

/** Everything a header says; all of it checked against the file. */
export interface Header extends ObjectHeader {
  readonly kind: Kind;
  /** What the kind recorded: element type, length, codec, … */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** What a kind wants; the rest of the header follows from it. */
interface SegmentPlan {
  readonly kind: Kind;
  readonly lifetime: Header['lifetime'];
  readonly participants: number;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly wordsBytes: number;
  readonly payloadBytes: number;
  readonly mirrored: boolean;
}

function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** Lays a new object out. */
export function layOut(plan: SegmentPlan): Header {
  const schemaBytes = Buffer.byteLength(JSON.stringify(plan.schema));
  const wordsOffset = alignUp(SCHEMA_OFFSET + schemaBytes, CONTROL_ALIGNMENT);
  const rosterOffset = wordsOffset + alignUp(plan.wordsBytes, CONTROL_ALIGNMENT);
  const marksOffset = rosterOffset + alignUp(plan.participants * SLOT_BYTES, CONTROL_ALIGNMENT);
  const payloadOffset = alignUp(marksOffset + plan.participants * MARK_PAGE_BYTES, PAYLOAD_ALIGNMENT);
  return {
    ...plan,
    major: LAYOUT_MAJOR,
    minor: LAYOUT_MINOR,
    fileBytes: payloadOffset + plan.payloadBytes,
    payloadOffset,
    wordsOffset,
    rosterOffset,
    marksOffset,
    instanceId: randomHex(),
    createdAt: new Date(),
    creatorPid: process.pid,
  };
}

/** Fills the header pages of an object that nobody else can see yet. */
export function writeHeader(control: ArrayBuffer, header: Header): void {
  const view = new DataView(control);
  const bytes = new Uint8Array(control);
  const schema = Buffer.from(JSON.stringify(header.schema));
  bytes.set(MAGIC, HEADER.MAGIC);
  view.setUint32(HEADER.BYTE_ORDER, BYTE_ORDER_MARK, true);
  view.setUint16(HEADER.MAJOR, header.major, true);
  view.setUint16(HEADER.MINOR, header.minor, true);
  view.setUint32(HEADER.KIND, KINDS[header.kind], true);
  view.setUint32(HEADER.LIFETIME, LIFETIMES.indexOf(header.lifetime), true);
  view.setBigUint64(HEADER.FILE_BYTES, BigInt(header.fileBytes), true);
  view.setBigUint64(HEADER.PAYLOAD_OFFSET, BigInt(header.payloadOffset), true);
  view.setBigUint64(HEADER.PAYLOAD_BYTES, BigInt(header.payloadBytes), true);
  view.setUint32(HEADER.WORDS_OFFSET, header.wordsOffset, true);
  view.setUint32(HEADER.WORDS_BYTES, header.wordsBytes, true);
  view.setUint32(HEADER.ROSTER_OFFSET, header.rosterOffset, true);
  view.setUint32(HEADER.PARTICIPANTS, header.participants, true);
  view.setUint32(HEADER.MARKS_OFFSET, header.marksOffset, true);
  view.setUint32(HEADER.SCHEMA_OFFSET, SCHEMA_OFFSET, true);
  view.setUint32(HEADER.SCHEMA_BYTES, schema.length, true);
  view.setUint32(HEADER.FLAGS, header.mirrored ? FLAG_MIRRORED : 0, true);
  bytes.set(Buffer.from(header.instanceId, 'hex'), HEADER.INSTANCE_ID);
  view.setBigUint64(HEADER.CREATED_AT, BigInt(header.createdAt.getTime()), true);
  view.setUint32(HEADER.CREATOR_PID, header.creatorPid, true);
  view.setUint32(HEADER.STATE, STATE_OPEN, true);
  bytes.set(schema, SCHEMA_OFFSET);
}

/** True for a file that begins with the magic: ours, healthy or not. */
export function hasMagic(head: Buffer): boolean {
  return head.length >= MAGIC.length && head.subarray(0, MAGIC.length).equals(MAGIC);
}

/**
 * Reads and checks a header through `pread`, without mapping anything: what it returns lies within the file.
 * Throws ForeignError (not ours), MismatchError (another layout version), CorruptError (ours, but damaged).
 */
export function readHeader(segment: NativeSegment, fileBytes: number, path: string): Header {
  const head = segment.read(0, SCHEMA_OFFSET);
  if (!hasMagic(head)) {
    throw new ForeignError(
      `'${path}' is not an isthmus object (its first bytes are not the magic); it is left as it is: choose another name, or remove it yourself`,
    );
  }
  const corrupt = (what: string): CorruptError => damaged(path, what);
  if (head.length < SCHEMA_OFFSET) throw corrupt(`the file has ${fileBytes} bytes, less than a header`);
  const u32 = (offset: number): number => head.readUInt32LE(offset);
  const u64 = (offset: number): number => Number(head.readBigUInt64LE(offset));

  const mark = u32(HEADER.BYTE_ORDER);
  if (mark === 0x04030201) throw new MismatchError(`'${path}' was made on a machine of the other byte order`);
  if (mark !== BYTE_ORDER_MARK) throw corrupt('the byte-order mark is wrong');
  const major = head.readUInt16LE(HEADER.MAJOR);
  const minor = head.readUInt16LE(HEADER.MINOR);
  if (major !== LAYOUT_MAJOR) {
    throw new MismatchError(
      `'${path}' has layout version ${major}.${minor}; this version of isthmus reads ${LAYOUT_MAJOR}.x: use the same version in all programs`,
    );
  }
  if (u64(HEADER.FILE_BYTES) !== fileBytes) {
    throw corrupt(
      `the header says ${u64(HEADER.FILE_BYTES)} bytes, the file has ${fileBytes} (was it truncated?)`,
    );
  }
  const kind = (Object.keys(KINDS) as Kind[]).find((name) => KINDS[name] === u32(HEADER.KIND));
  if (kind === undefined) {
    throw new MismatchError(
      `'${path}' is of kind number ${u32(HEADER.KIND)}, which this version of isthmus does not know`,
    );
  }
  const lifetime = LIFETIMES[u32(HEADER.LIFETIME)];
  if (lifetime === undefined) throw corrupt(`lifetime ${u32(HEADER.LIFETIME)} is unknown`);

  const header = {
    kind,
    major,
    minor,
    lifetime,
    fileBytes,
    payloadOffset: u64(HEADER.PAYLOAD_OFFSET),
    payloadBytes: u64(HEADER.PAYLOAD_BYTES),
    mirrored: (u32(HEADER.FLAGS) & FLAG_MIRRORED) !== 0,
    wordsOffset: u32(HEADER.WORDS_OFFSET),
    wordsBytes: u32(HEADER.WORDS_BYTES),
    rosterOffset: u32(HEADER.ROSTER_OFFSET),
    participants: u32(HEADER.PARTICIPANTS),
    marksOffset: u32(HEADER.MARKS_OFFSET),
    instanceId: head.toString('hex', HEADER.INSTANCE_ID, HEADER.INSTANCE_ID + 16),
    createdAt: new Date(u64(HEADER.CREATED_AT)),
    creatorPid: u32(HEADER.CREATOR_PID),
  };
  const schemaOffset = u32(HEADER.SCHEMA_OFFSET);
  const schemaBytes = u32(HEADER.SCHEMA_BYTES);
  if (schemaBytes > SCHEMA_MAX_BYTES) throw corrupt(`a schema of ${schemaBytes} bytes`);
  // The areas in their order, each where the one before it ends or later; sums stay far below 2^53.
  const inOrder =
    schemaOffset >= HEADER.STATE + 4 &&
    header.wordsOffset >= schemaOffset + schemaBytes &&
    header.rosterOffset >= header.wordsOffset + header.wordsBytes &&
    header.marksOffset >= header.rosterOffset + header.participants * SLOT_BYTES &&
    header.payloadOffset >= header.marksOffset + header.participants * MARK_PAGE_BYTES &&
    header.payloadOffset + header.payloadBytes === fileBytes;
  const aligned =
    header.wordsOffset % CONTROL_ALIGNMENT === 0 &&
    header.rosterOffset % CONTROL_ALIGNMENT === 0 &&
    header.marksOffset % CONTROL_ALIGNMENT === 0 &&
    header.payloadOffset % PAYLOAD_ALIGNMENT === 0;
  if (!inOrder || !aligned || header.participants < 1 || header.participants > 1023) {
    throw corrupt('its areas overlap, are misaligned or lie outside the file');
  }
  if (header.mirrored && header.payloadBytes % PAYLOAD_ALIGNMENT !== 0)
    throw corrupt('its ring is not a multiple of 64 KiB');
  return { ...header, schema: parseSchema(segment.read(schemaOffset, schemaBytes), corrupt) };
}

function parseSchema(bytes: Buffer, corrupt: (what: string) => CorruptError): Record<string, unknown> {
  let schema: unknown;
  try {
    schema = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw corrupt('its schema is not JSON');
  }
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    throw corrupt('its schema is not a JSON object');
  return schema as Record<string, unknown>;
}
