// How each synchroniser is made and opened: names, options and shapes are checked before anything is changed.

import { existsSync, statSync } from 'node:fs';
import * as isthmus from 'isthmus';
import { beforeEach, describe, expect, expectTypeOf, test } from 'vitest';
import { freshName, start } from '../processes/start.js';
import { coded } from './kinds.js';

const { Barrier, Condition, Event, Lock, PermitPool, RLock, RwLock, unlink, Value } = isthmus;

interface Handle {
  readonly name: string;
  readonly closed: boolean;
  close(): void;
  [Symbol.dispose](): void;
}

interface Opener {
  readonly kind: string;
  readonly create: (name: string, options?: object) => Handle;
  readonly attach: (name: string, options?: object) => Handle;
  readonly open: (name: string, options?: object) => Handle;
  /** Another shape under the same name. */
  readonly other?: (name: string) => Handle;
  /** What must not be called on a closed handle. */
  readonly used: (thing: never) => unknown;
}

const OPENERS: Opener[] = [
  {
    kind: 'pool',
    create: (name, options) => PermitPool.create(name, 3, options),
    attach: (name, options) => PermitPool.attach(name, options),
    open: (name, options) => PermitPool.open(name, 3, options),
    other: (name) => PermitPool.open(name, 4),
    used: (pool: isthmus.PermitPool) => [() => pool.tryAcquire(), () => pool.available, () => pool.holders],
  },
  {
    kind: 'rlock',
    create: (name, options) => RLock.create(name, options),
    attach: (name, options) => RLock.attach(name, options),
    open: (name, options) => RLock.open(name, options),
    used: (lock: isthmus.RLock) => [() => lock.tryAcquire(), () => lock.depth, () => lock.owner],
  },
  {
    kind: 'rwlock',
    create: (name, options) => RwLock.create(name, options),
    attach: (name, options) => RwLock.attach(name, options),
    open: (name, options) => RwLock.open(name, options),
    used: ({ read, write }: isthmus.RwLock) => [
      () => read.tryAcquire(),
      () => write.tryAcquire(),
      () => read.owner,
      () => write.locked,
    ],
  },
  {
    kind: 'event',
    create: (name, options) => Event.create(name, options),
    attach: (name, options) => Event.attach(name, options),
    open: (name, options) => Event.open(name, options),
    used: (event: isthmus.Event) => [() => event.isSet, () => event.set(), () => event.clear()],
  },
  {
    kind: 'condition',
    create: (name, options) => Condition.create(name, { lock: 'lock', ...options }),
    attach: (name, options) => Condition.attach(name, options),
    open: (name, options) => Condition.open(name, options),
    other: (name) => Condition.open(name, { lock: 'rlock' }),
    used: (condition: isthmus.Condition) => [() => condition.lock, () => condition.notify()],
  },
  {
    kind: 'barrier',
    create: (name, options) => Barrier.create(name, 3, options),
    attach: (name, options) => Barrier.attach(name, options),
    open: (name, options) => Barrier.open(name, 3, options),
    other: (name) => Barrier.open(name, 2),
    used: (barrier: isthmus.Barrier) => [
      () => barrier.waiting,
      () => barrier.broken,
      () => barrier.abort(),
      () => barrier.reset(),
    ],
  },
];

describe.each(OPENERS)('$kind', ({ kind, create, attach, open, other, used }) => {
  let name = '';
  beforeEach(() => {
    name = freshName(kind);
  });

  test('create makes, attach finds, open does either', () => {
    expect(() => attach(name)).toThrow(coded('ENOENT') as Error);
    using made = create(name, { mode: 0o640, participants: 5 });
    expect(() => create(name)).toThrow(coded('EEXIST') as Error);
    using again = attach(`/${name}`, { owner: 'self' });
    using opened = open(name, { mode: 0o600, participants: 7, lifetime: 'attached' }); // of no matter now
    for (const one of [made, again, opened]) expect([one.name, one.closed]).toEqual([`/${name}`, false]);
    expect(statSync(`/dev/shm/${name}`).mode & 0o7777).toBe(0o640);
    expect(isthmus.inspect(name)).toMatchObject({ kind, participants: [{ pid: process.pid }] });
    unlink(name);
    using fresh = open(name, { lifetime: 'attached' });
    fresh.close();
    expect(existsSync(`/dev/shm/${name}`)).toBe(false);
  });

  test('a wrong kind or shape under the name is a mismatch, and left as it is', () => {
    const value = Value.create(name, 'i32', { initial: 7 });
    for (const one of [attach, open]) expect(() => one(name)).toThrow(coded('ERR_ISTHMUS_MISMATCH') as Error);
    expect(value.value).toBe(7);
    value.close();
    unlink(name);
    using _thing = create(name);
    for (const one of [Lock, Event, RwLock, RLock, PermitPool, Barrier, Condition]) {
      const opening = (): Handle => one.attach(name);
      if (
        isthmus.inspect(name).kind ===
        new Map<unknown, string>([
          [Event, 'event'],
          [RwLock, 'rwlock'],
          [RLock, 'rlock'],
          [PermitPool, 'pool'],
          [Barrier, 'barrier'],
          [Condition, 'condition'],
        ]).get(one)
      )
        opening().close();
      else expect(opening).toThrow(coded('ERR_ISTHMUS_MISMATCH') as Error);
    }
    if (other !== undefined) {
      expect(() => other(name)).toThrow(coded('ERR_ISTHMUS_MISMATCH') as Error);
      expect(() => other(name)).toThrow(/unlink it first/);
    }
    expect(isthmus.inspect(name).participants).toHaveLength(1);
  });

  test('wrong names and options are refused and make nothing', () => {
    for (const bad of ['', '..', 'a/b', 'sem.x', 'x'.repeat(201)]) {
      for (const one of [create, attach, open]) expect(() => one(bad)).toThrow(RangeError);
    }
    for (const one of [create, attach, open]) expect(() => one(3 as never)).toThrow(TypeError);
    for (const one of [create, open]) {
      expect(() => one(name, { participants: 0 })).toThrow(RangeError);
      expect(() => one(name, { participants: 1024 })).toThrow(RangeError);
      expect(() => one(name, { mode: 0o066 })).toThrow(RangeError);
      expect(() => one(name, { lifetime: 'x' })).toThrow(RangeError);
      expect(() => one(name, { particpants: 3 })).toThrow(/did you mean 'participants'/);
    }
    for (const one of [attach, open]) expect(() => one(name, { owner: 'me' })).toThrow(TypeError);
    expect(() => attach(name, { mode: 0o600 })).toThrow(/unknown option 'mode'/);
    expect(existsSync(`/dev/shm/${name}`)).toBe(false);
  });

  test('everything of a closed handle throws, and closing again does nothing', () => {
    const thing = create(name);
    thing.close();
    thing.close();
    expect(thing.closed).toBe(true);
    for (const use of used(thing as never) as (() => unknown)[])
      expect(use, use.toString()).toThrow(coded('ERR_ISTHMUS_CLOSED') as Error);
  });

  test('two processes that open the name at once get one object', async () => {
    const peers = [1, 2, 3].map(() =>
      start(
        async (isthmus, { args, say, heard }) => {
          const [kind, name] = args as unknown as [string, string];
          const { PermitPool, RLock, RwLock, Event, Condition, Barrier } = isthmus;
          say('ready');
          await heard();
          const open: Record<string, () => { close(): void }> = {
            pool: () => PermitPool.open(name, 3),
            rlock: () => RLock.open(name),
            rwlock: () => RwLock.open(name),
            event: () => Event.open(name),
            condition: () => Condition.open(name),
            barrier: () => Barrier.open(name, 3),
          };
          const thing = open[kind]!();
          say('open');
          await heard();
          thing.close();
        },
        kind,
        name,
      ),
    );
    for (const peer of peers) await peer.said();
    for (const peer of peers) peer.tell();
    for (const peer of peers) expect(await peer.said()).toBe('open');
    const pids = isthmus.inspect(name).participants!.map(({ pid }) => pid);
    expect(pids.sort()).toEqual(peers.map(({ pid }) => pid).sort());
    for (const peer of peers) peer.tell();
    for (const peer of peers) await peer.done();
  });
});

describe('numbers of permits and parties', () => {
  const NUMBERED = {
    PermitPool: { most: 4096, makers: [PermitPool.create, PermitPool.open] },
    Barrier: { most: 1023, makers: [Barrier.create, Barrier.open] },
  };
  test.each(Object.entries(NUMBERED))('%s', (_name, { most, makers }) => {
    const name = freshName();
    for (const make of makers) {
      for (const bad of [0, -1, 1.5, most + 1, Number.NaN, Number.POSITIVE_INFINITY])
        expect(() => make(name, bad), String(bad)).toThrow(RangeError);
      for (const bad of [undefined, null, '2', 2n, {}])
        expect(() => make(name, bad as never)).toThrow(TypeError);
      expect(existsSync(`/dev/shm/${name}`)).toBe(false);
      using one = make(name, most);
      expect((one as { permits?: number }).permits ?? (one as { parties?: number }).parties).toBe(most);
      unlink(name);
    }
  });
});

test('the barrier’s action must be a function', () => {
  const name = freshName();
  expect(() => Barrier.open(name, 2, { action: 1 as never })).toThrow(TypeError);
  expect(() => Barrier.create(name, 2, { acton: () => 1 } as never)).toThrow(/did you mean 'action'/);
  expect(existsSync(`/dev/shm/${name}`)).toBe(false);
});

describe('the lock of a condition', () => {
  test('is checked before anything is made', () => {
    const [name, other] = [freshName(), freshName()];
    for (const lock of [1, {}, null, 'mutex'])
      expect(() => Condition.open(name, { lock: lock as never })).toThrow(TypeError);
    const closed = Lock.create(other);
    closed.close();
    expect(() => Condition.open(name, { lock: closed })).toThrow(coded('ERR_ISTHMUS_CLOSED') as Error);
    expect(() => Condition.open(name, { lok: 'lock' } as never)).toThrow(/did you mean 'lock'/);
    expect(existsSync(`/dev/shm/${name}`)).toBe(false);
  });

  test('is of the kind that was asked for, and must agree', () => {
    const [name, mine, others] = [freshName(), freshName(), freshName()];
    using lock = Lock.create(mine);
    using another = Lock.create(others);
    {
      using condition = Condition.create(name, { lock: 'rlock' });
      expect(condition.lock).toBeInstanceOf(RLock);
      expect(() => Condition.attach(name, { lock: 'lock' })).toThrow(coded('ERR_ISTHMUS_MISMATCH') as Error);
      expect(() => Condition.attach(name, { lock })).toThrow(/a rlock of its own, not with the lock '/);
      using open = Condition.open(name);
      expect(open.lock).toBeInstanceOf(RLock);
    }
    unlink(name);
    const condition = Condition.create(name, { lock });
    expect(condition.lock).toBe(lock);
    for (const wrong of [another, 'lock', 'rlock'] as const)
      expect(() => Condition.open(name, { lock: wrong })).toThrow(coded('ERR_ISTHMUS_MISMATCH') as Error);
    using found = Condition.attach(name); // opens the lock under its name
    expect(found.lock.name).toBe(lock.name);
    const guard = lock.acquireSync();
    expect(found.lock.locked).toBe(true);
    guard.release();
    const itsLock = found.lock;
    found.close();
    condition.close();
    expect([itsLock.closed, lock.closed]).toEqual([true, false]);
    unlink(mine);
    expect(() => Condition.attach(name)).toThrow(coded('ENOENT') as Error); // its lock is gone
  });

  test('has the type of what was asked for', () => {
    using own = Condition.open(freshName(), { lock: 'lock' });
    expectTypeOf(own).toEqualTypeOf<isthmus.Condition<isthmus.Lock>>();
    using recursive = Condition.open(freshName(), { lock: 'rlock' });
    expectTypeOf(recursive.lock).toEqualTypeOf<isthmus.RLock>();
    using lock = Lock.create(freshName());
    using shared = Condition.open(freshName(), { lock });
    expectTypeOf(shared.lock).toEqualTypeOf<isthmus.Lock>();
    using rlock = RLock.create(freshName());
    using sharedR = Condition.create(freshName(), { lock: rlock });
    expectTypeOf(sharedR.lock).toEqualTypeOf<isthmus.RLock>();
    using made = Condition.create(freshName());
    expectTypeOf(made.lock).toEqualTypeOf<isthmus.Lock>();
    using either = Condition.open(made.name);
    expectTypeOf(either.lock).toEqualTypeOf<isthmus.Lock | isthmus.RLock>();
    using attached = Condition.attach(made.name, { lock: 'lock' });
    expectTypeOf(attached.lock).toEqualTypeOf<isthmus.Lock>();
    expectTypeOf(Condition.attach(made.name).lock).toEqualTypeOf<isthmus.Lock | isthmus.RLock>();
    expectTypeOf(made.waitFor<number | undefined>).returns.toEqualTypeOf<Promise<number | undefined>>();
    expectTypeOf(Condition.open<'lock'>)
      .parameter(1)
      .exclude<undefined>()
      .toHaveProperty('lock');
    // @ts-expect-error: no such lock
    expect(() => Condition.open(freshName(), { lock: 'semaphore' })).toThrow(TypeError);
    for (const one of [own, recursive, shared, sharedR]) expect(one.lock.closed).toBe(false);
  });
});
