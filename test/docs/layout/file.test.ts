// The file of an object as docs/layout.md says: header, lifetime, roster, sizes.

import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { numbers } from './document.js';
import { constant, freshName, keep, Reader } from './reader.js';

describe('the file of an object', () => {
  test('header, lifetime, roster and sleep word', async () => {
    const before = Date.now();
    const value = keep(
      Value.create(freshName(), 'i32', { lifetime: 'attached', participants: 70, mode: 0o640 }),
    );
    const file = new Reader(value.name);
    expect(file.field('LIFETIME')).toBe(numbers('names: LIFETIMES').attached);
    expect(file.field('PARTICIPANTS')).toBe(70);
    expect(file.field('CREATOR_PID')).toBe(process.pid);
    expect(file.field('CREATED_AT')).toBeGreaterThanOrEqual(before);
    expect(file.field('CREATED_AT')).toBeLessThanOrEqual(Date.now());
    expect(file.field('MARKS_OFFSET') - file.field('ROSTER_OFFSET')).toBe(8192); // 70 slots of 64 bytes, up to 4096s
    expect(file.field('PAYLOAD_OFFSET') - file.field('MARKS_OFFSET')).toBeGreaterThanOrEqual(70 * 4096);

    expect(file.slot(0, 'GENERATION')).toBe(1);
    expect(file.slot(0, 'STATE')).toBe(constant('SLOT_CLAIMED'));
    expect(file.slot(0, 'PID')).toBe(process.pid);
    expect(file.slot(0, 'THREAD')).toBe(0);
    expect(file.slot(0, 'ATTACHED_AT')).toBeGreaterThanOrEqual(before);
    expect(file.slot(0, 'MARK')).toBe(1);
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    expect(file.mark(0)).toBe(thread + 2 ** 31);
    expect(file.slot(1, 'GENERATION')).toBe(0);
    expect(file.slot(1, 'MARK')).toBe(0);
    expect(file.slot(1, 'STATE')).toBe(constant('SLOT_FREE'));

    const { SLEEP, LOCK } = numbers('words: WATCH') as { SLEEP: number; LOCK: number };
    expect(file.word('WORDS_OFFSET', SLEEP)).toBe(0);
    expect(file.word('WORDS_OFFSET', LOCK)).toBe(0);
    const awaited = value.waitFor((now) => now === 1, { timeout: 30_000 });
    while ((new Reader(value.name).word('WORDS_OFFSET', SLEEP) & 1) === 0) await new Promise(setImmediate);
    value.add(1 as never);
    expect(new Reader(value.name).word('WORDS_OFFSET', SLEEP)).toBe(2); // one change woke somebody; nobody sleeps
    expect(await awaited).toBe(1);
  });

  test('what the document says of sizes holds for a new object', () => {
    const value = keep(Value.create(freshName(), 'i32'));
    const fd = openSync(`/dev/shm${value.name}`, 'r');
    const { size, blocks } = fstatSync(fd);
    closeSync(fd);
    const file = new Reader(value.name);
    expect(size).toBe(file.field('FILE_BYTES'));
    // Reserved: everything before the mark pages, the payload, and the mark page of the one participant.
    const marks = file.slot(0, 'MARK') * constant('MARK_PAGE_BYTES');
    const reserved =
      file.field('MARKS_OFFSET') + marks + Math.ceil(file.field('PAYLOAD_BYTES') / 4096) * 4096;
    expect(blocks * 512).toBeGreaterThanOrEqual(file.field('MARKS_OFFSET') + file.field('PAYLOAD_BYTES'));
    if (spawnSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }).stdout?.trim() === '4096')
      expect(blocks * 512).toBe(reserved);
  });
});
