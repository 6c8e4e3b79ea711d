// The event loop of an actor: immediates and timers, for the promise forms.

/** ms: a sleep this short belongs to a timeout of the scenario's own, which may end at any moment. */
export const SHORT = 7;

/** The event loop of an actor: what is due, on a clock that stands still unless a sleep times out. */
export class Loop {
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
    // The package would take the next sleeper on that word for one who is watched already.
    if (this.watches.size > 0)
      throw new Error('the scenario sleeps on in a handle that outlives its schedule');
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
