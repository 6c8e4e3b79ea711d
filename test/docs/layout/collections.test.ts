// SharedMap and SharedList in /dev/shm as docs/layout.md says.

import type { Buffer } from 'node:buffer';
import { SharedList, SharedMap } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { numbers } from './document.js';
import { freshName, keep, Reader, schemaKeys } from './reader.js';

describe('collections as the document says', () => {
  test('a SharedMap: hashes, chains, entries, the heap, from the document alone', () => {
    const map = keep(
      SharedMap.create<string | number, unknown>(freshName(), { maxBytes: '256KB', codec: 'json' }),
    );
    const expected = new Map<unknown, string>();
    for (let n = 0; n < 200; n++) {
      map.set(`key ${n}`, 'x'.repeat(n));
      expected.set(`key ${n}`, 'x'.repeat(n));
    }
    for (let n = 0; n < 50; n++) {
      map.delete(`key ${2 * n}`);
      expected.delete(`key ${2 * n}`);
    }
    map.set('expires', { a: 1 }, { ttl: 1e6 });
    expected.set('expires', '{"a":1}');

    const file = new Reader(map.name);
    expect(file.kind).toBe('map');
    expect(file.schema).toEqual({ maxBytes: 262144, codec: 'json', evict: 'none' });
    for (const key of Object.keys(file.schema)) expect(schemaKeys('map')).toContain(key);
    const store = numbers('constants of lib/collections/store-layout.ts');
    const c = numbers('constants of lib/collections/map-layout.ts');
    const root = { ...numbers('words: ROOT'), ...numbers('words: MAP') };
    const entry = numbers('words: MAP ENTRY');
    const { payload } = file;
    const word = (index: number): number => payload.readUInt32LE(4 * index);
    const at = (name: string): number => word(root[name]!);
    expect(file.word('WORDS_OFFSET', numbers('words: STORE').LOG_LENGTH!)).toBe(0);

    const hashOf = (type: number, bytes: Buffer): number => {
      let h = at('SEED') ^ type;
      for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
      h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      return (h ^ (h >>> 16)) >>> 0;
    };
    const chains = at('CHAINS');
    const m = 2 ** Math.floor(Math.log2(chains));
    const firstOf = (chain: number): number => {
      const part = chain < c.FIRST_CHAINS! ? 0 : Math.floor(Math.log2(chain)) - 5;
      const begin = part === 0 ? 0 : 32 * 2 ** part;
      return word(word(root.DIRECTORY! + part) + c.TABLE_HEAD_WORDS! + chain - begin);
    };
    const found = new Map<unknown, string>();
    for (let chain = 0; chain < chains; chain++) {
      for (let ref = firstOf(chain); ref !== 0; ref = word(ref + entry.NEXT!)) {
        const meta = word(ref + entry.META!);
        const expires = (meta & c.EXPIRES!) !== 0;
        const begin = 4 * (ref + (expires ? c.EXPIRING_ENTRY_WORDS! : c.ENTRY_WORDS!));
        const middle = begin + (meta >>> c.KEY_LENGTH_SHIFT!);
        const key = payload.subarray(begin, middle);
        const hash = word(ref + entry.HASH!);
        expect(hash).toBe(hashOf(meta & c.KEY_TYPES!, key));
        expect(hash % (2 * m) < chains ? hash % (2 * m) : hash % m).toBe(chain);
        found.set(key.toString(), payload.toString('latin1', middle, middle + word(ref + entry.LENGTH!)));
        if (expires)
          expect(word(ref + entry.EXPIRY!) * 2 ** 32 + word(ref + entry.EXPIRY! + 1)).toBeGreaterThan(0);
      }
    }
    expect(found).toEqual(expected);
    expect(at('COUNT')).toBe(expected.size);

    // From block to block, to the end.
    const heap = payload.length - 262144;
    let used = 0;
    let ref = heap / 4;
    const end = at('HEAP_END') - store.UNIT_WORDS!;
    while (ref < end) {
      const words = (word(ref) >>> store.SIZE_SHIFT!) * store.UNIT_WORDS!;
      if ((word(ref) & store.FREE!) === 0) used += words;
      else expect(word(ref + words - 1)).toBe(ref);
      ref += words;
    }
    expect(ref).toBe(end);
    expect(used).toBe(at('HEAP_USED'));
  });

  test('a SharedList: its ring and its values, from the document alone', () => {
    const list = keep(SharedList.create(freshName(), { maxBytes: '64KB', codec: 'json' }));
    for (let n = 0; n < 100; n++) list.push(`value ${n}`);
    for (let n = 0; n < 90; n++) list.shift();
    for (let n = 0; n < 10; n++) list.push({ n });
    list.push(1.5);

    const file = new Reader(list.name);
    expect(file.kind).toBe('list');
    expect(file.schema).toEqual({ maxBytes: 65536, codec: 'json' });
    for (const key of Object.keys(file.schema)) expect(schemaKeys('list')).toContain(key);
    const c = numbers('constants of lib/collections/list-layout.ts');
    const root = numbers('words: LIST');
    const item = numbers('words: LIST ITEM');
    const { payload } = file;
    const word = (index: number): number => payload.readUInt32LE(4 * index);
    const at = (name: string): number => word(root[name]!);
    const values = Array.from({ length: at('LENGTH') }, (_, n) => {
      const ref = word(at('RING') + c.RING_HEAD_WORDS! + ((at('HEAD') + n) % at('CAPACITY')));
      const meta = word(ref + item.META!);
      const bytes = payload.subarray(4 * (ref + item.BYTES!)).subarray(0, meta >>> c.ITEM_LENGTH_SHIFT!);
      const type = meta & c.ITEM_TYPES!;
      if (type === numbers('names: VALUE').NUMBER) return bytes.readDoubleLE(0);
      return type === numbers('names: FRAME').UTF8 ? bytes.toString() : JSON.parse(bytes.toString());
    });
    expect(values).toEqual(list.toArray());
    expect(values).toHaveLength(21);
    expect(at('TRASH')).toBe(0);
  });
});
