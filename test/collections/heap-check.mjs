// Walks a map's (or list's) memory block by block and demands that every word of it is explained: nothing leaks, nothing is
// in two places, nothing is half done. It reads the file, takes no part, and shares no code with the heap that it checks.
//
// Whoever calls it sees to it that nothing changes meanwhile: everybody is at rest or dead and mended, or the caller has
// the lock: map.transaction(() => checkMap(name)).

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';

const DIST = new URL('../../dist', import.meta.url).pathname;
const require = createRequire(import.meta.url);
const { inspect } = require(`${DIST}/index.js`);
const LAYOUT = require(`${DIST}/collections/store-layout.js`);
const M = require(`${DIST}/collections/map-layout.js`);
const { planMap } = require(`${DIST}/collections/map-shape.js`);
const { decodeKey, KeyBuffer } = require(`${DIST}/collections/map-keys.js`);
const { AFTER_FREE, BLOCK, FREE, HEAP_COLUMNS, HEAP_ROWS, LEAST_UNITS, ROOT, SIZE_SHIFT, STORE } = LAYOUT;

function demand(holds, what) {
  if (!holds) throw new Error(`the heap check: ${typeof what === 'function' ? what() : what}`);
}

/** Where the parts of a file lie never changes; asking for it costs more than all the rest. */
let known = {};
function partsOf(name, fd, planFor) {
  const { ino } = fstatSync(fd);
  if (known.name !== name || known.ino !== ino) {
    const { header, contents } = inspect(name);
    known = { name, ino, header, plan: planFor(contents) };
  }
  return known;
}

/** A copy of what is to be checked: the control words, the roots and the heap. `word(i)`: a payload word. */
export function lookAt(name, planFor, sequences) {
  const fd = openSync(`/dev/shm/${name}`, 'r');
  try {
    const { header, plan } = partsOf(name, fd, planFor);
    const read = (offset, bytes) => {
      const array = new Int32Array(bytes / 4);
      const found = readSync(fd, new Uint8Array(array.buffer), 0, bytes, offset);
      demand(found === bytes, `the file ends at ${offset + found}`);
      return array;
    };
    const words = read(header.wordsOffset, LAYOUT.storeWordsBytes(sequences));
    const roots = read(header.payloadOffset, LAYOUT.ROOT_BYTES);
    const start = plan.heap / 4;
    const end = roots[ROOT.HEAP_END];
    demand(
      end > start && end <= plan.end / 4 && end % 1024 === 0,
      () => `the heap from ${start} ends at ${end}`,
    );
    const heap = read(header.payloadOffset + plan.heap, (end - start) * 4);
    const word = (index) => {
      demand(index < roots.length || (index >= start && index < end), () => `word ${index} is nowhere`);
      return index < roots.length ? roots[index] : heap[index - start];
    };
    const bytes = (at, length) => Buffer.from(heap.buffer, at - plan.heap, length);
    return { name, words, word, bytes, start, end, sequences };
  } finally {
    closeSync(fd);
  }
}

/** Nothing is under way. `lock`: 'free', or 'held' by whoever calls. */
function checkRest({ words, sequences }, lock) {
  demand(words[STORE.LOG_LENGTH] === 0, () => `the undo log has ${words[STORE.LOG_LENGTH]} words`);
  if (lock === 'free') demand(words[STORE.LOCK] === 0, () => `the lock word is ${words[STORE.LOCK] >>> 0}`);
  for (let part = 0; part < sequences; part++) {
    const number = words[STORE.SEQUENCES + part * LAYOUT.SEQUENCE_WORDS];
    demand(number % 2 === 0, () => `sequence ${part} is odd: ${number}`);
  }
}

/** Row and column of the free lists for a size: row 0 has exact sizes, each other one a power of two in 16 steps. */
function listOf(units) {
  if (units < HEAP_COLUMNS) return { row: 0, column: units };
  const power = Math.floor(Math.log2(units));
  return { row: power - 3, column: Math.floor((units / 2 ** power - 1) * HEAP_COLUMNS) };
}

/**
 * @param references  calls `refer(ref, what)` for each block that the structure has
 * @param look        from lookAt
 */
export function checkHeap(look, references) {
  const { word, start, end } = look;
  const blocks = new Map(); // ref => { units, free, listed, what }
  let used = 0;
  let before;
  for (let ref = start; ref < end - 2; ) {
    const head = word(ref);
    const units = head >>> SIZE_SHIFT;
    const free = (head & FREE) !== 0;
    const after = ref + units * 2;
    demand(units >= LEAST_UNITS && after <= end - 2, () => `the block at ${ref} has ${units} units`);
    demand(
      ((head & AFTER_FREE) !== 0) === (before?.free ?? false),
      () => `the block at ${ref} ${head & AFTER_FREE ? 'says' : 'does not say'} that the one before is free`,
    );
    if (free) {
      demand(!before?.free, () => `the free blocks before and at ${ref} are two`);
      demand(
        word(after - 1) === ref,
        () => `the free block at ${ref} says at its end that it is ${word(after - 1)}`,
      );
    } else used += units * 2;
    before = { units, free };
    blocks.set(ref, before);
    ref = after;
  }
  const mark = word(end - 2);
  demand(mark === (before.free ? AFTER_FREE : 0), () => `the mark at the heap's end is ${mark}`);
  demand(
    word(ROOT.HEAP_USED) === used,
    () => `${used} words are in use, not ${word(ROOT.HEAP_USED)} as it says`,
  );
  checkFreeLists(look, blocks);
  references((ref, what) => {
    const block = blocks.get(ref);
    demand(block !== undefined, () => `${what} refers to ${ref}, where no block begins`);
    demand(!block.free, () => `${what} refers to ${ref}, which is free`);
    demand(
      block.what === undefined,
      () => `${what} refers to ${ref}, to which ${block.what} has referred, too`,
    );
    block.what = what;
  });
  for (const [ref, { free, what, units }] of blocks)
    demand(free || what !== undefined, () => `the block at ${ref} (${units * 8} bytes) has leaked`);
  return { used: used * 4, blocks: blocks.size };
}

function checkFreeLists({ word }, blocks) {
  let rows = 0;
  for (let row = 0; row < HEAP_ROWS; row++) {
    let columns = 0;
    for (let column = 0; column < HEAP_COLUMNS; column++) {
      let previous = 0;
      for (let ref = word(ROOT.FREE_LISTS + row * HEAP_COLUMNS + column); ref !== 0; ) {
        columns |= 1 << column;
        const block = blocks.get(ref);
        demand(
          block?.free === true && block.listed === undefined,
          () => `a free list has ${ref}, which is not free, or twice`,
        );
        const list = listOf(block.units);
        demand(
          list.row === row && list.column === column,
          () => `the block at ${ref} (${block.units} units) is in the wrong list`,
        );
        demand(word(ref + BLOCK.PREVIOUS) === previous, () => `the link back of the free block at ${ref}`);
        block.listed = true;
        previous = ref;
        ref = word(ref + BLOCK.NEXT);
      }
    }
    demand(word(ROOT.FREE_COLUMNS + row) === columns, () => `the bits of row ${row} of the free lists`);
    if (columns !== 0) rows |= 1 << row;
  }
  demand(word(ROOT.FREE_ROWS) === rows, 'the bits of the rows of free lists');
  for (const [ref, { free, listed }] of blocks)
    demand(!free || listed, () => `the free block at ${ref} is in no list`);
}

/**
 * A SharedMap, all of it. What it holds is returned: how many entries, bytes in use, chains.
 *
 * @param lock  'free' (default): nobody may have it; 'held': the caller does
 */
export function checkMap(name, { lock = 'free' } = {}) {
  const look = lookAt(name, mapPlan, M.PARTS);
  checkRest(look, lock);
  const { word } = look;
  const chains = word(M.MAP.CHAINS);
  const keys = new KeyBuffer(word(M.MAP.SEED));
  let count = 0;
  const heap = checkHeap(look, (refer) => {
    const heads = checkTable(look, chains, refer);
    for (let chain = 0; chain < chains; chain++)
      count += checkChain(look, chain, heads[chain], chains, keys, refer);
  });
  demand(count === word(M.MAP.COUNT), () => `there are ${count} entries, not ${word(M.MAP.COUNT)}`);
  return { ...heap, count, chains };
}

const mapPlan = ({ maxBytes, maxEntries = 2 ** 30, evict }) => planMap({ maxBytes, maxEntries, evict });

/** The first entries of all chains. */
function checkTable({ word }, chains, refer) {
  demand(chains >= M.FIRST_CHAINS && chains <= M.MOST_CHAINS, () => `${chains} chains`);
  const heads = [];
  for (let part = 0; part < M.DIRECTORY_ENTRIES; part++) {
    const ref = word(M.MAP.DIRECTORY + part);
    const size = part === 0 ? M.FIRST_CHAINS : M.FIRST_CHAINS * 2 ** (part - 1);
    if (ref === 0) {
      demand(heads.length >= chains, () => `part ${part} of the table is missing`);
      continue;
    }
    refer(ref, `part ${part} of the table`);
    demand(word(ref + 1) === M.TABLE_MARK, () => `part ${part} of the table has no mark`);
    demand((word(ref) >>> SIZE_SHIFT) * 2 >= size + M.TABLE_HEAD_WORDS, `part ${part} of the table is small`);
    for (let place = 0; place < size; place++) heads.push(word(ref + M.TABLE_HEAD_WORDS + place));
  }
  demand(
    heads.slice(chains).every((head) => head === 0),
    'a chain that does not exist yet has entries',
  );
  return heads;
}

/** How many entries there are, each where its key belongs. */
function checkChain(look, chain, head, chains, keys, refer) {
  const { word, bytes } = look;
  const high = 2 ** Math.ceil(Math.log2(chains + 1));
  const seen = new Set();
  const next = word(M.MAP.NEXT_EXPIRY) * 2 ** 32 + (word(M.MAP.NEXT_EXPIRY + 1) >>> 0);
  for (let ref = head; ref !== 0; ref = word(ref + M.ENTRY.NEXT)) {
    refer(ref, `chain ${chain}`); // and ends the walk if the chain goes round
    const [hash, meta, length] = [M.ENTRY.HASH, M.ENTRY.META, M.ENTRY.LENGTH].map((at) => word(ref + at));
    const wide = (hash >>> 0) % high;
    demand(
      (wide < chains ? wide : wide % (high / 2)) === chain,
      () => `an entry with hash ${hash} is in chain ${chain} of ${chains}`,
    );
    const expires = (meta & M.EXPIRES) !== 0;
    const keyAt = (ref + (expires ? M.EXPIRING_ENTRY_WORDS : M.ENTRY_WORDS)) * 4;
    const keyLength = meta >>> M.KEY_LENGTH_SHIFT;
    const end = ref * 4 + (word(ref) >>> SIZE_SHIFT) * 8;
    demand(
      length >= 0 && keyAt + keyLength + length <= end,
      () => `the entry at ${ref} is longer than its block`,
    );
    const key = decodeKey(meta, bytes(keyAt, keyLength));
    const { hash: right, meta: type } = keys.encode(key);
    demand(
      right === hash && type === (meta & M.KEY_MASK),
      () => `the key at ${ref} is not what its hash says`,
    );
    demand(!seen.has(`${typeof key} ${key}`), () => `the key ${String(key)} is there twice`);
    seen.add(`${typeof key} ${key}`);
    const valueType = (meta & M.VALUE_TYPES) >>> M.VALUE_TYPE_SHIFT;
    demand(valueType <= LAYOUT.VALUE.BIGINT, () => `the value at ${ref} is of type ${valueType}`);
    if (!expires) continue;
    const expiry = word(ref + M.ENTRY.EXPIRY) * 2 ** 32 + (word(ref + M.ENTRY.EXPIRY + 1) >>> 0);
    demand(expiry >= next, () => `an entry expires at ${expiry}, nothing before ${next} as it says`);
  }
  return seen.size;
}
