// Puts the machine between the package and what it shares: Atomics, the addon's sleeps and wakes, questions of liveness,
// the event loop's timers, and the clock. From outside: the package's files are those that are shipped.

import { createRequire } from 'node:module';
import { AT, REASON } from './control.mjs';

const EAGAIN = 11;
const ETIMEDOUT = 110;
const DIED = 0x40000000;
/** ms: a sleep this short belongs to a timeout of the scenario's own, which may end at any moment. */
const SHORT = 7;
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
    scheduler.sleep([], 2, before);
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
  const passDeathOn = (marks, index) => {
    if ((real.load(marks, index) & DIED) !== 0) scheduler.wake(keyOf(marks, index));
  };
  const ended = (reason, ms) => {
    if (reason !== REASON.TIMEOUT) return 0;
    loop.now += ms;
    return ETIMEDOUT;
  };
  const { futexWait, futexWaitWithMark, futexWake } = native;
  native.futexWait = (words, index, expected, ms) => {
    if (!state.on) return futexWait(words, index, expected, ms);
    scheduler.step('futexWait', words, index);
    if (differs(words, index, expected)) return EAGAIN;
    return ended(scheduler.sleep([keyOf(words, index)], ms <= SHORT), ms);
  };
  native.futexWaitWithMark = (words, index, expected, marks, mark, markExpected, ms) => {
    if (!state.on) return futexWaitWithMark(words, index, expected, marks, mark, markExpected, ms);
    scheduler.step('futexWaitWithMark', words, index);
    if (differs(words, index, expected) || differs(marks, mark, markExpected)) return EAGAIN;
    const reason = scheduler.sleep([keyOf(words, index), keyOf(marks, mark)], ms <= SHORT);
    passDeathOn(marks, mark);
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
  native.watch = (words, index, expected, marks, mark, markExpected) => {
    const points = [{ words, index, expected }];
    if (marks !== undefined) points.push({ words: marks, index: mark, expected: markExpected });
    loop.watches.set(++lastId, points);
    return lastId;
  };
  native.unwatch = (id) => loop.watches.delete(id);

  /** Runs what the event loop would run next; false if there is nothing and never will be. */
  const turn = () => {
    if (loop.runImmediates()) return;
    scheduler.step('the waiter'); // the waiter thread looks at the words
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
        if (points[1] !== undefined) passDeathOn(points[1].words, points[1].index);
      }
      loop.onWoken(fired.map(([id]) => id));
      return;
    }
    const keys = [...loop.watches.values()].flat().map(({ words, index }) => keyOf(words, index));
    const reason = scheduler.sleep([...new Set(keys)], loop.hasShortTimer);
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

/** The event loop of an actor: what is due, on a clock that stands still unless a sleep times out. */
class Loop {
  now = 1000;
  watches = new Map();
  onWoken = () => {};
  #immediates = new Set();
  #timers = new Map();

  install() {
    globalThis.performance.now = () => this.now;
    const handle = (extra) => ({ ref: same, unref: same, hasRef: () => false, ...extra });
    globalThis.setImmediate = (callback, ...args) => {
      const immediate = handle({ run: () => callback(...args) });
      this.#immediates.add(immediate);
      return immediate;
    };
    globalThis.clearImmediate = (immediate) => this.#immediates.delete(immediate);
    const timer =
      (every) =>
      (callback, ms, ...args) => {
        const made = handle({});
        this.#timers.set(made, {
          due: this.now + ms,
          short: ms <= SHORT,
          every: every ? ms : 0,
          run: () => callback(...args),
        });
        return made;
      };
    globalThis.setTimeout = timer(false);
    globalThis.setInterval = timer(true);
    globalThis.clearTimeout = globalThis.clearInterval = (made) => this.#timers.delete(made);
  }

  runImmediates() {
    if (this.#immediates.size === 0) return false;
    this.now += 0.1; // so that looking again and again comes to an end
    const all = [...this.#immediates];
    for (const one of all) if (this.#immediates.delete(one)) one.run();
    return true;
  }

  /** A timeout of the scenario's own: it may end at any moment. */
  get hasShortTimer() {
    for (const { short } of this.#timers.values()) if (short) return true;
    return false;
  }

  /** Lets everything come to rest that waits for nothing any more: the next schedule begins as the first one did. */
  settle() {
    for (let n = 0; n < 20 && this.#timers.size > 0; n++) this.runTimers();
    this.watches.clear();
  }

  /** ms until the next timer. */
  untilTimer() {
    let least = Number.POSITIVE_INFINITY;
    for (const { due } of this.#timers.values()) least = Math.min(least, due - this.now);
    return least;
  }

  /** Time passes until the next timer, which runs with those that are due by then. */
  runTimers() {
    const wait = this.untilTimer();
    if (wait === Number.POSITIVE_INFINITY) return;
    this.now += Math.max(0, wait);
    for (const [made, { due, every, run }] of [...this.#timers]) {
      if (due > this.now || !this.#timers.has(made)) continue;
      if (every > 0) this.#timers.get(made).due = this.now + every;
      else this.#timers.delete(made);
      run();
    }
  }
}

function same() {
  return this;
}
