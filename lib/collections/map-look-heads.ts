/** Which chains of a map have entries, for tools that look at it from outside: most of a large table may be empty. */

import type { Looked } from '../memory/directory.js';
import { FIRST_CHAINS, MAP, TABLE_HEAD_WORDS } from './map-layout.js';
import { MapTable } from './map-table.js';
import { STORE } from './store-layout.js';
import type { StoreLook } from './store-look.js';

/** So many chains' first references are read at once: 16 KiB. */
const AT_ONCE = 4096;
/** So often, while the map is being changed. */
const LOOKS = 8;

/**
 * The chains that may have entries, of so many. Those are left out that were empty at a moment at which the map had so many
 * chains: once a chain is divided, that it is empty tells nothing of where its entries went.
 */
export function* filledChains(
  object: Looked,
  look: () => StoreLook,
  chains: number,
): Generator<number, void, undefined> {
  for (let chain = 0, many: number; chain < chains; chain += many) {
    const behindPart = chain < FIRST_CHAINS ? FIRST_CHAINS : 2 ** (32 - Math.clz32(chain));
    many = Math.min(behindPart, chains, chain + AT_ONCE) - chain;
    const heads = headsFrom(object, look, chain, many, chains);
    for (let n = 0; n < many; n++)
      if (heads === undefined || heads.readUInt32LE(4 * n) !== 0) yield chain + n;
  }
}

/** The word with a chain's first reference. */
export function headOf(store: StoreLook, chain: number): number {
  const place = chain < FIRST_CHAINS ? chain : chain - 2 ** (31 - Math.clz32(chain));
  return store.root(MAP.DIRECTORY + MapTable.partOf(chain)) + TABLE_HEAD_WORDS + place;
}

/** The first references of chains in a row in one part of the table; undefined if they cannot be trusted. */
function headsFrom(
  object: Looked,
  look: () => StoreLook,
  chain: number,
  many: number,
  chains: number,
): Buffer | undefined {
  for (let round = 0; round < LOOKS; round++) {
    const before = look();
    if (before.root(MAP.CHAINS) !== chains) return undefined;
    const head = headOf(before, chain);
    if (!before.has(head, 4 * many)) return undefined; // whoever looks at these chains one by one finds it out
    const heads = before.bytes(head, 4 * many);
    // A change half done: it may be the one that divides a chain of these.
    if (object.word(STORE.LOG_LENGTH) !== 0) continue;
    const after = look();
    if (after.root(MAP.CHAINS) === chains && headOf(after, chain) === head) return heads;
  }
  return undefined;
}
