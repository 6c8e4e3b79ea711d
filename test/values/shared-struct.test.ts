// SharedStruct: numbers, arrays, nested structs, atomic operations, opening. Its texts: shared-struct-text.test.ts.

import {
  type ElementType,
  inspect,
  list,
  MismatchError,
  SharedStruct,
  type StructShape,
  text,
  unlink,
} from 'isthmus';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { freshName, start } from '../processes/start.js';

const VIEWS = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  f32: Float32Array,
  f64: Float64Array,
  bool: Uint8Array,
} as const;
type Type = keyof typeof VIEWS;
const TYPES = Object.keys(VIEWS) as Type[];

const LIMITS: Record<Exclude<Type, 'f32' | 'f64' | 'bool'>, readonly [number | bigint, number | bigint]> = {
  i8: [-128, 127],
  u8: [0, 255],
  i16: [-32768, 32767],
  u16: [0, 65535],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
  u64: [0n, 2n ** 64n - 1n],
};

const SHAPE = {
  hits: 'u64',
  ratio: 'f64',
  label: text(32),
  samples: ['f32', 4],
  flags: ['bool', 3],
  on: 'bool',
  pos: { x: 'f64', y: 'i16', far: { z: 'i8' } },
} as const;

/** What a handle has whose fields are known only when the program runs. */
function loose(fields: unknown): Record<string, unknown> {
  return fields as Record<string, unknown>;
}

describe('numbers', () => {
  test.each(Object.entries(LIMITS))(
    '%s holds its limits and refuses what lies beyond',
    (type, [least, most]) => {
      using struct = SharedStruct.create<StructShape>(freshName(), {
        before: 'u8',
        it: type as Type,
        after: 'u8',
      });
      const fields = loose(struct.fields);
      const big = typeof least === 'bigint';
      for (const good of [least, most]) {
        fields['it'] = good;
        expect(fields['it']).toBe(good);
        expect([fields['before'], fields['after']]).toEqual([0, 0]);
      }
      fields['it'] = 7;
      const seven = big ? 7n : 7;
      expect(fields['it']).toBe(seven);
      const beyond = big ? [least - 1n, (most as bigint) + 1n, 2 ** 53] : [least - 1, (most as number) + 1];
      for (const bad of [...beyond, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
        expect(() => (fields['it'] = bad)).toThrow(RangeError);
      for (const bad of ['1', true, null, undefined, {}, ...(big ? [] : [1n])])
        expect(() => (fields['it'] = bad)).toThrow(TypeError);
      expect(fields['it']).toBe(seven);
    },
  );

  test('floats keep NaN, infinities and -0; f32 rounds; bool is true or false', () => {
    using struct = SharedStruct.create(freshName(), { f: 'f32', d: 'f64', b: 'bool' });
    const { fields } = struct;
    for (const number of [0.1, -0, Number.NaN, Number.NEGATIVE_INFINITY, Number.MIN_VALUE]) {
      fields.d = number;
      expect(Object.is(fields.d, number)).toBe(true);
      fields.f = number;
      expect(Object.is(fields.f, Math.fround(number))).toBe(true);
    }
    fields.b = true;
    for (const bad of [1, 'true', null]) expect(() => (fields.b = bad as never)).toThrow(TypeError);
    for (const bad of [1n, '1', true]) expect(() => (fields.d = bad as never)).toThrow(TypeError);
    expect(fields.b).toBe(true);
  });

  test("Python's typecodes are types", () => {
    const codes = { b: 'i8', B: 'u8', h: 'i16', H: 'u16', i: 'i32', I: 'u32', l: 'i64', L: 'u64', q: 'i64' };
    const name = freshName();
    SharedStruct.create<StructShape>(name, {
      ...(Object.fromEntries(Object.keys(codes).map((code) => [`is ${code}`, code])) as Record<
        string,
        ElementType
      >),
      many: ['d', 2],
    }).close();
    const fields = inspect(name).shape['fields'] as { type: string }[];
    expect(fields.map(({ type }) => type)).toEqual([...Object.values(codes), 'f64']);
    expect(() => SharedStruct.create(freshName(), { u: 'u' as never })).toThrow(/'u'.*wide characters/);
  });
});

test('every type and every level is the same memory in an unrelated process', async () => {
  const name = freshName();
  const fields = Object.fromEntries(
    TYPES.flatMap((type) => [
      [type, type],
      [`${type}s`, [type, 3]],
    ]),
  );
  using struct = SharedStruct.create<StructShape>(name, {
    ...fields,
    inner: { ...fields, t: text(9) },
  } as StructShape);
  const mine = loose(struct.fields);
  TYPES.forEach((type, n) => {
    const value =
      type === 'bool'
        ? true
        : LIMITS[type as 'i64'] && type.endsWith('64') && type[0] !== 'f'
          ? BigInt(n)
          : n;
    for (const level of [mine, loose(mine['inner'])]) {
      level[type] = value;
      const view = level[`${type}s`] as Uint8Array;
      expect(view).toBeInstanceOf(VIEWS[type]);
      view[2] = (typeof value === 'boolean' ? 1 : value) as number;
    }
  });
  loose(mine['inner'])['t'] = 'äöü';
  const before = struct.snapshot();
  const peer = start(({ SharedStruct }, { args, say }) => {
    const theirs = SharedStruct.attach(args[0]!);
    say(theirs.snapshot());
    const inner = theirs.fields['inner'] as Record<string, unknown>;
    inner['i8'] = -1;
    (inner['f64s'] as Float64Array)[0] = 0.5;
    inner['t'] = 'from there';
  }, name);
  expect(await peer.said()).toEqual(before);
  await expect(peer.done()).rejects.toThrow(/at most 9 bytes/);
  expect([loose(mine['inner'])['i8'], (loose(mine['inner'])['f64s'] as Float64Array)[0]]).toEqual([-1, 0.5]);
});

test('fields lie as in a C struct', () => {
  const name = freshName();
  using _struct = SharedStruct.create(name, {
    a: 'u8',
    b: 'u16',
    c: 'u8',
    d: 'f64',
    t: text(5),
    e: ['u8', 3],
    n: { x: 'u8', y: 'u32', z: 'u8' },
    f: 'bool',
  });
  const offsets = (fields: unknown): unknown[] =>
    (fields as Record<string, unknown>[]).flatMap((field) => [
      [field['name'], field['offset']],
      ...(field['fields'] === undefined ? [] : offsets(field['fields'])),
    ]);
  const { shape, header } = inspect(name);
  expect(offsets(shape['fields'])).toEqual([
    ['a', 0],
    ['b', 2],
    ['c', 4],
    ['d', 8],
    ['t', 16], // 3 words, twice 8 bytes
    ['e', 44],
    ['n', 48],
    ['x', 48],
    ['y', 52],
    ['z', 56],
    ['f', 60],
  ]);
  expect(shape['bytes']).toBe(64);
  expect(header!.payloadBytes).toBe(64);
});

describe('arrays and nested structs', () => {
  test('assigning an array copies, after checking all of it', () => {
    using struct = SharedStruct.create(freshName(), SHAPE);
    const { fields } = struct;
    const { samples, flags } = fields;
    fields.samples = Float32Array.of(1, 2, 3, 4);
    fields.samples = [4, 3, 2, 1.5] as never;
    expect(fields.samples).toBe(samples);
    expect([...samples]).toEqual([4, 3, 2, 1.5]);
    for (const [bad, error] of [
      [[1, 2, 3], RangeError],
      [[1, 2, 3, '4'], TypeError],
      [{ length: 4 }, TypeError],
      [7, TypeError],
      [null, TypeError],
    ] as const)
      expect(() => (fields.samples = bad as never), String(bad)).toThrow(error);
    expect([...samples]).toEqual([4, 3, 2, 1.5]);
    fields.samples = samples.subarray(0, 4).reverse(); // itself
    expect([...samples]).toEqual([1.5, 2, 3, 4]);
    fields.flags = [true, false, true] as never;
    expect([...flags]).toEqual([1, 0, 1]);
    fields.flags = Uint8Array.of(0, 2, 0);
    expect([...flags]).toEqual([0, 1, 0]);
    expect(() => (fields.flags = [1, 0, 1] as never)).toThrow(TypeError);
  });

  test('assigning a nested struct assigns all of its fields, or none', () => {
    using struct = SharedStruct.create(freshName(), SHAPE);
    using other = SharedStruct.create(freshName(), SHAPE, { initial: { pos: { x: 8, far: { z: 9 } } } });
    const { fields } = struct;
    const { pos } = fields;
    fields.pos = { x: 1, y: 2, far: { z: 3 } };
    expect(fields.pos).toBe(pos);
    expect(struct.snapshot().pos).toEqual({ x: 1, y: 2, far: { z: 3 } });
    for (const [bad, error] of [
      [{ x: 5, y: 6 }, TypeError],
      [{ x: 5, y: 6, far: { z: 200 } }, RangeError],
      [{ x: 5, y: 6, far: { z: 1 }, w: 0 }, RangeError],
      [[5, 6], TypeError],
      [5, TypeError],
    ] as const)
      expect(() => (fields.pos = bad as never)).toThrow(error);
    expect(struct.snapshot().pos).toEqual({ x: 1, y: 2, far: { z: 3 } });
    fields.pos = other.fields.pos;
    expect(struct.snapshot().pos).toEqual({ x: 8, y: 0, far: { z: 9 } });
  });

  test('assign takes some of the fields, checks all of them, and then stores', () => {
    using struct = SharedStruct.create(freshName(), SHAPE);
    struct.assign({ hits: 5, pos: { far: { z: -1 } }, label: 'x', flags: [true, true, false] });
    const after = struct.snapshot();
    expect(after).toMatchObject({ hits: 5n, label: 'x', pos: { x: 0, far: { z: -1 } } });
    expect(() => struct.assign({ hits: 6, ratio: '1' as never })).toThrow(/'ratio'.*must be a number/);
    expect(() => struct.assign({ hits: 6, pos: { far: { z: 128 } } })).toThrow(RangeError);
    expect(() => struct.assign({ hist: 6 } as never)).toThrow(/'?hist'?/);
    expect(struct.snapshot()).toEqual(after);
    const closing = {
      get hits(): bigint {
        struct.close();
        return 9n;
      },
    };
    expect(() => struct.assign(closing)).toThrow(expect.objectContaining({ code: 'ERR_ISTHMUS_CLOSED' }));
  });

  test('a misspelt field is an error', () => {
    using struct = SharedStruct.create(freshName(), SHAPE);
    expect(() => ((struct.fields as unknown as Record<string, number>)['hist'] = 1)).toThrow(TypeError);
    expect('hist' in struct.fields).toBe(false);
    expect('hits' in struct.fields).toBe(true);
  });

  test('names that objects have already are names like any other', () => {
    const odd = {
      constructor: 'i32',
      toString: 'i32',
      toJSON: 'f64',
      valueOf: { hasOwnProperty: 'u8' },
    } as const;
    using struct = SharedStruct.create(freshName(), odd, { initial: { constructor: 4 } as never });
    using partial = SharedStruct.create(freshName(), odd, { initial: {} });
    expect(partial.snapshot()['constructor']).toBe(0);
    struct.fields.toString = 5 as never;
    expect(struct.snapshot()).toEqual({
      constructor: 4,
      toString: 5,
      toJSON: 0,
      valueOf: { hasOwnProperty: 0 },
    });
  });
});

describe('atomic operations', () => {
  test('return the previous value, by dotted names', () => {
    using struct = SharedStruct.create(freshName(), SHAPE);
    expect(struct.add('hits', 5)).toBe(0n);
    expect(struct.sub('hits', 2n)).toBe(5n);
    expect(struct.load('hits')).toBe(3n);
    expect(struct.add('pos.far.z', 100)).toBe(0);
    expect(() => struct.add('pos.far.z', 100)).toThrow(RangeError);
    expect(struct.fields.pos.far.z).toBe(100);
    expect(struct.or('pos.y', 6)).toBe(0);
    expect(struct.and('pos.y', 3)).toBe(6);
    expect(struct.xor('pos.y', 1)).toBe(2);
    expect(struct.exchange('pos.y', 9)).toBe(3);
    expect(struct.compareExchange('pos.y', 9, 10)).toBe(9);
    expect(struct.compareExchange('pos.y', 9, 11)).toBe(10);
    expect(struct.add('ratio', 0.5)).toBe(0);
    expect(struct.compareExchange('on', false, true)).toBe(false);
    expect(struct.exchange('on', false)).toBe(true);
    expect(struct.snapshot()).toMatchObject({ hits: 3n, ratio: 0.5, on: false, pos: { y: 10 } });
  });

  test('are for numbers only', () => {
    using struct = SharedStruct.create(freshName(), SHAPE);
    const any = struct as unknown as SharedStruct;
    for (const path of ['samples', 'label', 'pos', 'on']) expect(() => any.add(path, 1)).toThrow(TypeError);
    for (const path of ['ratio', 'pos.x', 'on']) expect(() => any.or(path, 1)).toThrow(TypeError);
    for (const path of ['nothing', 'pos.', 'pos.w', 'samples.0', ''])
      expect(() => any.add(path, 1)).toThrow(RangeError);
    expect(() => any.add(3 as never, 1)).toThrow(TypeError);
    expect(() => struct.exchange('hits', -1)).toThrow(RangeError);
  });

  test('by 3 processes lose nothing', async () => {
    const name = freshName();
    using struct = SharedStruct.create(name, SHAPE);
    const peers = [1, 2, 3].map(() =>
      start(({ SharedStruct }, { args }) => {
        const mine = SharedStruct.attach<{ hits: 'u64'; ratio: 'f64'; pos: { y: 'i16' } }>(args[0]!);
        for (let i = 0; i < 30_000; i++) {
          mine.add('hits', 1n);
          mine.add('ratio', 0.5);
          if (i % 3 === 0) mine.add('pos.y', 1);
        }
      }, name),
    );
    await Promise.all(peers.map((peer) => peer.done()));
    expect(struct.snapshot()).toMatchObject({ hits: 90_000n, ratio: 45_000, pos: { y: 30_000 } });
  });

  test('whoever sees one sees the plain writes before it', async () => {
    const name = freshName();
    using struct = SharedStruct.create(name, { turn: 'i32', data: ['f64', 16], pos: { x: 'f64' } });
    const peer = start(({ SharedStruct }, { args, say }) => {
      const mine = SharedStruct.attach<{ turn: 'i32'; data: ['f64', 16]; pos: { x: 'f64' } }>(args[0]!);
      const end = Date.now() + 80_000;
      for (let round = 1; round < 1000; round += 2) {
        while (mine.load('turn') !== round) if (Date.now() > end) throw new Error('not my turn, for 80 s');
        const { data, pos } = mine.fields;
        if (pos.x !== round || data.some((one) => one !== round)) throw new Error(`round ${round} is torn`);
        data.fill(round + 1);
        pos.x = round + 1;
        mine.exchange('turn', round + 1);
      }
      say('all seen');
    }, name);
    for (let round = 1; round < 1000; round += 2) {
      struct.fields.data.fill(round);
      struct.fields.pos.x = round;
      struct.exchange('turn', round);
      while (struct.load('turn') === round) await new Promise(setImmediate);
      expect([struct.fields.pos.x, ...struct.fields.data]).toEqual(new Array(17).fill(round + 1));
    }
    expect(await peer.said()).toBe('all seen');
  });
});

test('8-byte fields are never seen half written', async () => {
  const name = freshName();
  using struct = SharedStruct.create(name, { small: 'u8', u: 'u64', f: 'f64' });
  const peer = start(({ SharedStruct }, { args, say }) => {
    const { fields } = SharedStruct.attach<{ u: 'u64'; f: 'f64' }>(args[0]!);
    say();
    for (let i = 0; ; i++) {
      fields.u = i & 1 ? 0xffffffffffffffffn : 0n;
      fields.f = i & 1 ? -0 : 5e-324; // bits 0x8000000000000000, 0x0000000000000001
    }
  }, name);
  await peer.said();
  const seen = new Set<bigint | number>();
  const { fields } = struct;
  for (let i = 0; i < 2_000_000; i++) {
    const [u, f] = [fields.u, fields.f];
    if (u !== 0n && u !== 0xffffffffffffffffn) seen.add(u);
    if (f !== 0 && f !== 5e-324) seen.add(f);
  }
  peer.kill();
  expect([...seen]).toEqual([]);
});

describe('opening', () => {
  const bad: readonly (readonly [unknown, unknown])[] = [
    [undefined, TypeError],
    [null, TypeError],
    ['u8', TypeError],
    [['u8'], TypeError],
    [{}, RangeError],
    [{ a: 'int' }, RangeError],
    [{ a: 5 }, TypeError],
    [{ a: null }, TypeError],
    [{ '': 'u8' }, RangeError],
    [{ ['x'.repeat(129)]: 'u8' }, RangeError],
    [JSON.parse('{ "__proto__": "u8" }'), RangeError],
    [{ a: ['u8'] }, TypeError],
    [{ a: ['u8', 0] }, RangeError],
    [{ a: ['u8', 1.5] }, RangeError],
    [{ a: ['u8', 1, 2] }, TypeError],
    [{ a: [text(3), 4] }, TypeError],
    [{ a: {} }, RangeError],
    [{ a: { b: 'nothing' } }, RangeError],
    [{ 'a.b': 'u8', a: { b: 'u8' } }, RangeError],
    [{ a: ['f64', 2 ** 27 + 1] }, RangeError],
    [Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`f${i}`, 'u8'])), RangeError],
  ];
  test.each(bad.map(([fields, error], n) => [n, fields, error] as const))(
    'a bad shape (%i) makes nothing',
    (_n, fields, error) => {
      const name = freshName();
      for (const how of ['create', 'open', 'attach'] as const) {
        if (how === 'attach' && fields === undefined) continue;
        expect(() => SharedStruct[how](name, fields as never)).toThrow(error as never);
      }
      expect(list().some((one) => one.name === `/${name}`)).toBe(false);
    },
  );

  test('structs in themselves, and texts of no size, are refused', () => {
    const self: Record<string, unknown> = { a: 'u8' };
    self['self'] = self;
    expect(() => SharedStruct.create(freshName(), self as never)).toThrow(/16 levels/);
    for (const size of [0, -1, 1.5, Number.NaN, 2 ** 20 + 1]) expect(() => text(size)).toThrow(RangeError);
    expect(() => text('5' as never)).toThrow(TypeError);
  });

  test('bad first values and misspelt options make nothing', () => {
    const name = freshName();
    for (const initial of [
      { hits: -1 },
      { hits: '1' },
      { label: 'x'.repeat(33) },
      { hist: 1 },
      5,
      { pos: { y: 0.5 } },
    ])
      for (const how of ['create', 'open'] as const)
        expect(() => SharedStruct[how](name, SHAPE, { initial: initial as never })).toThrow(/must be/);
    expect(() => SharedStruct.open(name, SHAPE, { inital: {} } as never)).toThrow(/did you mean 'initial'/);
    expect(list().some((one) => one.name === `/${name}`)).toBe(false);
  });

  test('1,024 fields with long names can be made and read', () => {
    const name = freshName();
    const fields = Object.fromEntries(
      Array.from({ length: 1024 }, (_, i) => [`${i}${'\u0001'.repeat(124)}`, 'u8' as const]),
    );
    using _struct = SharedStruct.create(name, fields);
    using again = SharedStruct.attach(name, fields);
    expect(Object.keys(again.snapshot())).toHaveLength(1024);
  });

  test('open creates once and attaches afterwards; initial matters only to the creator', () => {
    const name = freshName();
    using first = SharedStruct.open(name, SHAPE, {
      initial: { hits: 5, label: 'one', samples: [1, 2, 3, 4] },
    });
    using second = SharedStruct.open(name, SHAPE, { initial: { hits: 6, label: 'two' } });
    using third = SharedStruct.attach(name);
    for (const one of [first, second, third])
      expect(one.snapshot()).toMatchObject({ hits: 5n, label: 'one', samples: Float32Array.of(1, 2, 3, 4) });
    expect(() => SharedStruct.create(name, SHAPE)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    unlink(name);
    expect(() => SharedStruct.attach(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  test('another shape is a MismatchError that names the first field that differs', () => {
    const name = freshName();
    using _struct = SharedStruct.create(name, SHAPE);
    const { pos: _pos, ...short } = SHAPE;
    const others: [StructShape, RegExp][] = [
      [{ ...SHAPE, ratio: 'f32' }, /has 'ratio': 'f64', not 'ratio': 'f32'/],
      [{ ...SHAPE, label: text(31) }, /has 'label': text\(32\), not 'label': text\(31\)/],
      [{ ...SHAPE, samples: ['f32', 5] }, /\['f32', 4\], not 'samples': \['f32', 5\]/],
      [{ ...SHAPE, pos: { x: 'f64', y: 'u16', far: { z: 'i8' } } }, /'pos.y': 'i16', not 'pos.y': 'u16'/],
      [{ ratio: 'f64', hits: 'u64' }, /'hits': 'u64', not 'ratio': 'f64'/],
      [short, /'pos': \{ … \}, not no further field/],
      [{ ...SHAPE, more: 'u8' }, /no further field, not 'more': 'u8'/],
    ];
    for (const [shape, message] of others) {
      expect(() => SharedStruct.open(name, shape)).toThrow(message);
      expect(() => SharedStruct.attach(name, shape)).toThrow(MismatchError);
    }
    using _typecodes = SharedStruct.attach(name, { ...SHAPE, hits: 'Q', ratio: 'd' });
  });
});

test('after close every access is a ClosedError, and kept arrays are empty', () => {
  const name = freshName();
  using other = SharedStruct.create(name, SHAPE);
  const struct = SharedStruct.attach(name, SHAPE);
  const { fields } = struct;
  const { pos, samples } = fields;
  const { lock } = struct;
  struct.close();
  struct.close();
  const closed = expect.objectContaining({ code: 'ERR_ISTHMUS_CLOSED' }) as Error;
  const uses: (() => unknown)[] = [
    () => struct.fields,
    () => struct.lock,
    () => struct.snapshot(),
    () => struct.toJSON(),
    () => struct.assign({}),
    () => struct.load('hits'),
    () => struct.add('hits', 1),
    () => struct.or('hits', 1),
    () => struct.exchange('on', true),
    () => struct.compareExchange('on', true, true),
    () => fields.hits,
    () => fields.label,
    () => fields.samples,
    () => fields.pos,
    () => pos.x,
    () => fields.on,
    () => (fields.hits = 1n),
    () => (fields.on = true),
    () => (fields.label = ''),
    () => (fields.samples = [1, 2, 3, 4] as never),
    () => (fields.pos = { x: 1, y: 1, far: { z: 1 } }),
    () => (pos.x = 1),
    () => lock.tryAcquire(),
  ];
  for (const use of uses) expect(use, String(use)).toThrow(closed);
  expect(other.snapshot().hits).toBe(0n);
  const { samples: others } = other.fields;
  other.close();
  expect([samples.length, others.length]).toEqual([0, 0]);
});

// Node 20 has no transfer(), and copies an addon's buffer where it should move it.
const canMove = 'transfer' in ArrayBuffer.prototype;
test.skipIf(!canMove)('if the buffer was transferred away, every access says so', () => {
  using struct = SharedStruct.create(freshName(), SHAPE);
  const { fields } = struct;
  const { buffer } = fields.samples;
  (buffer as ArrayBuffer & { transfer(): ArrayBuffer }).transfer();
  const uses = [
    () => fields.hits,
    () => (fields.hits = 1n),
    () => fields.label,
    () => (fields.label = ''),
    () => (fields.pos = { x: 1, y: 1, far: { z: 1 } }),
  ];
  for (const use of uses) expect(use, String(use)).toThrow(/transferred away/);
});

test('several handles on several shapes, opened and closed in any order, keep to their own', () => {
  const make = (n: number) =>
    SharedStruct.create(freshName(), { a: 'i32', b: 'f64', [`c${n % 3}`]: 'u8' } as StructShape, {
      initial: { a: n, b: n / 2 },
    });
  const made = Array.from({ length: 12 }, (_, n) => make(n));
  for (const first of [0, 5, 1, 2, 0]) {
    const { fields } = made[first]!;
    made[first]!.close();
    expect(() => fields['a']).toThrow(/closed/);
    for (const [n, struct] of made.entries())
      if (n !== first) expect([struct.fields['a'], struct.fields['b']]).toEqual([n, n / 2]);
    made[first] = make(first);
  }
  for (const one of made) one.close();
});

test('the lock excludes, and tells of a killed holder', async () => {
  const name = freshName();
  using struct = SharedStruct.create(name, SHAPE);
  const peer = start(({ SharedStruct }, { args, say }) => {
    SharedStruct.attach(args[0]!).lock.acquireSync();
    say();
    setInterval(() => undefined, 1000);
  }, name);
  await peer.said();
  expect(struct.lock.tryAcquire()).toBeUndefined();
  expect((inspect(name).contents as { holder: { pid: number } }).holder.pid).toBe(peer.pid);
  peer.kill();
  expect(struct.lock.withLockSync((guard) => guard.abandoned)).toBe(true);
});

test('a snapshot is a copy, has JSON, and inspect shows the fields', () => {
  const name = freshName();
  using struct = SharedStruct.create(
    name,
    { ...SHAPE, many: ['u16', 20] },
    { initial: { hits: 2n ** 60n, on: true } },
  );
  struct.fields.label = 'grün';
  const copy = struct.snapshot();
  struct.fields.samples[0] = 9;
  struct.fields.pos.x = 9;
  expect([copy.samples[0], copy.pos.x, copy.label]).toEqual([0, 0, 'grün']);
  const json = JSON.parse(JSON.stringify(struct)) as Record<string, unknown>;
  expect(json).toMatchObject({
    hits: String(2n ** 60n),
    samples: [9, 0, 0, 0],
    pos: { x: 9, far: { z: 0 } },
  });
  expect(JSON.parse(JSON.stringify(struct.fields))).toEqual(json);
  expect(inspect(name).contents).toEqual({
    fields: {
      hits: 2n ** 60n,
      ratio: 0,
      label: 'grün',
      samples: [9, 0, 0, 0],
      flags: [false, false, false],
      on: true,
      pos: { x: 9, y: 0, far: { z: 0 } },
      many: { elements: new Array(16).fill(0), more: 4 },
    },
    holder: undefined,
  });
});

test('has the types of its fields', () => {
  const name = freshName();
  using struct = SharedStruct.create(name, { ...SHAPE, c: 'l' });
  const { fields } = struct;
  expectTypeOf(fields.hits).toEqualTypeOf<bigint>();
  expectTypeOf(fields.c).toEqualTypeOf<bigint>();
  expectTypeOf(fields.ratio).toEqualTypeOf<number>();
  expectTypeOf(fields.label).toEqualTypeOf<string>();
  expectTypeOf(fields.samples).toEqualTypeOf<Float32Array>();
  expectTypeOf(fields.flags).toEqualTypeOf<Uint8Array>();
  expectTypeOf(fields.on).toEqualTypeOf<boolean>();
  expectTypeOf(fields.pos.far.z).toEqualTypeOf<number>();
  expectTypeOf(struct.snapshot().pos.x).toEqualTypeOf<number>();
  expectTypeOf(struct.add<'hits'>).returns.toEqualTypeOf<bigint>();
  expectTypeOf(struct.add<'pos.far.z'>).returns.toEqualTypeOf<number>();
  expectTypeOf(struct.exchange<'on'>).returns.toEqualTypeOf<boolean>();
  expectTypeOf(struct.exchange<'on'>)
    .parameter(1)
    .toEqualTypeOf<boolean>();
  expectTypeOf(struct.add<'hits'>)
    .parameter(1)
    .toEqualTypeOf<number | bigint>();
  type Paths = Parameters<typeof struct.add>[0];
  expectTypeOf<Paths>().toEqualTypeOf<'hits' | 'ratio' | 'c' | 'pos.x' | 'pos.y' | 'pos.far.z'>();
  expectTypeOf<Parameters<typeof struct.or>[0]>().toEqualTypeOf<'hits' | 'c' | 'pos.y' | 'pos.far.z'>();
  // @ts-expect-error: an array
  expect(() => struct.add('samples', 1)).toThrow(TypeError);
  // @ts-expect-error: a text
  expect(() => struct.exchange('label', 'x')).toThrow(TypeError);
  // @ts-expect-error: no integer
  expect(() => struct.or('ratio', 1)).toThrow(TypeError);
  // @ts-expect-error: no number
  expect(() => (fields.ratio = '1')).toThrow(TypeError);
  // @ts-expect-error: no such type
  expect(() => SharedStruct.create(freshName(), { a: 'int' })).toThrow(RangeError);
  // @ts-expect-error: no such field
  expect(() => SharedStruct.open(name, SHAPE, { initial: { hist: 1 } })).toThrow(RangeError);
  using unknown = SharedStruct.attach(name);
  expectTypeOf(unknown).toEqualTypeOf<SharedStruct>();
  expect(unknown.add('hits', 1)).toBe(0n);
  using _owner = SharedStruct.attach(name, undefined, { owner: 'any' });
  using known = SharedStruct.attach<{ hits: 'u64' }>(name);
  expectTypeOf(known.fields.hits).toEqualTypeOf<bigint>();
});
