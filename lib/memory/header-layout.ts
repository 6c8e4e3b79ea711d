/**
 * Where things lie in a segment: offsets only. `docs/layout.md` shows the same table and a test holds the two together.
 *
 * ```text
 *  0                                                                              file size
 *  ├─ header ─┬─ words ─┬─ roster ─┬─ marks (sparse) ─┬·· pad ··┬───── payload ─────┤   lock bytes: beyond the end
 *  │ 4 KiB ×n │ 4 KiB   │ 64 B/slot│ 4 KiB per slot   │         │ at 64 KiB × n     │
 *  └──────────────── control pages: one ArrayBuffer ────────────┴── another one ────┘
 * ```
 *
 * All numbers are little-endian. The header is written once, before the name appears; only `STATE` changes later.
 */

/** "isthmus" and a NUL. */
export const MAGIC = Buffer.from('isthmus\0', 'latin1');
/** Reads as 0x04030201 on a machine of the other byte order. */
export const BYTE_ORDER_MARK = 0x01020304;
/** A reader needs the same major version; minor versions only add. */
export const LAYOUT_MAJOR = 1;
export const LAYOUT_MINOR = 0;

/** Byte offsets in the header. */
export const HEADER = {
  MAGIC: 0, // 8 bytes
  BYTE_ORDER: 8, // u32
  MAJOR: 12, // u16
  MINOR: 14, // u16
  KIND: 16, // u32, see KINDS
  LIFETIME: 20, // u32, see LIFETIMES
  FILE_BYTES: 24, // u64
  PAYLOAD_OFFSET: 32, // u64, a multiple of 64 KiB
  PAYLOAD_BYTES: 40, // u64
  WORDS_OFFSET: 48, // u32
  WORDS_BYTES: 52, // u32
  ROSTER_OFFSET: 56, // u32
  PARTICIPANTS: 60, // u32
  MARKS_OFFSET: 64, // u32
  SCHEMA_OFFSET: 68, // u32
  SCHEMA_BYTES: 72, // u32
  FLAGS: 76, // u32, see FLAG_MIRRORED
  INSTANCE_ID: 80, // 16 random bytes
  CREATED_AT: 96, // u64, ms since 1970
  CREATOR_PID: 104, // u32
  STATE: 128, // u32 on a line of its own, see STATE; written under the gate byte
} as const;

/** Where the schema (UTF-8 JSON) starts; it may run on into further header pages. */
export const SCHEMA_OFFSET = 256;
/** No schema is longer. */
export const SCHEMA_MAX_BYTES = 1024 * 1024;

/** The payload may be mapped a second time right behind itself. */
export const FLAG_MIRRORED = 1;

export const STATE_OPEN = 1;
/** Somebody holding the gate byte is about to remove the name. */
export const STATE_CONDEMNED = 2;

export const LIFETIMES = ['persistent', 'attached'] as const;

/** Kind numbers are part of the layout: append only. */
export const KINDS = {
  value: 1,
  array: 2,
  spsc: 3,
  lock: 4,
  pool: 5,
  rlock: 6,
  rwlock: 7,
  event: 8,
  condition: 9,
  barrier: 10,
  queue: 11,
  pipe: 12,
  struct: 13,
  map: 14,
  list: 15,
  namespace: 16,
} as const;
export type Kind = keyof typeof KINDS;

/** Control areas start at multiples of this. */
export const CONTROL_ALIGNMENT = 4096;
/** The payload starts at a multiple of this, so that one layout serves hosts of every page size. */
export const PAYLOAD_ALIGNMENT = 65536;

/** The files of objects in the making where unnamed files are not available: this, then 32 hexadecimal digits. */
export const TEMPORARY_PREFIX = '.isthmus-';

/**
 * Bytes beyond any file size that are only ever locked, never read or written: the maker of a file with a temporary
 * name, the gate that serialises removals, then one byte per slot.
 */
export const MAKER_BYTE = 2 ** 40 - 1;
export const GATE_BYTE = 2 ** 40;
export const SLOT_BYTE = 2 ** 40 + 1;
