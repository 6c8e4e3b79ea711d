// What is written over an object: generators that prefer the places and the values that mean something.
//
// A scribble is { area, offset, how, bytes }: `area` 'header', 'words', 'roster', 'marks' or 'payload' as the object was
// made, `how` the hex `bytes` get there: they are 'set', or combined with what is there by 'xor' or (32 bits) 'add'.

import { createRequire } from 'node:module';
import fc from 'fast-check';
import { DIST, KINDS } from './kinds.mjs';

const require = createRequire(import.meta.url);
const { HEADER, SCHEMA_OFFSET } = require(`${DIST}/memory/header-layout.js`);
const { ENTRY, ENTRY_WORDS } = require(`${DIST}/memory/slot-table-layout.js`);
const { MARK_OFFSET, MARK_PAGE_BYTES, SLOT, SLOT_BYTES } = require(`${DIST}/memory/roster-layout.js`);

/** The participants that every case knows: see victim.mjs. */
export const NEIGHBOUR = { slot: 1, generation: 7 };

const hex32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes.toString('hex');
};
const owner = (slot, generation) => ((generation << 10) | slot) >>> 0;

/** Words that name somebody: ourselves, a living neighbour, a dead one, nobody's slot; with any flags. */
const owners = fc
  .tuple(
    fc.constantFrom(
      0,
      owner(0, 1),
      owner(0, 2),
      owner(0, 3),
      owner(NEIGHBOUR.slot, NEIGHBOUR.generation),
      owner(NEIGHBOUR.slot, 6),
      owner(2, 1),
      owner(3, 1),
      owner(4, 1),
      owner(1023, 0xfffff),
    ),
    fc.constantFrom(0, 0x40000000, 0x80000000, 0xc0000000),
  )
  .map(([who, flags]) => who | flags);

const numbers = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 4, 7, 8, 9, 16, 64, 4096, 65536, 65535, 1023, 1024),
  fc.constantFrom(0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8, 0x7ffffff8, 0x40000000, 0x3fffffff),
  owners,
  fc.nat(200),
  fc.integer({ min: 0, max: 0xffffffff }),
);

const large = fc.oneof(
  fc.constantFrom(0x7ffffff8, 0x3ffffff8, 0x1ffffff0, 0x10000000, 65544, 0x80000000, 0xfffffff0),
  numbers,
);

const set32 = numbers.map((value) => ({ how: 'set', bytes: hex32(value) }));
const near32 = fc.constantFrom(1, -1, 8, -8, 7, 16, 64, -64, 4096, -4096, 65536, -65536, 0x40000000);
const change32 = fc.oneof(
  { weight: 4, arbitrary: set32 },
  { weight: 2, arbitrary: near32.map((by) => ({ how: 'add', bytes: hex32(by) })) },
  { weight: 2, arbitrary: fc.nat(31).map((bit) => ({ how: 'xor', bytes: hex32(2 ** bit) })) },
);
const anything = fc
  .uint8Array({ minLength: 1, maxLength: 24 })
  .map((bytes) => ({ how: 'set', bytes: Buffer.from(bytes).toString('hex') }));

const at = (area, offsets, changes) =>
  fc.tuple(offsets, changes).map(([offset, change]) => [{ area, offset, ...change }]);
const oneOf = (...values) => fc.constantFrom(...values);
const slots = fc.nat(3);

const fields = Object.values(HEADER).filter((offset) => offset > 0);
const header = at('header', oneOf(...fields), change32);
/** Areas that are where they were not, and still in order: such a header passes. */
const moved = fc
  .tuple(fc.array(fc.nat(17), { minLength: 3, maxLength: 3 }), fc.constantFrom(1, 2, 4, 5))
  .map(([places, count]) => {
    const [words, roster, marks] = places.sort((a, b) => a - b).map((place) => 4096 * place);
    const set = (field, value) => ({
      area: 'header',
      offset: HEADER[field],
      how: 'set',
      bytes: hex32(value),
    });
    return [
      set('WORDS_OFFSET', words),
      set('ROSTER_OFFSET', roster),
      set('MARKS_OFFSET', marks),
      set('PARTICIPANTS', count),
      set('WORDS_BYTES', roster - words),
    ];
  });
const odd = fc.oneof(fc.constantFrom(0, 1, -1, 0.5, 8, 64, 100, 4096, 65536, 1e9, 1e300, null, ''), fc.nat());
/** Fields of a struct: the first is sound, for the struct of kinds-struct.mjs. */
const declared = fc.oneof(
  fc.constant([
    { name: 'hits', type: 'f64', offset: 0 },
    { name: 'samples', type: 'u8', length: 88, offset: 8 },
  ]),
  fc.array(
    fc.record(
      {
        name: fc.oneof(fc.constantFrom('hits', 'label', '__proto__', 'a.b'), odd),
        type: fc.oneof(fc.constantFrom('u8', 'f64', 'text', 'struct', 'toString'), odd),
        length: odd,
        bytes: odd,
        offset: odd,
        fields: fc.json({ maxDepth: 2 }).map(JSON.parse),
      },
      { requiredKeys: [] },
    ),
    { maxLength: 4 },
  ),
  odd,
);
const schema = fc
  .record(
    {
      type: fc.oneof(
        fc.constantFrom(
          'i8',
          'u8',
          'i16',
          'u16',
          'i32',
          'u32',
          'i64',
          'u64',
          'f32',
          'f64',
          'bool',
          'toString',
        ),
        fc.json({ maxDepth: 2 }),
      ),
      length: odd,
      capacity: odd,
      permits: odd,
      parties: odd,
      bytes: fc.oneof(fc.constant(96), odd),
      fields: declared,
      maxItems: odd,
      maxBytes: odd,
      maxEntries: odd,
      ttl: odd,
      evict: fc.oneof(fc.constantFrom('none', 'lru'), odd),
      maxJobs: odd,
      maxAttempts: odd,
      deadLetter: fc.oneof(fc.constantFrom('it-fuzz-nobody', '/', '../x', 'sem.x', 'a\u0000b'), odd),
      lock: fc.oneof(fc.constantFrom('lock', 'rlock', 'toString'), odd),
      name: fc.oneof(fc.constantFrom('it-fuzz-nobody', '/', '../x', 'sem.x', 'a\u0000b'), fc.string(), odd),
      instance: fc.oneof(fc.string(), odd),
      codec: fc.oneof(
        fc.constantFrom('msgpack', 'json', 'v8', 'raw', '', '__proto__', 'toString', '\u001b[2J'),
        odd,
      ),
    },
    { requiredKeys: [] },
  )
  .map((found) => {
    const text = Buffer.from(JSON.stringify(found));
    return [
      { area: 'header', offset: SCHEMA_OFFSET, how: 'set', bytes: text.toString('hex') },
      { area: 'header', offset: HEADER.SCHEMA_BYTES, how: 'set', bytes: hex32(text.length) },
    ];
  });

const rosterWords = fc.tuple(slots, oneOf(...Object.values(SLOT)));
const roster = at(
  'roster',
  rosterWords.map(([slot, word]) => slot * SLOT_BYTES + 4 * word),
  change32,
);
const marks = at(
  'marks',
  slots.map((slot) => slot * MARK_PAGE_BYTES + MARK_OFFSET),
  change32,
);
/** A slot that says it has a mark, where there may be none. */
const marked = slots.map((slot) => [
  { area: 'roster', offset: slot * SLOT_BYTES + 4 * SLOT.MARK, how: 'set', bytes: hex32(1) },
]);

/** MessagePack's and V8's tokens with lengths that cannot be, for what the codecs read. */
const tokens = fc
  .tuple(
    fc.constantFrom(
      'dd',
      'df',
      'dc',
      'de',
      'db',
      'c6',
      'c9',
      'd472',
      'd669',
      'd670',
      '61',
      '41',
      '7e',
      '42',
      '22',
      '7b',
    ),
    fc.oneof(
      fc.constantFrom('ffffffff', '01ffffff', 'ffffff0f', '00010000', '7fffffff', ''),
      fc.nat(255).map(hex32),
    ),
  )
  .map(([token, length]) => ({ how: 'set', bytes: token + length }));

/** One scribble, or a few that belong together. */
function scribbleOn(kind) {
  const { words, values = [], table, payload = 0, together = [], spots = [], meanings = [] } = KINDS[kind];
  const places = oneOf(...Object.values(words)).map((index) => 4 * index);
  const word = at('words', places, change32);
  const wordOwner = at(
    'words',
    places,
    owners.map((value) => ({ how: 'set', bytes: hex32(value) })),
  );
  const telling = values.length === 0 ? numbers : oneOf(...values);
  const wordValue = at(
    'words',
    places,
    telling.map((value) => ({ how: 'set', bytes: hex32(value) })),
  );
  /** An entry of a slot table that makes sense in itself. */
  const entry = fc.tuple(slots, owners, telling).map(([slot, who, count]) => {
    const first = table + slot * ENTRY_WORDS;
    const set = (index, value) => ({
      area: 'words',
      offset: 4 * (first + index),
      how: 'set',
      bytes: hex32(value),
    });
    return [set(ENTRY.COUNT, count), set(ENTRY.OWNER, who)];
  });
  const meaning = table === undefined ? wordValue : fc.oneof(wordValue, entry);
  const early = fc.nat(40).map((place) => payload + 8 * place);
  const begins = at('payload', early, change32);
  const meant = fc.oneof(
    change32,
    oneOf(0, ...meanings).map((value) => ({ how: 'set', bytes: hex32(value) })),
  );
  const spot = at(
    'payload',
    oneOf(0, ...spots).map((index) => 4 * index),
    meant,
  );
  const content =
    spots.length === 0 ? begins : fc.oneof({ weight: 1, arbitrary: begins }, { weight: 5, arbitrary: spot });
  const inner = at(
    'payload',
    fc.nat(320).map((place) => payload + place),
    fc.oneof(tokens, anything),
  );
  const somewhere = fc
    .tuple(fc.constantFrom('header', 'words', 'roster', 'marks', 'payload'), fc.nat(8191), anything)
    .map(([area, offset, change]) => [{ area, offset, ...change }]);
  const liars = fc
    .tuple(fc.subarray(together), fc.array(large, { minLength: together.length, maxLength: together.length }))
    .map(([places, values]) =>
      places.map(([area, offset], i) => ({ area, offset, how: 'set', bytes: hex32(values[i]) })),
    );
  return { word, wordOwner, meaning, content, inner, somewhere, liars };
}

/** For an object that nobody uses yet. */
export function beforehand(kind) {
  const { word, wordOwner, meaning, content, inner, somewhere, liars } = scribbleOn(kind);
  const any = fc.oneof(
    header,
    moved,
    schema,
    roster,
    marks,
    marked,
    word,
    wordOwner,
    meaning,
    content,
    inner,
    somewhere,
    liars,
  );
  return fc.array(any, { minLength: 1, maxLength: 5 }).map((groups) => groups.flat());
}

/** For an object in use. */
export function meanwhile(kind) {
  const { word, wordOwner, meaning, content, inner, somewhere, liars } = scribbleOn(kind);
  return fc.oneof(
    { weight: 4, arbitrary: fc.oneof(word, wordOwner, meaning) },
    { weight: 3, arbitrary: fc.oneof(content, inner, liars) },
    { weight: 2, arbitrary: fc.oneof(roster, marks, marked) },
    { weight: 1, arbitrary: fc.oneof(header, somewhere) },
  );
}
