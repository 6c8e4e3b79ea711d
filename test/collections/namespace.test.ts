import { inspect as show } from 'node:util';
import { type IsthmusError, Namespace, SharedMap, unlink } from 'isthmus';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { freshName, start } from '../processes/start.js';

interface Settings {
  level?: string;
  limits?: { requests: number };
  visits?: number;
}

describe('Namespace', () => {
  test('behaves as an object: get, set, in, delete, keys, spread, JSON, inspect', () => {
    const ns = Namespace.create<Record<string, unknown>>(freshName());
    ns.level = 'debug';
    ns.limits = { requests: 100 };
    expect(ns.level).toBe('debug');
    expect('level' in ns).toBe(true);
    expect('nothing' in ns).toBe(false);
    expect(ns.nothing).toBe(undefined);
    expect(Object.keys(ns).sort()).toEqual(['level', 'limits']);
    expect({ ...ns }).toEqual({ level: 'debug', limits: { requests: 100 } });
    expect(JSON.parse(JSON.stringify(ns))).toEqual({ level: 'debug', limits: { requests: 100 } });
    expect(show(ns)).toContain("level: 'debug'");
    expect(ns instanceof Namespace).toBe(true);
    expect(Object.hasOwn(ns, 'level')).toBe(true);
    expect(delete ns.level).toBe(true);
    expect(ns.level).toBe(undefined);
    ns.close();
  });

  test('a value that was read is a copy', () => {
    const ns = Namespace.create<Settings>(freshName());
    ns.limits = { requests: 1 };
    ns.limits.requests = 5;
    expect(ns.limits).toEqual({ requests: 1 });
    ns.close();
  });

  test('a full one says what helps: a namespace has no entries and cannot evict', () => {
    for (const limit of [{ evict: 'lru' }, { ttl: 5 }, { maxEntries: 1 }])
      expect(() => Namespace.create(freshName(), limit as never)).toThrow('unknown option');
    const ns = Namespace.create<Record<string, unknown>>(freshName(), { maxBytes: 4096 });
    let failure: unknown;
    for (let n = 0; n < 100 && failure === undefined; n++) {
      try {
        ns[`property ${n}`] = 'x'.repeat(100);
      } catch (error) {
        failure = error;
      }
    }
    expect(failure).toMatchObject({ code: 'ERR_ISTHMUS_FULL' });
    const { message } = failure as Error;
    expect(message).toMatch(
      / bytes in \d+ properties\); nothing was changed: delete properties, or create it larger$/,
    );
    expect(message).not.toMatch(/evict|entries/);
    delete ns['property 0'];
    ns['another'] = 'x'.repeat(100); // the advice helps
    expect(ns['another']).toBe('x'.repeat(100));
    ns.close();

    const map = SharedMap.create<number, string>(freshName(), { maxBytes: 4096 });
    expect(() => {
      for (let n = 0; n < 100; n++) map.set(n, 'x'.repeat(100));
    }).toThrow(
      / entries\); nothing was changed: delete entries, create it larger, or with \{ evict: 'lru' \}$/,
    );
    map.close();
  });

  test('unrelated processes see what one assigns, whoever is killed', async () => {
    const name = freshName();
    const ns = Namespace.create<Settings>(name);
    const peer = start(({ Namespace: Shared }, { args, say, sleep }) => {
      const settings = Shared.open<Settings>(args[0]!);
      settings.level = 'from the other side';
      for (let i = 0; i < 100; i++) Shared.map(settings).add('visits', 1);
      say();
      return sleep(60_000);
    }, name);
    await peer.said();
    peer.kill('SIGKILL');
    await peer.exited;
    expect(ns.level).toBe('from the other side');
    expect(ns.visits).toBe(100);
    ns.close();
  });

  test('refuses what cannot be a property, and says so', () => {
    const ns = Namespace.create<Record<string | symbol, unknown>>(freshName());
    const code = (act: () => unknown): string => {
      try {
        act();
      } catch (error) {
        return (error as IsthmusError).code;
      }
      return 'nothing thrown';
    };
    for (const own of ['name', 'close', 'closed', 'constructor', Symbol('x')]) {
      expect(code(() => ((ns as Record<PropertyKey, unknown>)[own] = 1))).toBe('ERR_INVALID_ARG_TYPE');
    }
    expect(code(() => (ns.x = undefined))).toBe('ERR_INVALID_ARG_TYPE');
    expect(code(() => Object.defineProperty(ns, 'x', { get: () => 1 }))).toBe('ERR_INVALID_ARG_TYPE');
    expect(code(() => Object.freeze(ns))).toBe('ERR_INVALID_ARG_TYPE');
    expect(code(() => Namespace.map({} as never))).toBe('ERR_INVALID_ARG_TYPE');
    expect(Object.keys(ns)).toEqual([]);
    ns.close();
  });

  test('is a kind of its own; create, attach and open as everywhere; closed is closed', async () => {
    const name = freshName();
    expect(() => Namespace.attach(name)).toThrow(/ENOENT|nothing has this name/);
    const ns = Namespace.create(name, { maxBytes: '256KB' });
    expect(() => Namespace.create(name)).toThrow(/taken/);
    expect(() => SharedMap.open(name)).toThrow(/is of kind 'namespace'/);
    expect(() => Namespace.open(name, { maxBytes: '1MB' })).toThrow(/maxBytes/);
    const again = Namespace.open(name);
    expect(again.name).toBe(`/${name}`);
    expect((await again) === again).toBe(true); // it is no promise
    again.close();
    again.close();
    expect(again.closed).toBe(true);
    expect(() => again.x).toThrow(/closed/);
    expect(show(again)).toContain('closed');
    ns.close();
    unlink(name);
  });

  test('types: properties as said, and the handle', () => {
    const check = (ns: ReturnType<typeof Namespace.open<Settings>>): void => {
      expectTypeOf(ns.level).toEqualTypeOf<string | undefined>();
      expectTypeOf(ns.close).returns.toBeVoid();
      // @ts-expect-error no such property
      ns.unknown = 1;
      expectTypeOf(Namespace.map(ns).get('visits')).toEqualTypeOf<
        string | { requests: number } | number | undefined
      >();
    };
    expect(check).toBeTypeOf('function');
  });
});
