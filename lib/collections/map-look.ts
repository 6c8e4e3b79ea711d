/** The first entries of a map, for tools that look at it from outside. */

import type { Looked } from '../memory/directory.js';
import { decodeKey } from './map-keys.js';
import {
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
} from './map-layout.js';
import { filledChains, headOf } from './map-look-heads.js';
import { mapType, planMap } from './map-shape.js';
import { MapTable } from './map-table.js';
import { sharedNow } from './shared-clock.js';
import { StoreLook } from './store-look.js';

interface ShownEntry {
  readonly key: unknown;
  readonly value: unknown;
  /** ms until it is gone. */
  readonly expiresIn?: number;
}

interface ShownEntries {
  readonly first: ShownEntry[];
  /** Parts (of 64) that were not read, or not all of: they were being changed, or there was too much to look through. */
  readonly unseenParts?: number;
  readonly problem?: string;
}

/** If it is cleared, or grows to several times its size, we begin again; so often. */
const BEGINNINGS = 4;
/** So many chains and entries may be looked at in vain, and some for each entry that is found, before the rest is left out. */
const MOST_IN_VAIN = 65_536;
const IN_VAIN_EACH = 4;

export function entriesOf(object: Looked, limit: number): ShownEntries {
  const { header } = object;
  const heap = planMap(mapType(header.kind).parse(header.schema, header, 'the object')).heap;
  const walk = new Walk(object, () => new StoreLook(object, heap), limit);
  let problem: string | undefined;
  try {
    for (let left = BEGINNINGS - 1; !walk.all(left === 0); left--);
  } catch (error) {
    problem = (error as Error).message;
  }
  const { first, unseen } = walk;
  return {
    first,
    ...(unseen.size === 0 ? {} : { unseenParts: unseen.size }),
    ...(problem === undefined ? {} : { problem }),
  };
}

/**
 * One chain after another, as many as there were in the beginning. A chain stands for the keys that would be in it if there
 * were still so many, wherever they are when its turn comes: so each key has one turn, however the table grows.
 */
class Walk {
  readonly first: ShownEntry[] = [];
  /** Parts that were not seen, or not all of. */
  readonly unseen = new Set<number>();
  readonly #object: Looked;
  readonly #look: () => StoreLook;
  readonly #limit: number;

  /** @param look a new look, with the roots as they are now */
  constructor(object: Looked, look: () => StoreLook, limit: number) {
    this.#object = object;
    this.#look = look;
    this.#limit = limit;
  }

  /** False: the table has become another one meanwhile, begin again; not if this is the last time. */
  all(last: boolean): boolean {
    this.first.length = 0;
    this.unseen.clear();
    const looker = this.#look();
    const chains = chainsOf(looker);
    let inVain = 0;
    for (const chain of filledChains(this.#object, this.#look, chains)) {
      if (this.first.length >= this.#limit) return true;
      const part = chain & (PARTS - 1);
      if (this.unseen.has(part)) continue;
      const most = MOST_IN_VAIN + IN_VAIN_EACH * this.first.length - inVain;
      if (most <= 0) {
        for (let rest = chain; rest < Math.min(chains, chain + PARTS); rest++)
          this.unseen.add(rest & (PARTS - 1));
        return true;
      }
      const turn = looker.atOneMoment(part, () => this.#turnOf(chain, chains, last, most));
      if (turn === 'begin again') return false;
      if (turn === undefined || !turn.whole) this.unseen.add(part);
      if (turn === undefined) continue;
      this.first.push(...turn.found);
      inVain += turn.steps - turn.found.length;
    }
    return true;
  }

  #turnOf(chain: number, chains: number, last: boolean, most: number): Turn | 'begin again' {
    const store = this.#look();
    const now = chainsOf(store);
    if (!last && (now < chains / 2 || now > chains * 4)) return 'begin again';
    const turn = { found: [] as ShownEntry[], steps: 0, whole: true };
    const seen = new Set<number>();
    for (const place of placesOf(chain, chains, now)) {
      if (turn.steps++ - turn.found.length >= most) return { ...turn, whole: false };
      let ref = store.word(headOf(store, place));
      for (; ref !== 0 && this.first.length + turn.found.length < this.#limit; turn.steps++) {
        if (seen.has(ref)) throw store.corrupt('a chain of entries goes round in a circle');
        seen.add(ref);
        if (turn.steps - turn.found.length >= most) return { ...turn, whole: false };
        const { next, hash, entry } = entryAt(store, ref);
        const ours = now >= chains || MapTable.chainOf(hash, chains) === chain;
        if (ours && entry !== undefined) turn.found.push(entry);
        ref = next;
      }
    }
    return turn;
  }
}

interface Turn {
  readonly found: ShownEntry[];
  /** Chains and entries looked at. */
  readonly steps: number;
  /** Whether all were. */
  readonly whole: boolean;
}

function chainsOf(store: StoreLook): number {
  const chains = store.root(MAP.CHAINS);
  if (chains < FIRST_CHAINS || chains > MOST_CHAINS)
    throw store.corrupt(`it says that it has ${chains} chains`);
  return chains;
}

/** Where the keys are now, among `now` chains, that were or would have been in a chain among so many. */
function* placesOf(chain: number, chains: number, now: number): Generator<number, void, undefined> {
  if (now < chains) {
    yield MapTable.chainOf(chain, now);
    return;
  }
  const half = 2 ** (31 - Math.clz32(chains));
  const divided = chain < chains - half || chain >= half;
  for (let place = chain; place < now; place += divided ? 2 * half : half) yield place;
}

function entryAt(
  store: StoreLook,
  ref: number,
): { next: number; hash: number; entry: ShownEntry | undefined } {
  const head = store.bytes(ref, 4 * ENTRY_WORDS);
  const meta = head.readUInt32LE(4 * ENTRY.META);
  const length = head.readUInt32LE(4 * ENTRY.LENGTH);
  const next = head.readUInt32LE(4 * ENTRY.NEXT);
  const hash = head.readInt32LE(4 * ENTRY.HASH);
  const keyLength = meta >>> KEY_LENGTH_SHIFT;
  const words = (meta & EXPIRES) === 0 ? ENTRY_WORDS : EXPIRING_ENTRY_WORDS;
  if (keyLength > LONGEST_KEY) throw store.corrupt(`a key says it has ${keyLength} bytes`);
  store.checkBlock(ref, head.readUInt32LE(), 4 * words + keyLength + length);
  const expiry = words === ENTRY_WORDS ? Number.POSITIVE_INFINITY : timeAt(store, ref + ENTRY.EXPIRY);
  const expiresIn = Math.ceil(expiry - sharedNow());
  if (expiresIn <= 0) return { next, hash, entry: undefined };
  const key = decodeKey(meta, store.bytes(ref + words, keyLength));
  if (key === undefined) throw store.corrupt('a key makes no sense');
  const value = store.value(MapTable.valueType(meta), length, ref + words, keyLength);
  return { next, hash, entry: { key, value, ...(Number.isFinite(expiresIn) ? { expiresIn } : {}) } };
}

function timeAt(store: StoreLook, word: number): number {
  const two = store.bytes(word, 8);
  return two.readInt32LE(0) * 2 ** 32 + two.readUInt32LE(4);
}
