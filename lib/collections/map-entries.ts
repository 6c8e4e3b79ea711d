/** The first entries of a map, for tools that look at it from outside. */

import type { Describe } from '../memory/directory.js';
import { sharedNow } from './expiry.js';
import { decodeKey } from './map-keys.js';
import {
  DIRECTORY_ENTRIES,
  ENTRY,
  ENTRY_WORDS,
  EXPIRES,
  EXPIRING_ENTRY_WORDS,
  FIRST_CHAINS,
  KEY_LENGTH_SHIFT,
  LONGEST_KEY,
  MAP,
  MOST_CHAINS,
  PARTS,
  TABLE_HEAD_WORDS,
} from './map-layout.js';
import { mapType, planMap } from './map-shape.js';
import { MapTable } from './map-table.js';
import { StoreLook } from './store-look.js';

export interface ShownEntry {
  readonly key: unknown;
  readonly value: unknown;
  /** ms until it is gone. */
  readonly expiresIn?: number;
}

export interface ShownEntries {
  readonly first: ShownEntry[];
  /** Parts (of 64) that were being changed and could not be read. */
  readonly unseenParts?: number;
  readonly problem?: string;
}

export function entriesOf(object: Parameters<Describe>[0], limit: number): ShownEntries {
  const { header } = object;
  const store = new StoreLook(
    object,
    planMap(mapType(header.kind).parse(header.schema, header, 'the object')).heap,
  );
  const first: ShownEntry[] = [];
  const unseen = new Set<number>();
  let problem: string | undefined;
  try {
    const chains = store.root(MAP.CHAINS);
    if (chains < FIRST_CHAINS || chains > MOST_CHAINS)
      throw store.corrupt(`it says that it has ${chains} chains`);
    for (let chain = 0; chain < chains && first.length < limit; chain++) {
      const part = chain & (PARTS - 1);
      if (unseen.has(part)) continue;
      const found = store.atOneMoment(part, () => chainOf(store, chain, limit - first.length));
      if (found === undefined) unseen.add(part);
      else first.push(...found);
    }
  } catch (error) {
    problem = (error as Error).message;
  }
  return {
    first,
    ...(unseen.size === 0 ? {} : { unseenParts: unseen.size }),
    ...(problem === undefined ? {} : { problem }),
  };
}

function chainOf(store: StoreLook, chain: number, limit: number): ShownEntry[] {
  const part = MapTable.partOf(chain);
  const table = part < DIRECTORY_ENTRIES ? store.root(MAP.DIRECTORY + part) : 0;
  const place = chain < FIRST_CHAINS ? chain : chain - (1 << (31 - Math.clz32(chain)));
  const found: ShownEntry[] = [];
  let ref = store.word(table + TABLE_HEAD_WORDS + place);
  const seen = new Set<number>();
  while (ref !== 0 && found.length < limit) {
    if (seen.has(ref)) throw store.corrupt('a chain of entries goes round in a circle');
    seen.add(ref);
    const { next, entry } = entryAt(store, ref);
    if (entry !== undefined) found.push(entry);
    ref = next;
  }
  return found;
}

function entryAt(store: StoreLook, ref: number): { next: number; entry: ShownEntry | undefined } {
  const head = store.bytes(ref, 4 * ENTRY_WORDS);
  const meta = head.readUInt32LE(4 * ENTRY.META);
  const length = head.readUInt32LE(4 * ENTRY.LENGTH);
  const next = head.readUInt32LE(4 * ENTRY.NEXT);
  const keyLength = meta >>> KEY_LENGTH_SHIFT;
  const words = (meta & EXPIRES) === 0 ? ENTRY_WORDS : EXPIRING_ENTRY_WORDS;
  if (keyLength > LONGEST_KEY) throw store.corrupt(`a key says it has ${keyLength} bytes`);
  store.checkBlock(ref, head.readUInt32LE(), 4 * words + keyLength + length);
  const expiry = words === ENTRY_WORDS ? Number.POSITIVE_INFINITY : timeAt(store, ref + ENTRY.EXPIRY);
  const expiresIn = Math.ceil(expiry - sharedNow());
  if (expiresIn <= 0) return { next, entry: undefined };
  const key = decodeKey(meta, store.bytes(ref + words, keyLength));
  if (key === undefined) throw store.corrupt('a key makes no sense');
  const value = store.value(MapTable.valueType(meta), length, ref + words, keyLength);
  return { next, entry: { key, value, ...(Number.isFinite(expiresIn) ? { expiresIn } : {}) } };
}

function timeAt(store: StoreLook, word: number): number {
  const two = store.bytes(word, 8);
  return two.readInt32LE(0) * 2 ** 32 + two.readUInt32LE(4);
}
