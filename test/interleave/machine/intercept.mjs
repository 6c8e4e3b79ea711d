// Puts the machine between the package and what it shares: Atomics, the addon's sleeps and wakes, questions of liveness,
// the event loop's timers, and the clock. From outside: the package's files are those that are shipped.

import { createRequire } from 'node:module';
import { AT, REASON, TIMED } from './control.mjs';
import { Loop, SHORT } from './loop.mjs';
import { PASS_ON } from './scheduler.mjs';

const EAGAIN = 11;
const ETIMEDOUT = 110;
const DIED = 0x40000000;
/** See lib/memory/header-layout.ts. */
const SLOT_BYTE = 2 ** 40 + 1;

const real = {
  ...Object.fromEntries(Object.getOwnPropertyNames(Atomics).map((name) => [name, Atomics[name]])),
};

/**
 * The package, with everything intercepted while `on` is true.
 *
 * @param {string} dist  the built package
 */
export function intercept(dist, scheduler, control, me) {
  const loop = new Loop();
  loop.install();
  const state = { on: false, loop, tracked: new Set(), files: new Set(), names: false };
  const step = (what, words, index) => {
    if (state.on) scheduler.step(what, words, index);
  };

  for (const name of ['load', 'store', 'add', 'sub', 'and', 'or', 'xor', 'exchange', 'compareExchange']) {
    const operation = real[name];
    Atomics[name] =
      operation.length === 2
        ? (array, index) => {
            step(name, array, index);
            return operation(array, index);
          }
        : operation.length === 3
          ? (array, index, value) => {
              step(name, array, index);
              return operation(array, index, value);
            }
          : (array, index, expected, value) => {
              step(name, array, index);
              return operation(array, index, expected, value);
            };
  }
  // A short sleep between two tries (lib/memory/patience.ts): gives way until somebody else has got on.
  let seen = 0;
  Atomics.wait = (...args) => {
    if (!state.on) return real.wait(...args);
    loop.now += args[3];
    const before = seen;
    seen = scheduler.stepsOfOthers();
    if (scheduler.sleep([], TIMED.POLLS, before) === REASON.ALONE) real.wait(...args); // for whom? Not one of ours
    return 'timed-out';
  };
  state.forget = () => {
    seen = -1;
  };
  globalThis.__step = () => step('store'); // stores, in the copy of the package that calls it

  const require = createRequire(`${dist}/`);
  const { native } = require(`${dist}/native/load.js`);
  const leaving = require(`${dist}/memory/leaving.js`);
  const { closeOnExit } = leaving;
  leaving.closeOnExit = (handle) => {
    state.tracked.add(handle);
    closeOnExit(handle);
  };
  // A look that fails is a look; thousands of them in a row are the same schedule again and again.
  const { AdaptiveSpin } = require(`${dist}/waiting/spin.js`);
  AdaptiveSpin.prototype.budget = () => 1;
  // The same: a reader that looks a hundred times at what is being changed.
  require(`${dist}/collections/store.js`).MOST_LOOKS = 2;
  const isthmus = require(`${dist}/index.js`);

  // ---- words have one key in all actors: the file and the place in it

  const places = new WeakMap();
  const ordinals = new Map();
  const keyOf = (words, index) => {
    const place = places.get(words.buffer);
    if (place === undefined) throw new Error('the machine: a sleep on a word that is in no segment');
    return (place.file << 24) | ((place.offset + words.byteOffset) / 4 + index);
  };
  /** Files as the addon opens them, their methods intercepted. (Those of the addon's own class cannot be replaced.) */
  const wrap = (file) => {
    const bytes = new Set(); // that this file's description holds
    const wrapped = {};
    for (const name of ['reserve', 'read', 'takeSlot', 'leaveSlot'])
      wrapped[name] = (...args) => file[name](...args);
    wrapped.stat = () => {
      if (state.names) step('stat');
      return file.stat();
    };
    wrapped.publish = (name) => {
      step('publish');
      return file.publish(name);
    };
    wrapped.tryLock = (byte) => {
      step(`tryLock ${byte - SLOT_BYTE}`);
      const taken = file.tryLock(byte);
      if (taken) bytes.add(byte);
      return taken;
    };
    wrapped.unlock = (byte) => {
      step(`unlock ${byte - SLOT_BYTE}`);
      bytes.delete(byte);
      return file.unlock(byte);
    };
    wrapped.close = () => {
      state.files.delete(wrapped);
      return file.close();
    };
    /** What the kernel does with the locks of the dead. */
    wrapped.die = () => {
      for (const byte of bytes) file.unlock(byte);
    };
    state.files.add(wrapped);
    wrapped.heldByOther = (byte) => {
      step(`heldByOther ${byte - SLOT_BYTE}`);
      if (state.on && scheduler.isDeadSlot(byte - SLOT_BYTE)) return false;
      return file.heldByOther(byte);
    };
    wrapped.map = (offset, bytes, mirrored) => {
      const buffer = file.map(offset, bytes, mirrored);
      const { id } = file.stat();
      if (!ordinals.has(id)) ordinals.set(id, (Number(id.split(':')[1]) % 100) + 1);
      places.set(buffer, { file: ordinals.get(id), offset });
      if (offset === 0) state.controlWords ??= new Int32Array(buffer); // of the object that all schedules share
      return buffer;
    };
    return wrapped;
  };
  const { create, open, list } = native;
  native.create = (...args) => wrap(create(...args));
  native.open = (...args) => {
    if (state.names) step('open');
    return wrap(open(...args));
  };
  native.list = () => list().filter((file) => file.startsWith('interleave-')); // nobody sweeps what is not ours

  // ---- sleeping and waking

  const differs = (words, index, expected) => real.load(words, index) !== expected;
  const died = (marks, index) => (real.load(marks, index) & DIED) !== 0;
  const timed = (ms) => (ms <= SHORT ? TIMED.ANY : TIMED.NEVER);
  const ended = (reason, ms) => {
    if (reason !== REASON.TIMEOUT) return 0;
    loop.now += ms;
    return ETIMEDOUT;
  };
  const { futexWait, futexWaitWithMarks, futexWaitAny, futexWake } = native;
  /** [[index, expected], …] */
  const pairsOf = (marks) =>
    Array.from({ length: marks.length / 2 }, (_, n) => [marks[2 * n], marks[2 * n + 1]]);
  native.futexWait = (words, index, expected, ms) => {
    if (!state.on) return futexWait(words, index, expected, ms);
    scheduler.step('futexWait', words, index);
    if (differs(words, index, expected)) return EAGAIN;
    return ended(scheduler.sleep([keyOf(words, index)], timed(ms)), ms);
  };
  native.futexWaitWithMarks = (words, index, expected, control, marks, ms) => {
    if (!state.on) return futexWaitWithMarks(words, index, expected, control, marks, ms);
    scheduler.step('futexWaitWithMarks', words, index);
    const pairs = pairsOf(marks);
    if (differs(words, index, expected) || pairs.some(([mark, value]) => differs(control, mark, value)))
      return EAGAIN;
    const keys = [keyOf(words, index), ...pairs.map(([mark]) => keyOf(control, mark))];
    const reason = scheduler.sleep(keys, timed(ms));
    for (const [mark] of pairs.filter(([mark]) => died(control, mark))) {
      scheduler.step(PASS_ON); // the kernel has woken one: that one wakes the others
      scheduler.wake(keyOf(control, mark));
    }
    return ended(reason, ms);
  };
  native.futexWaitAny = (arrays, triples, marksFrom, ms) => {
    if (!state.on) return futexWaitAny(arrays, triples, marksFrom, ms);
    const points = Array.from({ length: triples.length / 3 }, (_, n) => ({
      words: arrays[triples[3 * n]],
      index: triples[3 * n + 1],
      expected: triples[3 * n + 2],
    }));
    scheduler.step('futexWaitAny', points[0].words, points[0].index);
    if (points.some(({ words, index, expected }) => differs(words, index, expected))) return EAGAIN;
    const keys = points.map(({ words, index }) => keyOf(words, index));
    const reason = scheduler.sleep([...new Set(keys)], timed(ms));
    for (const { words, index } of points.slice(marksFrom).filter((mark) => died(mark.words, mark.index))) {
      scheduler.step(PASS_ON);
      scheduler.wake(keyOf(words, index));
    }
    return ended(reason, ms);
  };
  native.futexWake = (words, index) => {
    if (!state.on) return futexWake(words, index);
    scheduler.step('futexWake', words, index);
    return scheduler.wake(keyOf(words, index));
  };

  // ---- the waiter thread: watches, and the event loop that they call back

  let lastId = 0;
  native.startWaiter = (callback) => {
    loop.onWoken = callback;
  };
  native.watch = (words, index, expected, control, marks = []) => {
    const points = [{ words, index, expected }];
    for (const [mark, value] of pairsOf(marks)) points.push({ words: control, index: mark, expected: value });
    loop.watches.set(++lastId, points);
    return lastId;
  };
  native.unwatch = (id) => loop.watches.delete(id);

  /** Runs what the event loop would run next; false if there is nothing and never will be. */
  const turn = () => {
    if (loop.runImmediates()) return;
    const woken = control[AT.WOKEN_BY + me];
    const told = [...loop.watches.values()].some(([, ...marks]) =>
      marks.some((mark) => keyOf(mark.words, mark.index) === woken && died(mark.words, mark.index)),
    );
    scheduler.step(told ? PASS_ON : 'the waiter'); // the waiter thread looks at the words
    const fired = [...loop.watches].filter(([, points]) =>
      points.some(
        ({ words, index, expected }) =>
          differs(words, index, expected) || keyOf(words, index) === control[AT.WOKEN_BY + me],
      ),
    );
    control[AT.WOKEN_BY + me] = 0;
    if (fired.length > 0) {
      for (const [id, points] of fired) {
        loop.watches.delete(id);
        for (const mark of points.slice(1))
          if (died(mark.words, mark.index)) scheduler.wake(keyOf(mark.words, mark.index));
      }
      loop.onWoken(fired.map(([id]) => id));
      return;
    }
    const keys = [...loop.watches.values()].flat().map(({ words, index }) => keyOf(words, index));
    const reason = scheduler.sleep([...new Set(keys)], loop.hasShortTimer ? TIMED.ANY : TIMED.NEVER);
    if (reason === REASON.TIMEOUT) loop.runTimers();
  };

  // ---- names

  const { unlink } = native;
  native.unlink = (name) => {
    step('unlink');
    return unlink(name);
  };

  return { isthmus, state, turn, keyOf, real };
}
