// SharedMap: each change is whole or nothing, for those who look while it is made and for those who come after a death,
// before whichever store it was; every block of the heap is where it belongs afterwards. What all calls returned must be
// explained by some order of them (test/collections/linear.mjs). Every store into shared memory is a step.

import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isMainThread, workerData } from 'node:worker_threads';
import { checkMap } from '../../collections/heap-check.mjs';
import { callOn, explains, mapModel, textOf, UNKNOWN } from '../../collections/linear.mjs';

const require = createRequire(new URL('../../../dist/', import.meta.url));
const { KeyBuffer } = require('./collections/map-keys.js');
const { MAP, MAP_WORDS_BYTES } = require('./collections/map-layout.js');
const { planMap } = require('./collections/map-shape.js');

/** Runs on a copy of the package in which stores are steps: see machine/copies.mjs. */
export const stepped = true;
/** So that a plan fits every run: hashes and choices are the same. */
const SEED = 1;
if (!isMainThread) Math.random = () => 0.5;

const keys = new KeyBuffer(SEED);
/** Keys whose hashes end in the same `bits` bits as chain 0's. */
function keysOfChain(count) {
  const found = [];
  for (let n = 0; found.length < count; n++) {
    const key = `k${n}`;
    if ((keys.encode(key).hash & 63) === 0) found.push(key);
  }
  return found;
}
/** Of the second bit some have 0 and some 1: they part when the table grows. */
const [A, B, C, D, E, F] = keysOfChain(6);
const numbered = (count, value = 1) => Array.from({ length: count }, (_, n) => [`n${n}`, value]);
const long = (letter, length) => letter.repeat(length);

const TINY = { maxBytes: 4096 };
// biome-ignore format: a table
const THREE = [[A, 'a'], [B, 'b'], [C, 'c']];
// biome-ignore format: a table
const CHANGES = [['set', B, long('B', 60)], ['delete', C], ['set', D, 'new'], ['add', 'n', 5], ['set', A, 'x']];

/** Options, what is in the map, and what each actor calls. */
// biome-ignore format: a table
const CASES = {
  'set a new key, get': [TINY, THREE, [[['set', D, 'd']], [['get', D], ['get', A], ['add', 'n', 1]]]],
  'set in place, get': [TINY, THREE, [[['set', B, 'B']], [['get', B], ['get', B], ['set', B, '2']]]],
  'set in place, not aligned': [TINY, [['abc', 'abcdefg']], [[['set', 'abc', 'ABCDEF']], [['get', 'abc'], ['get', 'abc']]]],
  'set a larger value, get': [TINY, THREE, [[['set', B, long('B', 50)]], [['get', B], ['get', C], ['set', C, long('C', 70)]]]],
  'set a smaller value, get': [TINY, [[A, 'a'], [B, long('b', 90)], [C, 'c']], [[['set', B, 'B']], [['get', B], ['get', C], ['delete', C]]]],
  'set with a ttl, get': [TINY, [[A, 'a'], [B, 'b']], [[['ttl', A, 'A'], ['ttl', A, '2']], [['get', A], ['ttl', B, 'B'], ['get', A]]]],
  'delete, get': [TINY, THREE, [[['delete', B]], [['get', B], ['get', A], ['delete', B]]]],
  'delete, set, of one chain': [TINY, THREE, [[['delete', B], ['set', E, 'e']], [['set', D, 'd'], ['delete', A]]]],
  'set, set': [TINY, THREE, [[['set', D, 1], ['get', D]], [['set', D, 2], ['get', D]]]],
  'add, add': [TINY, [], [[['add', 'n', 1], ['add', 'n', 2]], [['add', 'n', 4], ['get', 'n']]]],
  'update, update': [TINY, [[A, 'a']], [[['update', A, 'x']], [['update', A, 'y'], ['update', A, null]]]],
  'compareAndSet, compareAndSet': [TINY, [[A, 'a']], [[['cas', A, 'a', 'x'], ['cas', B, null, 'b']], [['cas', A, 'a', 'y'], ['cas', A, 'x', null]]]],
  'compute, compute': [TINY, THREE, [[['compute', D, 'mine']], [['compute', D, 'yours'], ['get', D]]]],
  'transaction, getMany': [TINY, [...THREE, ['n', 7]], [[['tx', CHANGES]], [['getMany', [A, B, C, D, 'n']], ['getMany', [D, C]]]]],
  'transaction, set': [TINY, [...THREE, ['n', 7]], [[['tx', CHANGES]], [['set', C, 'mine'], ['delete', D]]]],
  'transaction, transaction': [TINY, THREE, [[['tx', [['set', A, 1], ['delete', B]]]], [['tx', [['delete', A], ['set', B, long('2', 40)]]], ['getMany', [A, B]]]]],
  'setMany, getMany': [TINY, [], [[['setMany', [[A, 1], [B, 2], ['o', 3]]]], [['getMany', [A, B, 'o']], ['getMany', ['o', A]]]]],
  'clear, getMany': [TINY, [...THREE, ['o', 'o']], [[['clear']], [['getMany', [A, C, 'o']], ['set', A, 1]]]],
  'clear, set': [TINY, numbered(66), [[['clear'], ['set', A, 'a']], [['set', 'n0', 2], ['get', 'n1']]]],
  'the table grows, get': [{ maxBytes: 8192 }, [...THREE, [D, 'd'], ...numbered(60)], [[['set', E, 'e']], [['get', A], ['get', D], ['get', E]]]],
  'the table grows, delete': [{ maxBytes: 8192 }, [...THREE, [D, 'd'], ...numbered(60)], [[['set', E, 'e'], ['set', F, 'f']], [['delete', B], ['set', 'n1', 2]]]],
  'the table grows, iterate': [{ maxBytes: 8192 }, [...THREE, [D, 'd'], ...numbered(60)], [[['set', E, 'e'], ['set', F, 'f']], [['keys']]]],
  'clear, iterate': [TINY, numbered(70), [[['clear']], [['keys']]]],
  'the heap grows, get': [{ maxBytes: 73_728 }, [[A, long('a', 60_000)]], [[['set', B, long('b', 6000)]], [['get', B], ['set', C, long('c', 1000)], ['get', B]]]],
  'no room for the last of many, getMany': [TINY, [[A, 'a'], [B, long('b', 1500)], [C, long('c', 1500)]], [[['full', [['set', A, 'A'], ['delete', C], ['set', D, long('d', 400)], ['set', E, long('e', 1800)]]]], [['getMany', [A, C, D]], ['set', A, '2']]]],
  'an entry more than there may be, getMany': [{ ...TINY, maxEntries: 3 }, THREE, [[['full', [['set', A, 'A'], ['set', D, 'd']]], ['set', E, 'e']], [['getMany', [A, D]], ['delete', B], ['size']]]],
  'evict for an entry, get': [{ ...TINY, maxEntries: 3, evict: 'lru' }, THREE, [[['set', D, 'd']], [['get', A], ['get', D], ['set', E, 'e']]]],
  'evict for its bytes, get': [{ ...TINY, evict: 'lru' }, [[A, long('a', 900)], [B, long('b', 900)], [C, long('c', 900)], [D, long('d', 600)]], [[['set', E, long('e', 1200)]], [['get', A], ['get', E], ['get', C]]]],
  'expired ones go, size': [TINY, [...THREE, [D, 'd', 1], [E, 'e', 1], ['o', 'o', 1]], [[['size']], [['get', D], ['size'], ['has', A]]]],
  'expired ones go, set': [TINY, [...THREE, [D, 'd', 1], [E, 'e', 1], ['o', 'o', 1]], [[['set', A, 'A'], ['set', D, 'D']], [['add', E, 3], ['size'], ['get', D]]]],
  'changes, set': [TINY, THREE, [[['set', A, 'new']], [['changes', A, 'new']]]],
  'changes of a key, transaction': [TINY, THREE, [[['tx', [['set', B, 1], ['set', A, 'new']]]], [['changesOf', A, 'new']]]],
  'changes of a key, clear': [TINY, THREE, [[['clear']], [['changesOf', A, null]]]],
  'three: set, delete, get': [TINY, THREE, [[['set', D, 'd']], [['delete', B]], [['get', D], ['get', B]]]],
  'three: transactions, getMany': [TINY, THREE, [[['tx', [['set', A, 1], ['set', B, 1]]]], [['tx', [['set', A, 2], ['delete', B]]]], [['getMany', [A, B]]]]],
  'three: one dies before it commits a transaction, get, set': [TINY, [...THREE, ['n', 7]], [[['doomed', 1], ['tx', CHANGES]], [['get', B], ['add', 'n', 1]], [['set', C, 'mine']]]],
  'three: one dies before it commits that all goes, get, add': [TINY, THREE, [[['doomed', 1], ['clear']], [['get', B], ['add', 'n', 1]], [['delete', A]]]],
  'three: one dies before the table has grown, get, set': [{ maxBytes: 8192 }, [...THREE, [D, 'd'], ...numbered(60)], [[['doomed', 2], ['set', E, 'e']], [['get', A], ['get', E]], [['set', F, 'f']]]],
  'three: add, add, clear': [TINY, [], [[['add', 'n', 1]], [['add', 'n', 2]], [['clear'], ['get', 'n']]]],
};

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, [, , { length }]]) => [
    name,
    {
      bound: 2,
      crashBound: name.includes('iterate') ? 0 : 1, // iterating is a thousand steps
      stopBound: 0,
      random: length === 2 ? 200 : 300,
      most: 1500,
      mostCrash: 4,
      stride: 11,
    },
  ]),
);

/** Of the scratch memory: a clock, and for each actor the times of its calls. */
const [CLOCK, BOOKS, BOOK] = [0, 4, 16];

async function play({ isthmus, name, base, me, scratch, die }, calls) {
  // Who is stopped while it listens would sleep on in the next schedule: a handle of its own is closed after this one.
  const map = calls.some(([what]) => what.startsWith('changes')) ? isthmus.SharedMap.attach(name) : base;
  const results = [];
  for (const [n, call] of calls.entries()) {
    if (call[0] === 'doomed') doom(call[1], die);
    const at = BOOKS + me * BOOK + 2 * n;
    scratch[at] = ++scratch[CLOCK];
    results.push(short(await callHere(map, call)));
    scratch[at + 1] = ++scratch[CLOCK];
  }
  return results;
}

/** From here on this actor dies instead of its so-manieth commit: all of that change is there, and must go. */
function doom(count, die) {
  const { UndoLog } = createRequire(`${workerData.dist}/`)('./collections/undo-log.js');
  commit ??= UndoLog.prototype.commit;
  let left = count;
  UndoLog.prototype.commit = function () {
    if (--left === 0) die();
    commit.call(this);
  };
}
let commit;

/** An actor has room for some hundred characters. */
function short(found) {
  if (typeof found !== 'string' || found.length < 200) return found;
  return `${found.length} ${createHash('md5').update(found).digest('hex')}`;
}

function callHere(map, call) {
  if (call[0] === 'doomed') return 'doomed';
  const [what, key, value] = call;
  if (what === 'ttl') return void map.set(key, value, { ttl: 2 ** 40 }) ?? 'done';
  if (what === 'keys') return [...map.keys()];
  if (what === 'changes') return heard(map, map.changes(), call);
  if (what === 'changesOf') return heard(map, map.changes({ key }), call);
  return callOn(map, call);
}

/** Listens until the key has the value. */
async function heard(map, news, [what, key, value]) {
  while ((map.get(key) ?? null) !== value) {
    const { value: change } = await news.next();
    if (what === 'changesOf' && (change ?? null) !== (map.get(key) ?? null))
      throw new Error(`told of ${change}`);
    if (what === 'changes' && !['set', 'unknown'].includes(change.type))
      throw new Error(`told of ${change.type}`);
  }
  return 'heard';
}

/** All calls, with what is known of them. */
function historyOf(scratch, lists, values) {
  return lists.flatMap((calls, who) =>
    calls.flatMap((what, n) => {
      const [begin, end] = [0, 1].map((more) => scratch[BOOKS + who * BOOK + 2 * n + more]);
      if (begin === 0 || ['keys', 'changes', 'changesOf', 'doomed'].includes(what[0])) return [];
      const result = values[who] === undefined ? UNKNOWN : values[who][n];
      const [kind, ...rest] = what;
      return [
        {
          begin,
          end: end || Number.POSITIVE_INFINITY,
          what: [kind === 'ttl' ? 'set' : kind, ...rest],
          result,
        },
      ];
    }),
  );
}

/** What is there all the time comes exactly once. */
function checkKeys(lists, values, filled) {
  lists.forEach((calls, who) => {
    if (calls[0][0] !== 'keys' || values[who] === undefined) return;
    const [found] = values[who];
    if (new Set(found).size !== found.length) throw new Error(`a key came twice: ${found}`);
    if (lists.flat().some(([what]) => what === 'clear')) return;
    for (const [key] of filled) if (!found.includes(key)) throw new Error(`${key} did not come`);
  });
}

export default (variant) => {
  const [options, filled, lists] = CASES[variant];
  const plan = planMap({ maxEntries: 2 ** 30, evict: 'none', ...options });
  const initial = filled.filter(([, , ttl]) => ttl === undefined).map(([key, value]) => [key, value]);
  const limit = options.evict === undefined ? options.maxEntries : undefined;
  const { apply, ...rest } = mapModel(initial, { limit, evicts: options.evict !== undefined });
  const model = {
    ...rest,
    apply(state, what) {
      const [after, result] = apply(state, what);
      return [after, short(result)];
    },
  };
  const shape = { participants: 5, ...options };
  return {
    actors: lists.map((calls) => (context) => play(context, calls)),
    create({ SharedMap, inspect }, name) {
      SharedMap.create(name, shape).close();
      const { header } = inspect(name);
      const fd = openSync(`/dev/shm/${name}`, 'r+');
      writeSync(fd, Int32Array.of(SEED), 0, 4, header.payloadOffset + 4 * MAP.SEED);
      closeSync(fd);
      const map = SharedMap.attach(name, { timeout: 0 });
      for (const [key, value, ttl] of filled) map.set(key, value, ttl && { ttl });
      for (const until = performance.now() + 3; performance.now() < until; ); // what expires has expired
      return map;
    },
    attach: ({ SharedMap }, name) => SharedMap.attach(name),
    words: MAP_WORDS_BYTES,
    payload: [
      [0, plan.journal],
      [plan.heap, plan.end - plan.heap],
    ],
    limit: 30_000,
    // Nobody watches who changes something on behalf of those who listen: they look after a second.
    sleepsAfter: () => 3,
    mayWaitForEver({ isthmus, object, name, scratch, dead, still, is }) {
      // Who is stopped with the lock is waited for.
      const { changing } = isthmus.inspect(name).contents;
      if (still.some((who) => is(who, changing))) return true;
      // Who listens hears nothing of a change that was not made.
      if (dead.length + still.length === 0 || scratch[BOOKS + 1] !== 0) return false;
      const [[, key, value]] = lists[1];
      return lists[1][0][0].startsWith('changes') && (object.get(key) ?? null) !== value;
    },
    check({ isthmus, object, name, scratch, values, still, is }) {
      checkKeys(lists, values, filled);
      const history = historyOf(scratch, lists, values);
      let final;
      const { changing } = isthmus.inspect(name).contents;
      if (!still.some((who) => is(who, changing))) {
        final = textOf(object.entries()); // as who comes next finds it
        object.delete('nothing'); // and mends it, if there was nothing to read
        checkMap(name);
        if (textOf(object.entries()) !== final) throw new Error('mending changed what others saw');
        if (object.size !== JSON.parse(final).length) throw new Error(`size ${object.size} of ${final}`);
        if (object.size > object.maxEntries) throw new Error(`${object.size} entries`);
      }
      if (explains(history, model, final)) return;
      const told = history.map(({ result, ...rest }) => ({
        ...rest,
        result: result === UNKNOWN ? '?' : result,
      }));
      throw new Error(`no order explains ${JSON.stringify(told)}, and then ${final}`);
    },
  };
};
