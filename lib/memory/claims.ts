/** What the header of a damaged object says: for people who look for what happened to it. Nothing of it is relied on. */

import type { NativeSegment } from '../native/binding.js';
import { HEADER, KINDS, LIFETIMES, SCHEMA_OFFSET } from './header-layout.js';

/** Unchecked: each may be nonsense, or lack where the file is too short. */
export interface HeaderClaims {
  /** Its kind, or the number that stands for none. */
  readonly kind?: string;
  /** Version of the layout, `major.minor`. */
  readonly layout?: string;
  /** `'persistent'`, `'attached'`, or a number that is neither. */
  readonly lifetime?: string;
  /** Bytes that the file should have. */
  readonly fileBytes?: number;
  /** Where its data are. */
  readonly payload?: string;
  /** Where its control words are. */
  readonly words?: string;
  /** Where its participants are. */
  readonly roster?: string;
  /** When it was made (ISO 8601). */
  readonly createdAt?: string;
  /** Who made it. */
  readonly creatorPid?: number;
  /** The beginning of its text. */
  readonly schema?: string;
}

const SHOWN = 512;

export function readClaims(file: NativeSegment): HeaderClaims {
  const head = file.read(0, SCHEMA_OFFSET);
  if (head.length < SCHEMA_OFFSET) return {};
  const u32 = (offset: number): number => head.readUInt32LE(offset);
  const u64 = (offset: number): number => Number(head.readBigUInt64LE(offset));
  const kind = u32(HEADER.KIND);
  const lifetime = u32(HEADER.LIFETIME);
  const created = new Date(u64(HEADER.CREATED_AT));
  const schema = file.read(u32(HEADER.SCHEMA_OFFSET), Math.min(u32(HEADER.SCHEMA_BYTES), SHOWN));
  return {
    kind: Object.entries(KINDS).find(([, number]) => number === kind)?.[0] ?? `number ${kind}`,
    layout: `${head.readUInt16LE(HEADER.MAJOR)}.${head.readUInt16LE(HEADER.MINOR)}`,
    lifetime: LIFETIMES[lifetime] ?? `number ${lifetime}`,
    fileBytes: u64(HEADER.FILE_BYTES),
    payload: `${u64(HEADER.PAYLOAD_BYTES)} bytes at ${u64(HEADER.PAYLOAD_OFFSET)}`,
    words: `${u32(HEADER.WORDS_BYTES)} bytes at ${u32(HEADER.WORDS_OFFSET)}`,
    roster: `${u32(HEADER.PARTICIPANTS)} slots at ${u32(HEADER.ROSTER_OFFSET)}, marks at ${u32(HEADER.MARKS_OFFSET)}`,
    createdAt: Number.isNaN(created.getTime()) ? 'an impossible date' : created.toISOString(),
    creatorPid: u32(HEADER.CREATOR_PID),
    schema: schema.toString('utf8'),
  };
}
