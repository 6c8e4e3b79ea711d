// SharedList: every call is one step for everybody (some order of the calls explains what they gave: see
// test/collections/linear.mjs), whoever is killed in the middle leaves the old list or the new one, and every byte of the
// heap is accounted for.
//
// Every store into shared memory is a step. Few values are many there (machine/copies.mjs), so that new rings, and values
// that are freed afterwards, come about in lists of a few values.

import { createRequire } from 'node:module';
import { explains, UNKNOWN } from '../../collections/linear.mjs';
import { checkList } from '../../collections/list-check.mjs';

const require = createRequire(new URL('../../../dist/', import.meta.url));
const { LIST_WORDS_BYTES } = require('./collections/list-layout.js');
const { planList } = require('./collections/list-shape.js');

/** Runs on a copy of the package in which stores are steps: see machine/copies.mjs. */
export const stepped = true;

const SIZES = [3, 1, 40, 7, 25, 2];
/** A value: the same letter again and again, so that a torn one shows. */
const text = (id) => String.fromCharCode(0x100 + id).repeat(SIZES[id % SIZES.length]);
function idOf(value) {
  if (value === undefined) return -1;
  const id = value.charCodeAt(0) - 0x100;
  if (value !== text(id)) throw new Error(`a torn value: ${JSON.stringify(value)}`);
  return id;
}
/** Some values as one number. */
const digest = (ids) =>
  ids.reduce((sum, id) => Math.imul(sum ^ (id + 1), 0x01000193), ids.length) & 0x3fffffff;

/** What is done: to the list, and to an array of ids; what comes out is one number. `id`: of a new value. */
const DO = {
  push: [(list, id) => list.push(text(id)), (ids, id) => ids.push(id)],
  push2: [(list, id) => list.push(text(id), text(id + 1)), (ids, id) => ids.push(id, id + 1)],
  unshift: [(list, id) => list.unshift(text(id)), (ids, id) => ids.unshift(id)],
  pop: [(list) => idOf(list.pop()), (ids) => ids.pop() ?? -1],
  shift: [(list) => idOf(list.shift()), (ids) => ids.shift() ?? -1],
  at: [(list) => idOf(list.at(1)), (ids) => ids.at(1) ?? -1],
  last: [(list) => idOf(list.at(-1)), (ids) => ids.at(-1) ?? -1],
  set: [
    (list, id) => list.set(0, text(id)),
    (ids, id) => {
      ids[0] = id;
    },
  ],
  cut: [(list) => digest(list.splice(1, 3).map(idOf)), (ids) => digest(ids.splice(1, 3))],
  half: [(list) => digest(list.splice(0, 9).map(idOf)), (ids) => digest(ids.splice(0, 9))],
  swap: [
    (list, id) => digest(list.splice(1, 2, text(id)).map(idOf)),
    (ids, id) => digest(ids.splice(1, 2, id)),
  ],
  put: [
    (list, id) => digest(list.splice(2, 0, text(id)).map(idOf)),
    (ids, id) => digest(ids.splice(2, 0, id)),
  ],
  reverse: [(list) => void list.reverse(), (ids) => void ids.reverse()],
  sort: [(list) => void list.sort(), (ids) => void ids.sort((a, b) => a - b)],
  clear: [
    (list) => list.clear(),
    (ids) => {
      ids.length = 0;
    },
  ],
  all: [(list) => digest(list.toArray().map(idOf)), (ids) => digest(ids)],
  length: [(list) => list.length, (ids) => ids.length],
  find: [(list) => list.indexOf(text(2)), (ids) => ids.indexOf(2)],
  update: [
    (list) => idOf(list.update(0, (value) => text(idOf(value) + 100))),
    (ids) => {
      ids[0] += 100;
      return ids[0];
    },
  ],
};

/** How many values there are (their ids are 1, 2, …), and what the actors do, one thing after the other. */
const CASES = {
  'push, shift': [0, ['push push', 'shift shift']],
  'push, pop, same end': [1, ['push push', 'pop pop']],
  'unshift, read': [2, ['unshift unshift', 'all at']],
  'push2, read': [1, ['push2', 'all last length']],
  'set, read': [3, ['set set', 'at all all']],
  'update, update': [1, ['update', 'update', 'all']],
  'splice in place, read': [4, ['swap', 'all find']],
  'splice, read': [9, ['cut put', 'all length']],
  'two splice': [8, ['cut', 'swap put']],
  'both remove much': [9, ['cut', 'cut length']],
  'it grows': [16, ['push', 'push last']],
  'it shrinks': [17, ['half', 'all pop']],
  'reverse, read': [5, ['reverse', 'all at']],
  'sort, shift': [4, ['reverse sort', 'shift all']],
  'clear, push': [5, ['clear push', 'push all']],
  'clear, read': [3, ['clear', 'all length at']],
  'three: push, pop, shift': [1, ['push', 'pop', 'shift']],
  'three: splice, push, read': [6, ['cut', 'push', 'all']],
};

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, [, { length }]]) => [
    name,
    length === 2
      ? { bound: 2, crashBound: 1, stopBound: 0, random: 200, most: 3000, mostCrash: 30 }
      : { bound: 1, crashBound: 1, stopBound: 0, random: 200, most: 3000, mostCrash: 20 },
  ]),
);

const maxBytes = 8192;
/** Words of scratch for each call: when it began, when it ended (0: it has not), what came out. */
const RECORD = 3;
const CALLS = 3;
const recordOf = (who, call) => 1 + (who * CALLS + call) * RECORD;
const newId = (who, call) => 200 + 20 * who + 2 * call;

/** The list as text. */
const model = (initial) => ({
  initial: JSON.stringify(initial),
  apply(state, { what, id }) {
    const ids = JSON.parse(state);
    const result = DO[what][1](ids, id) ?? 0;
    return [JSON.stringify(ids), result];
  },
});

export default (variant) => {
  const [count, lists] = CASES[variant];
  const words = lists.map((list) => list.split(' '));
  const plan = planList({ maxBytes });
  const filled = Array.from({ length: count }, (_, n) => n + 1);
  return {
    actors: words.map((whats) => ({ isthmus, name, scratch, me }) => {
      const list = isthmus.SharedList.attach(name);
      whats.forEach((what, call) => {
        const at = recordOf(me, call);
        scratch[at] = ++scratch[0];
        scratch[at + 2] = DO[what][0](list, newId(me, call)) ?? 0;
        scratch[at + 1] = ++scratch[0];
      });
    }),
    create({ SharedList }, name) {
      SharedList.create(name, { participants: 5, maxBytes }).close();
      const list = SharedList.attach(name, { timeout: 0 });
      for (const id of filled) list.push(text(id));
      return list;
    },
    attach: ({ SharedList }, name) => SharedList.attach(name),
    words: LIST_WORDS_BYTES,
    payload: [
      [0, plan.log],
      [plan.heap, plan.end - plan.heap],
    ],
    limit: 20_000,
    // Nobody watches one that has released the lock and is about to wake others: those look after a second.
    sleepsAfter: () => 3,
    // Who is stopped with the lock is waited for.
    mayWaitForEver: hasLock,
    check(context) {
      const { object, name, scratch } = context;
      const history = words.flatMap((whats, me) =>
        whats.flatMap((what, call) => {
          const [begin, end, result] = scratch.slice(recordOf(me, call));
          const done = end === 0 ? { end: Number.POSITIVE_INFINITY, result: UNKNOWN } : { end, result };
          return begin === 0 ? [] : [{ what: { what, id: newId(me, call) }, begin, ...done }];
        }),
      );
      let final;
      if (!hasLock(context)) {
        final = object.toArray().map(idOf);
        object.push(text(5)); // and mends what the dead have left
        if (object.pop() !== text(5)) throw new Error('another value came back');
        const { length, trash } = checkList(name);
        if (length !== final.length || trash !== 0) throw new Error(`${length} values, trash ${trash}`);
        final = JSON.stringify(final);
      }
      if (!explains(history, model(filled), final))
        throw new Error(`no order explains ${JSON.stringify(history)}, which left ${final}`);
    },
  };
};

function hasLock({ isthmus, name, still, is }) {
  const { changing } = isthmus.inspect(name).contents;
  return still.some((who) => is(who, changing));
}
