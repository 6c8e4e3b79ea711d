// An actor's side of the scheduling: before every shared step it asks who goes on. The decisions are made here, in the
// thread that runs, so that only a switch costs a hand-over between threads.

import { writeSync } from 'node:fs';
import {
  AT,
  awaitTurn,
  EXPLORER,
  giveTo,
  KEYS_EACH,
  MODE,
  MOST_ACTORS,
  MOST_CHOICES,
  REASON,
  STATE,
  TIMED,
  VERDICT,
} from './control.mjs';

/** Thrown into an actor that is killed, or whose schedule is over: nothing of it runs on. */
export class Unwind extends Error {}

/** The step of a sleeper that a death has woken, and that must wake the others: the kernel wakes only one. */
export const PASS_ON = 'pass a death on';

export class Scheduler {
  #control;
  #me;
  #woken = false;
  /**
   * What the scenario has in store for its actor: `{ before, stop }`, killed (or stopped for ever) before the next step
   * of that name; 'woken': before the first one after it was woken.
   */
  fate;

  constructor(control, me) {
    this.#control = control;
    this.#me = me;
  }

  /** Nothing of this schedule may go on here. */
  get over() {
    const control = this.#control;
    const state = control[AT.STATE + this.#me];
    return control[AT.ABORTED] !== 0 || state === STATE.DEAD || state === STATE.STOPPED;
  }

  /** Before each schedule. */
  forget() {
    this.fate = undefined;
    this.#woken = false;
  }

  /** Before every access to what is shared. Throws Unwind if this is where the actor dies, or is stopped. */
  step(what, words, index) {
    const control = this.#control;
    const me = this.#me;
    if (this.over) throw new Unwind('over');
    const own = ++control[AT.OWN_STEPS + me];
    if (control[AT.CRASH_ACTOR] === me && control[AT.CRASH_STEP] === own)
      this.#strike(what, control[AT.CRASH_STOPS] !== 0);
    const { fate } = this;
    if (fate !== undefined && (fate.before === what || (fate.before === 'woken' && this.#woken)))
      this.#strike(what, fate.stop === true);
    this.#woken = false;
    if (++control[AT.STEPS] > control[AT.LIMIT]) this.#end(VERDICT.LIVELOCK);
    this.#choose();
    control[AT.PROGRESS]++;
    if (control[AT.TRACE] !== 0) this.#print(own, what, words, index);
  }

  #print(own, what, words, index) {
    const place =
      words === undefined
        ? ''
        : ` ${words.byteOffset / 4 + index} (${words.buffer.byteLength}) = ${words[index] >>> 0}`;
    writeSync(2, `${'            '.repeat(this.#me)}${this.#me}.${own} ${what}${place}\n`);
  }

  /**
   * Sleeps until one of the keys is woken. `timed`: see TIMED.
   *
   * @returns why it ended, see REASON
   */
  sleep(keys, timed, since = 0) {
    if (this.over) throw new Unwind('over');
    const control = this.#control;
    const me = this.#me;
    control[AT.TIMED + me] = timed;
    control[AT.SLEPT_AT + me] = since;
    control[AT.WOKEN_BY + me] = 0;
    for (let n = 0; n < KEYS_EACH; n++) control[AT.KEYS + me * KEYS_EACH + n] = keys[n] ?? 0;
    if (keys.length > KEYS_EACH) throw new Error('the machine: too many words to sleep on');
    control[AT.REASON + me] = REASON.WOKEN;
    control[AT.STATE + me] = STATE.ASLEEP;
    this.#choose();
    if (this.over) throw new Unwind('over');
    this.#woken = control[AT.REASON + me] === REASON.WOKEN;
    return control[AT.REASON + me];
  }

  /** How many steps the others have carried out; for an actor that is in none itself. */
  stepsOfOthers(who = this.#me) {
    return this.#control[AT.PROGRESS] - this.#control[AT.OWN_STEPS + who];
  }

  /** Wakes every actor (or the first) that sleeps on the key. Returns how many. */
  wake(key, most = MOST_ACTORS) {
    const control = this.#control;
    let woken = 0;
    for (let who = 0; who < MOST_ACTORS && woken < most; who++) {
      if (control[AT.STATE + who] !== STATE.ASLEEP) continue;
      const keys = AT.KEYS + who * KEYS_EACH;
      for (let n = 0; n < KEYS_EACH; n++) {
        if (control[keys + n] !== key) continue;
        control[AT.STATE + who] = STATE.RUNNABLE;
        control[AT.REASON + who] = REASON.WOKEN;
        control[AT.WOKEN_BY + who] = key;
        woken++;
        break;
      }
    }
    return woken;
  }

  /** True for the slot of an actor that was killed. */
  isDeadSlot(slot) {
    for (let who = 0; who < MOST_ACTORS; who++) {
      if (this.#control[AT.STATE + who] === STATE.DEAD && this.#control[AT.SLOT + who] === slot) return true;
    }
    return false;
  }

  /** The actor's function has come to its end (or has failed). Passes the baton on and returns. */
  finish(failed) {
    const control = this.#control;
    control[AT.OVER + this.#me] = 1;
    if (control[AT.STATE + this.#me] <= STATE.ASLEEP) control[AT.STATE + this.#me] = STATE.DONE; // neither dead nor stopped
    if (control[AT.VERDICT] === VERDICT.RUNNING && failed) control[AT.VERDICT] = VERDICT.FAILED;
    if (control[AT.VERDICT] !== VERDICT.RUNNING || !this.#passOn()) giveTo(control, EXPLORER);
  }

  /** What the kernel does at a death is for the interception (`onDeath`): marks, byte locks. */
  onDeath = () => {};

  /** The actor is killed here. */
  die() {
    const control = this.#control;
    if (this.over) throw new Unwind('over'); // it is stopped, and its schedule has ended
    control[AT.STATE + this.#me] = STATE.DEAD;
    control[AT.PROGRESS]++; // who looks again and again for something to change finds that it has
    this.onDeath();
    throw new Unwind('killed');
  }

  /** Killed, or stopped, before a step. */
  #strike(what, stop) {
    const control = this.#control;
    // The one step that others cannot see is missing: they look again when their sleep ends by itself, within a second.
    if (what === PASS_ON || (stop && what === 'futexWake'))
      control[AT.TIMEOUTS_ALLOWED] = Math.max(1, control[AT.TIMEOUTS_ALLOWED]);
    if (!stop) this.die();
    // Stopped for ever, but alive: its mark stays, its locks are held, its slot is taken.
    control[AT.STATE + this.#me] = STATE.STOPPED;
    if (!this.#passOn()) giveTo(control, EXPLORER);
    awaitTurn(control, this.#me); // when the schedule is over
    throw new Unwind('stopped');
  }

  #end(verdict) {
    const control = this.#control;
    if (control[AT.VERDICT] === VERDICT.RUNNING) control[AT.VERDICT] = verdict;
    control[AT.ABORTED] = 1;
    throw new Unwind('over');
  }

  #enabled() {
    const control = this.#control;
    let mask = 0;
    for (let who = 0; who < MOST_ACTORS; who++) {
      const state = control[AT.STATE + who];
      const timed = control[AT.TIMED + who];
      const mayEnd =
        timed === TIMED.ANY ||
        (timed >= TIMED.POLLS && this.stepsOfOthers(who) !== control[AT.SLEPT_AT + who]) ||
        control[AT.SPURIOUS] !== 0;
      if (state === STATE.RUNNABLE || (state === STATE.ASLEEP && mayEnd)) mask |= 1 << who;
    }
    return mask;
  }

  /** Those who sleep and would only look again. */
  #pollers() {
    const control = this.#control;
    let mask = 0;
    for (let who = 0; who < MOST_ACTORS; who++)
      if (control[AT.STATE + who] === STATE.ASLEEP && control[AT.TIMED + who] >= TIMED.POLLS)
        mask |= 1 << who;
    return mask;
  }

  /** Nobody can run: one that looks again and again does so, as in reality. 0: nobody does. */
  #alone() {
    const control = this.#control;
    for (let who = 0; who < MOST_ACTORS; who++) {
      if (control[AT.STATE + who] !== STATE.ASLEEP || control[AT.TIMED + who] !== TIMED.POLLS) continue;
      control[AT.STATE + who] = STATE.RUNNABLE;
      control[AT.REASON + who] = REASON.ALONE;
      return 1 << who;
    }
    return 0;
  }

  /** Decides who runs next; returns when it is this actor's turn again. */
  #choose() {
    const control = this.#control;
    const me = this.#me;
    const next = this.#next();
    if (next === me) return;
    if (next < 0) this.#end(VERDICT.DEADLOCK);
    giveTo(control, next);
    awaitTurn(control, me);
    if (this.over) throw new Unwind('over');
  }

  #passOn() {
    const next = this.#next();
    if (next < 0) {
      if (this.#unfinished()) this.#control[AT.VERDICT] = VERDICT.DEADLOCK;
      return false;
    }
    giveTo(this.#control, next);
    return true;
  }

  #unfinished() {
    return this.#control.subarray(AT.STATE, AT.STATE + MOST_ACTORS).includes(STATE.ASLEEP);
  }

  /** -1: nobody can run. */
  #next() {
    const control = this.#control;
    const me = this.#me;
    let enabled = this.#enabled() || this.#alone();
    if (enabled === 0 && this.#unfinished()) {
      // Every sleep in the kernel ends some time: all of them now, if that is allowed.
      if (control[AT.TIMEOUTS] >= control[AT.TIMEOUTS_ALLOWED]) return -1;
      control[AT.TIMEOUTS]++;
      for (let who = 0; who < MOST_ACTORS; who++) {
        if (control[AT.STATE + who] !== STATE.ASLEEP) continue;
        control[AT.STATE + who] = STATE.RUNNABLE;
        control[AT.REASON + who] = REASON.TIMEOUT;
        enabled |= 1 << who;
      }
    }
    if (enabled === 0) return -1;
    // An actor that sleeps gives way, also if its sleep may end at any moment.
    const asleep = control[AT.STATE + me] === STATE.ASLEEP;
    const canGoOn = asleep ? 0 : (enabled >> me) & 1;
    const others = enabled & ~(1 << me) || enabled;
    // Two that only look again would take turns for ever while the one that they wait for is not let on: see the explorer.
    const pollers = enabled & this.#pollers();
    const idle = pollers === enabled ? 0 : pollers;
    const first = others & ~idle || others;
    let next = canGoOn ? me : 31 - Math.clz32(first & -first);
    if ((enabled & (enabled - 1)) !== 0) {
      const at = control[AT.CHOICES]++;
      if (at >= MOST_CHOICES) this.#end(VERDICT.TOO_LONG);
      if (at < control[AT.PLAN_LENGTH]) next = control[AT.PLAN + at];
      else if (control[AT.MODE] === MODE.RANDOM) next = this.#pick(enabled, canGoOn);
      if (((enabled >> next) & 1) === 0) throw new Error('the machine: the plan does not fit the run');
      control[AT.LOG + at] = next | (me << 4) | (enabled << 8) | (canGoOn << 16) | (idle << 17);
    }
    if (control[AT.STATE + next] === STATE.ASLEEP) {
      control[AT.STATE + next] = STATE.RUNNABLE;
      const nothing = control[AT.TIMED + next] === TIMED.NEVER;
      if (nothing) control[AT.SPURIOUS]--;
      control[AT.REASON + next] = nothing ? REASON.SPURIOUS : REASON.TIMEOUT;
    }
    return next;
  }

  /** A random one, mostly the one that runs: long stretches with few switches find more than a coin at each step. */
  #pick(enabled, canGoOn) {
    if (canGoOn && this.#random() % 4 !== 0) return this.#me;
    const all = [];
    for (let who = 0; who < MOST_ACTORS; who++) if ((enabled >> who) & 1) all.push(who);
    return all[this.#random() % all.length];
  }

  #random() {
    const control = this.#control;
    let seed = control[AT.SEED] | 0 || 1;
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    control[AT.SEED] = seed;
    return seed >>> 0;
  }
}
