// Atomic additions by everybody: a count lies between what was acknowledged and that plus what the dead had begun.
// Waiters must see it grow, to something that somebody has added up to.

import { SharedArray, Value } from 'isthmus';
import { check as demand, MODE } from '../ledger.mjs';

export const cast = ['adder', 'adder', 'waiter', ['adder', 'waiter', 'adder']];

/** Kinds of operations. The i32 goes up and down, so that it never overflows; the others only grow. */
const [UP, DOWN, F64, I64, ARRAY_F64, ARRAY_U32] = [0, 1, 2, 3, 4, 5];
const KINDS = [UP, DOWN, F64, I64, ARRAY_F64, ARRAY_U32];
/** Elements of the arrays that are counted in; the others must stay as they are. */
const ELEMENT = 3;

/** Own elements of a waiter: what the last life saw of each kind, and how many waits ended well. */
const SEEN = 0;
const WAITED = 6;

const open = (name, how, howArray) => ({
  i32: how(name('i32'), 'i32'),
  f64: how(name('f64'), 'f64'),
  i64: how(name('i64'), 'i64'),
  arrayF64: howArray(name('array-f64'), 'f64', 7),
  arrayU32: howArray(name('array-u32'), 'u32', 7),
});
const closeAll = (objects) => {
  for (const one of Object.values(objects)) one.close();
};

export function create({ name }) {
  const objects = open(name, Value.create, SharedArray.create);
  return { objects, close: () => closeAll(objects) };
}

export function actor(context) {
  const objects = open(
    context.name,
    (full) => Value.attach(full),
    (full) => SharedArray.attach(full),
  );
  const steps = context.role === 'adder' ? adding(context, objects) : waiting(context, objects);
  return { steps, close: () => closeAll(objects) };
}

function adding({ row, random }, { i32, f64, i64, arrayF64, arrayU32 }) {
  const many = (kind, add) => () => {
    for (let n = 1 + random.below(60); n > 0; n--) {
      row.begin(kind);
      add();
      row.done(kind);
    }
  };
  return {
    'i32.add': many(UP, () => i32.add(1)),
    'i32.sub': many(DOWN, () => i32.sub(1)),
    'f64.add': many(F64, () => f64.add(1)),
    'f64.update': many(F64, () => f64.update((n) => n + 1)),
    'i64.add': many(I64, () => i64.add(1n)),
    'i64.compareExchange': many(I64, () => {
      for (let found = i64.value; ; ) {
        const before = i64.compareExchange(found, found + 1n);
        if (before === found) return;
        found = before;
      }
    }),
    'array f64 add': many(ARRAY_F64, () => arrayF64.add(ELEMENT, 1)),
    'array u32 add': many(ARRAY_U32, () => arrayU32.add(ELEMENT, 1)),
  };
}

function waiting({ row, random, ledger }, { f64, i64, arrayF64, arrayU32 }) {
  /** `value`: what a wait ended with. `than`: more than that was awaited. */
  const saw = (kind, value, than) => {
    const count = Number(value);
    demand(count > than, () => `kind ${kind}: waited for more than ${than}, got ${count}`);
    const before = row.own[SEEN + kind];
    demand(count >= before, () => `kind ${kind}: was ${before}, is ${count}`);
    const most = ledger.most(kind); // read afterwards: it can only have grown
    demand(count <= most, () => `kind ${kind}: is ${count}, of which only ${most} were ever begun`);
    row.own[SEEN + kind] = count;
    row.own[WAITED]++;
  };
  const more = (now) => Number(now) + random.scattered(1, 300);
  const unlessGivenUp = async (kind, now, wait) => {
    const than = more(now);
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), random.below(10));
    try {
      saw(kind, await wait((value) => value > than, controller.signal), than);
      return true;
    } catch (error) {
      if (error.code !== 'ERR_ISTHMUS_TIMEOUT' && error.name !== 'AbortError') throw error;
      return false;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    'f64.waitForSync'() {
      const than = more(f64.value);
      saw(
        F64,
        f64.waitForSync((value) => value > than),
        than,
      );
    },
    async 'f64.waitFor'() {
      const than = more(f64.value);
      saw(F64, await f64.waitFor((value) => value > than), than);
    },
    'i64.waitForSync'() {
      const than = more(i64.value);
      saw(
        I64,
        i64.waitForSync((value) => value > than),
        than,
      );
    },
    async 'i64.changes'() {
      let changes = 3;
      for await (const value of i64.changes()) {
        saw(I64, value, -1);
        if (--changes === 0) break;
      }
    },
    async 'array.waitFor'() {
      const than = more(arrayF64.at(ELEMENT));
      saw(ARRAY_F64, await arrayF64.waitFor(ELEMENT, (value) => value > than), than);
    },
    'array.waitForSync'() {
      const than = more(arrayU32.at(ELEMENT));
      saw(
        ARRAY_U32,
        arrayU32.waitForSync(ELEMENT, (value) => value > than),
        than,
      );
    },
    async 'many at once'() {
      const thans = Array.from({ length: 5 }, () => more(f64.value));
      await Promise.all(thans.map((than) => f64.waitFor((value) => value > than)));
    },
    'waitForSync, timeout': () =>
      unlessGivenUp(F64, f64.value, (enough) => f64.waitForSync(enough, { timeout: random.below(10) })),
    'waitFor, abort': () =>
      unlessGivenUp(I64, i64.value, (enough, signal) => i64.waitFor(enough, { signal })),
  };
}

/** When the adders have ended, somebody must end the waits. */
export function tend({ ledger, books }) {
  if (ledger.mode !== MODE.STOP) return;
  const [row] = ledger.rows;
  const { f64, i64, arrayF64, arrayU32 } = books.objects;
  const add = (kind, one) => {
    row.begin(kind, 1000);
    one();
    row.done(kind, 1000);
  };
  add(F64, () => f64.add(1000));
  add(I64, () => i64.add(1000));
  add(ARRAY_F64, () => arrayF64.add(ELEMENT, 1000));
  add(ARRAY_U32, () => arrayU32.add(ELEMENT, 1000));
}

export function check({ ledger, books, final }) {
  const { i32, f64, i64, arrayF64, arrayU32 } = books.objects;
  const between = (what, least, read, most) => {
    const [low, value, high] = [least(), Number(read()), most()]; // in this order: the actors go on meanwhile
    demand(value >= low, `${what} is ${value}, but ${low} was acknowledged`);
    demand(value <= high, `${what} is ${value}, but only ${high} was ever begun`);
  };
  const { least, most } = ledger;
  const grows = [
    ['f64', F64, () => f64.value],
    ['i64', I64, () => i64.value],
    ['the f64 of an array', ARRAY_F64, () => arrayF64.at(ELEMENT)],
    ['the u32 of an array', ARRAY_U32, () => arrayU32.at(ELEMENT)],
  ];
  for (const [what, kind, read] of grows)
    between(
      what,
      () => least(kind),
      read,
      () => most(kind),
    );
  const [ups, downs, value] = [least(UP), least(DOWN), i32.value];
  const [low, high] = [ups - most(DOWN), most(UP) - downs];
  demand(low <= value && value <= high, `i32 is ${value}, which lies not between ${low} and ${high}`);
  for (const array of [arrayF64, arrayU32]) {
    const others = [...array].filter((_, at) => at !== ELEMENT);
    demand(
      others.every((value) => value === 0),
      `a neighbour was changed: ${[...array]}`,
    );
  }
  if (!final) return;
  const open = unacknowledged(ledger);
  demand(open <= ledger.deaths, `${open} operations without an end, ${ledger.deaths} deaths`);
}

const unacknowledged = ({ most, least }) => KINDS.reduce((sum, kind) => sum + most(kind) - least(kind), 0);

export function counts({ ledger }) {
  return {
    operations: KINDS.reduce((sum, kind) => sum + ledger.least(kind), 0),
    waits: ledger.own(WAITED),
    'begun and not acknowledged': unacknowledged(ledger),
  };
}
