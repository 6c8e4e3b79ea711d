// The tables of docs/layout.md against the code: every constant is in a table and every row of a table is in the code.

import { describe, expect, test } from 'vitest';
import * as listLayout from '../../../dist/collections/list-layout.js';
import * as mapLayout from '../../../dist/collections/map-layout.js';
import * as storeLayout from '../../../dist/collections/store-layout.js';
import * as header from '../../../dist/memory/header-layout.js';
import * as roster from '../../../dist/memory/roster-layout.js';
import * as slots from '../../../dist/memory/slot-table-layout.js';
import * as pipe from '../../../dist/messages/pipe-layout.js';
import * as queueLayout from '../../../dist/messages/queue-layout.js';
import * as ring from '../../../dist/messages/ring-layout.js';
import * as barrier from '../../../dist/sync/barrier-layout.js';
import * as condition from '../../../dist/sync/condition-layout.js';
import * as event from '../../../dist/sync/event-layout.js';
import * as lock from '../../../dist/sync/lock-layout.js';
import * as pool from '../../../dist/sync/pool-layout.js';
import * as rwlock from '../../../dist/sync/rwlock-layout.js';
import * as elements from '../../../dist/values/element-types.js';
import * as structLayout from '../../../dist/values/struct-layout.js';
import * as watch from '../../../dist/values/watch-layout.js';
import { numbers, table, text } from './document.js';

/** A module's numbers; `OWNER_ABANDONED` is negative in JavaScript's 32-bit arithmetic. */
function constantsOf(module: object): Record<string, number> {
  const found = Object.entries(module).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  return Object.fromEntries(found.map(([name, value]) => [name, value < 0 ? value >>> 0 : value]));
}

/** What a module exports that is no number: each must have a table of its own. */
function groupsOf(module: object): string[] {
  return Object.keys(module)
    .filter((name) => name !== 'default' && name !== 'module.exports' && name !== '__esModule')
    .filter((name) => typeof module[name as never] !== 'number')
    .sort();
}

describe('docs/layout.md and the code', () => {
  test.each([
    ['lib/memory/header-layout.ts', header],
    ['lib/memory/roster-layout.ts', roster],
    ['lib/collections/store-layout.ts', storeLayout],
    ['lib/collections/map-layout.ts', mapLayout],
    ['lib/collections/list-layout.ts', listLayout],
    ['lib/memory/slot-table-layout.ts', slots],
    ['lib/messages/pipe-layout.ts', pipe],
    ['lib/messages/ring-layout.ts', ring],
    ['lib/messages/queue-layout.ts', queueLayout],
    ['lib/sync/barrier-layout.ts', barrier],
    ['lib/sync/condition-layout.ts', condition],
    ['lib/sync/event-layout.ts', event],
    ['lib/sync/lock-layout.ts', lock],
    ['lib/values/struct-layout.ts', structLayout],
    ['lib/values/watch-layout.ts', watch],
  ])('constants of %s', (file, module) => {
    expect(numbers(`constants of ${file}`)).toEqual(constantsOf(module));
  });

  test('nothing else is exported without a table', () => {
    expect(groupsOf(header)).toEqual(['HEADER', 'KINDS', 'LIFETIMES', 'MAGIC', 'TEMPORARY_PREFIX']);
    expect(text).toContain(`/dev/shm/${header.TEMPORARY_PREFIX}`);
    expect(groupsOf(roster)).toEqual(['SLOT']);
    expect(groupsOf(pipe)).toEqual(['PIPE']);
    expect(groupsOf(ring)).toEqual(['FRAME', 'RING']);
    const sizes = ['blocksFor', 'blocksOffset', 'payloadBytes', 'queueWordsBytes'];
    expect(groupsOf(queueLayout)).toEqual(['BLOCK', 'JOB', 'QUEUE', ...sizes]);
    expect(groupsOf(storeLayout)).toEqual([
      'BLOCK',
      'ROOT',
      'STORE',
      'VALUE',
      'planStore',
      'storeWordsBytes',
    ]);
    expect(groupsOf(mapLayout)).toEqual(['ENTRY', 'KEY', 'MAP']);
    expect(groupsOf(listLayout)).toEqual(['ITEM', 'LIST']);
    expect(groupsOf(slots)).toEqual(['ENTRY']);
    expect(groupsOf(barrier)).toEqual(['BARRIER']);
    expect(groupsOf(condition)).toEqual(['CONDITION']);
    expect(groupsOf(event)).toEqual(['EVENT']);
    expect(groupsOf(lock)).toEqual(['LOCK']);
    expect(groupsOf(pool)).toEqual(['POOL']);
    expect(groupsOf(rwlock)).toEqual(['RWLOCK']);
    for (const module of [pool, rwlock]) expect(constantsOf(module)).toEqual({}); // or they need a table
    expect(groupsOf(watch)).toEqual(['WATCH']);
    expect(groupsOf(structLayout)).toEqual(['STRUCT', 'TEXT']);
  });

  test('the header', () => {
    expect(numbers('offsets: HEADER')).toEqual(header.HEADER);
    const rows = table('offsets: HEADER').map(([name, offset, size, type]) => ({
      name: name!,
      offset: Number(offset),
      size: Number(size),
      type: type!,
    }));
    let end = 0;
    for (const { name, offset, size, type } of rows) {
      expect(offset, `${name} begins where the field before it ends or later`).toBeGreaterThanOrEqual(end);
      end = offset + size;
      if (type !== 'bytes') expect(size, name).toBe(Number(type.slice(1)) / 8);
      if (type !== 'bytes') expect(offset % size, `${name} is aligned`).toBe(0);
    }
    expect(end).toBeLessThanOrEqual(header.SCHEMA_OFFSET);
    const magic = table('offsets: HEADER')[0]![4]!;
    expect(magic.startsWith(header.MAGIC.toString('hex').replace(/(..)(?=.)/g, '$1 '))).toBe(true);
    expect(rows[0]!.size).toBe(header.MAGIC.length);
  });

  test('lifetimes, kinds, frames, words', () => {
    expect(numbers('names: LIFETIMES')).toEqual(
      Object.fromEntries(header.LIFETIMES.map((name, i) => [name, i])),
    );
    expect(numbers('names: KINDS')).toEqual(header.KINDS);
    expect(numbers('names: FRAME')).toEqual(ring.FRAME);
    expect(numbers('words: SLOT')).toEqual(roster.SLOT);
    expect(numbers('words: WATCH')).toEqual(watch.WATCH);
    expect(numbers('words: RING')).toEqual(ring.RING);
    expect(numbers('words: QUEUE')).toEqual(queueLayout.QUEUE);
    expect(numbers('words: JOB')).toEqual(queueLayout.JOB);
    expect(numbers('words: BLOCK')).toEqual(queueLayout.BLOCK);
    expect(numbers('words: STORE')).toEqual(storeLayout.STORE);
    expect(numbers('words: ROOT')).toEqual(storeLayout.ROOT);
    expect(numbers('words: FREE BLOCK')).toEqual(storeLayout.BLOCK);
    expect(numbers('words: MAP')).toEqual(mapLayout.MAP);
    expect(numbers('words: MAP ENTRY')).toEqual(mapLayout.ENTRY);
    expect(numbers('names: KEY')).toEqual(mapLayout.KEY);
    expect(numbers('names: VALUE')).toEqual(storeLayout.VALUE);
    expect(numbers('words: LIST')).toEqual(listLayout.LIST);
    expect(numbers('words: LIST ITEM')).toEqual(listLayout.ITEM);
    expect(numbers('words: PIPE')).toEqual(pipe.PIPE);
    expect(numbers('words: LOCK')).toEqual(lock.LOCK);
    expect(numbers('words: ENTRY')).toEqual(slots.ENTRY);
    expect(numbers('words: RWLOCK')).toEqual(rwlock.RWLOCK);
    expect(numbers('words: CONDITION')).toEqual(condition.CONDITION);
    expect(numbers('words: EVENT')).toEqual(event.EVENT);
    expect(numbers('words: BARRIER')).toEqual(barrier.BARRIER);
    expect(numbers('words: POOL')).toEqual(pool.POOL);
    expect(numbers('words: STRUCT')).toEqual(structLayout.STRUCT);
    expect(numbers('words: TEXT')).toEqual(structLayout.TEXT);
  });

  test('element types', () => {
    const bytes = Object.fromEntries(
      Object.entries(elements.STORAGE).map(([name, storage]) => [name, storage.bytes]),
    );
    expect(numbers('element types')).toEqual(bytes);
    const documented = table('element types').flatMap(([name, , codes]) =>
      codes!
        .split(',')
        .map((code) => code.trim())
        .filter((code) => code !== '')
        .map((code) => [code, name!] as const),
    );
    for (const [code, name] of documented) expect(elements.checkElementType(code), code).toBe(name);
    // Everything of one character that the code accepts is in the table.
    const accepted = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ?'].filter((code) => {
      try {
        return elements.checkElementType(code) !== undefined;
      } catch {
        return false;
      }
    });
    expect(documented.map(([code]) => code).sort()).toEqual(accepted.sort());
  });

  test('in both directions: a row too many, one too few, a number that is off', () => {
    // The comparisons above are worth nothing if the parser drops what it does not understand.
    for (const marker of text.matchAll(/<!-- (.*) -->/g))
      expect(table(marker[1]!).length, marker[1]).toBeGreaterThan(0);
    const numeric = [
      ...text.matchAll(/<!-- ((?:constants of|offsets:|words:|names:) .*|element types) -->/g),
    ];
    expect(numeric).toHaveLength(45);
    for (const marker of numeric) {
      for (const [name, number] of Object.entries(numbers(marker[1]!))) {
        expect(name, marker[1]).toMatch(/^[A-Za-z]\w*$/);
        expect(Number.isSafeInteger(number), `${marker[1]}: ${name}`).toBe(true);
      }
    }
  });
});
