// Locks, Condition, Event and Barrier in /dev/shm as docs/layout.md says.

import { Barrier, Condition, Event, Lock, PermitPool, RLock, RwLock } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { start } from '../../processes/start.js';
import { numbers } from './document.js';
import { constant, freshName, HEADER, keep, Reader, schemaKeys } from './reader.js';

describe('synchronisers as the document says', () => {
  test('an owner word, and the mark of a holder that was killed', async () => {
    const lock = keep(Lock.create(freshName()));
    const guard = lock.acquireSync();
    const { OWNER } = numbers('words: LOCK') as { OWNER: number };
    const held = new Reader(lock.name);
    expect(held.kind).toBe('lock');
    expect(held.word('WORDS_OFFSET', OWNER) & constant('OWNER_MASK')).toBe(
      (held.slot(0, 'GENERATION') << 10) | 0,
    );
    guard.release();
    expect(new Reader(lock.name).word('WORDS_OFFSET', OWNER)).toBe(0);

    const peer = start(({ Lock }, { args, say }) => {
      Lock.attach(args[0]!).acquireSync();
      say();
      setInterval(() => undefined, 1000);
    }, lock.name);
    await peer.said();
    peer.kill();
    await peer.exited;
    const dead = new Reader(lock.name);
    expect(dead.word('WORDS_OFFSET', OWNER)).toBe((dead.slot(1, 'GENERATION') << 10) | 1);
    expect(dead.slot(1, 'MARK')).toBe(1);
    expect(dead.mark(1) & constant('MARK_DIED')).toBe(constant('MARK_DIED'));
  });

  test('a PermitPool, an RLock', () => {
    const pool = keep(PermitPool.create(freshName(), 3));
    const permits = [pool.acquireSync(), pool.acquireSync()];
    const file = new Reader(pool.name);
    expect(file.kind).toBe('pool');
    expect(Object.keys(file.schema).sort()).toEqual(schemaKeys('pool'));
    expect(file.schema).toEqual({ permits: 3 });
    expect(file.field('PAYLOAD_BYTES')).toBe(0);
    const { PERMITS, SLEEP } = numbers('words: POOL') as { PERMITS: number; SLEEP: number };
    const owners = [0, 1, 2].map((permit) => file.word('WORDS_OFFSET', PERMITS + permit));
    expect(owners).toEqual([file.ownerOf(0), file.ownerOf(0), 0]);
    expect(file.word('WORDS_OFFSET', SLEEP)).toBe(0);
    for (const permit of permits) permit.release();
    expect(new Reader(pool.name).word('WORDS_OFFSET', PERMITS)).toBe(0);

    const rlock = keep(RLock.create(freshName()));
    const guards = [rlock.acquireSync(), rlock.acquireSync()];
    const held = new Reader(rlock.name);
    expect(held.kind).toBe('rlock');
    expect(held.schema).toEqual({});
    expect(held.word('WORDS_OFFSET', numbers('words: LOCK')['OWNER']!)).toBe(held.ownerOf(0));
    for (const guard of guards) guard.release();
  });

  test('a RwLock', () => {
    const lock = keep(RwLock.create(freshName()));
    const { WRITER, DIRTY, DRAIN, READERS } = numbers('words: RWLOCK') as Record<
      'WRITER' | 'DIRTY' | 'DRAIN' | 'READERS',
      number
    >;
    const readers = [lock.read.acquireSync(), lock.read.acquireSync()];
    const read = new Reader(lock.name);
    expect(read.kind).toBe('rwlock');
    expect(read.schema).toEqual({});
    expect(read.entry(READERS, 0, 'OWNER')).toBe(read.ownerOf(0));
    expect(read.entry(READERS, 0, 'COUNT')).toBe(2);
    expect(read.entry(READERS, 1, 'OWNER')).toBe(0);
    expect(read.word('WORDS_OFFSET', WRITER)).toBe(0);
    for (const guard of readers) guard.release();

    const writer = lock.write.acquireSync();
    const written = new Reader(lock.name);
    expect(written.entry(READERS, 0, 'COUNT')).toBe(0);
    expect(written.word('WORDS_OFFSET', WRITER)).toBe(written.ownerOf(0));
    expect(written.word('WORDS_OFFSET', DIRTY)).toBe(1);
    writer.release();
    const free = new Reader(lock.name);
    for (const word of [WRITER, DIRTY, DRAIN]) expect(free.word('WORDS_OFFSET', word)).toBe(0);
  });

  test('a Condition', async () => {
    const condition = keep(Condition.create(freshName()));
    const { LOCK, WAITERS } = numbers('words: CONDITION') as { LOCK: number; WAITERS: number };
    const mask = constant('WAITING_MASK');
    const waits = [1, 2].map(() => condition.lock.withLock((guard) => condition.wait(guard)));
    // Until both wait, and the announcement that somebody sleeps is there.
    const count = (): number => new Reader(condition.name).entry(WAITERS, 0, 'COUNT');
    while (count() !== constant('WAITERS_ASLEEP') + 2) await new Promise(setImmediate);
    const file = new Reader(condition.name);
    expect(file.kind).toBe('condition');
    expect(file.schema).toEqual({ lock: 'lock' });
    expect(file.entry(WAITERS, 0, 'OWNER')).toBe(file.ownerOf(0));
    condition.lock.withLockSync(() => {
      expect(condition.notify()).toBe(1);
      const notified = new Reader(condition.name);
      expect(notified.word('WORDS_OFFSET', LOCK) & constant('OWNER_MASK')).toBe(notified.ownerOf(0));
      expect(count() & mask).toBe(2);
      expect((count() >>> constant('NOTIFIED_SHIFT')) & mask).toBe(1);
      expect(condition.notifyAll()).toBe(1);
      expect((count() >>> constant('NOTIFIED_SHIFT')) & mask).toBe(2);
    });
    await Promise.all(waits);
    expect(count() % constant('WAITERS_ASLEEP')).toBe(0);

    const lock = keep(RLock.create(freshName()));
    const another = new Reader(keep(Condition.create(freshName(), { lock })).name);
    expect(Object.keys(another.schema).sort()).toEqual(schemaKeys('condition'));
    const at = Number(HEADER.find(([field]) => field === 'INSTANCE_ID')![1]);
    const instance = new Reader(lock.name).bytes.toString('hex', at, at + 16);
    expect(another.schema).toEqual({ lock: 'rlock', name: lock.name, instance });
  });

  test('an Event', async () => {
    const event = keep(Event.create(freshName()));
    const { STATE } = numbers('words: EVENT') as { STATE: number };
    const state = (): number => new Reader(event.name).word('WORDS_OFFSET', STATE);
    expect(new Reader(event.name).kind).toBe('event');
    expect(new Reader(event.name).schema).toEqual({});
    expect(state()).toBe(0);
    const wait = event.wait();
    while (state() !== constant('EVENT_ASLEEP')) await new Promise(setImmediate);
    event.set();
    event.set();
    expect(state()).toBe(constant('EVENT_CALL') + constant('EVENT_SET'));
    await wait;
    event.clear();
    expect(state()).toBe(constant('EVENT_CALL'));
  });

  test('a Barrier', async () => {
    const barrier = keep(Barrier.create(freshName(), 2));
    const { STATE, ENDS, PARTIES } = numbers('words: BARRIER') as Record<
      'STATE' | 'ENDS' | 'PARTIES',
      number
    >;
    const state = (): number => new Reader(barrier.name).word('WORDS_OFFSET', STATE);
    const ends = (): number => new Reader(barrier.name).word('WORDS_OFFSET', ENDS);
    const round = (): number => state() >>> constant('ROUND_SHIFT');
    const first = barrier.wait();
    while (state() !== constant('BARRIER_ASLEEP') + 1) await new Promise(setImmediate);
    const file = new Reader(barrier.name);
    expect(file.kind).toBe('barrier');
    expect(Object.keys(file.schema).sort()).toEqual(schemaKeys('barrier'));
    expect(file.schema).toEqual({ parties: 2 });
    expect(file.entry(PARTIES, 0, 'OWNER')).toBe(file.ownerOf(0));
    expect([await barrier.wait(), await first]).toEqual([1, 0]);
    expect([round(), ends(), state() & constant('ARRIVED_MASK')]).toEqual([1, 0, 0]);

    const reset = barrier.wait().catch((error) => error.code);
    barrier.reset();
    expect([round(), ends()]).toEqual([2, 1]);
    expect(await reset).toBe('ERR_ISTHMUS_BROKEN_BARRIER');
    barrier.abort();
    expect(state() & constant('BARRIER_BROKEN')).toBe(constant('BARRIER_BROKEN'));
    barrier.reset();
    expect([round(), ends()]).toEqual([3, 3]);

    const name = freshName();
    const action = keep(
      Barrier.create(name, 1, {
        action: () =>
          expect(new Reader(`/${name}`).word('WORDS_OFFSET', STATE)).toBe(constant('BARRIER_ACTING') + 1),
      }),
    );
    expect(action.waitSync()).toBe(0);
    expect(constant('ENDS_BITS')).toBe(32);
  });
});
