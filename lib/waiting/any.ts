/** The promise form of a wait for any of several objects: each has a sleeper, the first of them that is woken looks at all. */

import { leaving } from '../memory/leaving.js';
import { ELSEWHERE } from './blocking.js';
import { Alarm, deadlineAfter, timedOut } from './clock.js';
import { beginWaiting, endWaiting, park, type Sleeper, unpark } from './parking.js';
import { AdaptiveSpin, TURN_LOOKS, turnOn } from './spin.js';
import { overdue } from './turns.js';
import { type Readiness, readyAmong, type Told } from './waitable.js';

/**
 * Resolves with the numbers of those that are ready, as soon as there is one.
 *
 * @param timeout ms, checked; 0 looks once, asking the kernel about the living
 * @param what begins the TimeoutError's message
 */
export async function awaitAny(
  all: readonly Readiness[],
  timeout: number,
  signal: AbortSignal | undefined,
  what: string,
): Promise<number[]> {
  if (timeout === 0 || !overdue()) {
    const found = readyAmong(all);
    if (found.length > 0) return found;
  }
  if (timeout !== 0)
    return new Promise((resolve, reject) => new AnyWait(all, timeout, signal, what, resolve, reject));
  for (const one of all) one.arm();
  const found = readyAmong(all);
  if (found.length === 0) throw timedOut(what, timeout);
  return found;
}

/** How often it arms again at once when the state keeps moving, before it lets the event loop turn. */
const MOST_ARMS = 8;

/** Of all these waits of the environment. */
const spin = new AdaptiveSpin(TURN_LOOKS.least, TURN_LOOKS.most);

/** One of the objects, asleep or not. */
class Place implements Sleeper {
  readonly readiness: Readiness;
  readonly #woken: () => void;
  asleep = false;

  constructor(readiness: Readiness, woken: () => void) {
    this.readiness = readiness;
    this.#woken = woken;
  }

  wake(): void {
    this.asleep = false;
    this.#woken();
  }
}

class AnyWait implements Told, Sleeper {
  readonly #all: readonly Readiness[];
  readonly #places: readonly Place[];
  readonly #resolve: (found: number[]) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#fail(this.#signal!.reason);
  readonly #alarm: Alarm | undefined;
  #over = false;
  #turn: NodeJS.Immediate | undefined;
  #looks = 0;
  #budget = 0;
  /** A place was woken: it looks when all those have been told that are woken now. */
  #looksSoon = false;
  readonly #placeWoken = (): void => {
    if (this.#looksSoon || this.#over) return;
    this.#looksSoon = true;
    queueMicrotask(() => {
      this.#looksSoon = false;
      this.#goOn();
    });
  };

  constructor(
    all: readonly Readiness[],
    timeout: number,
    signal: AbortSignal | undefined,
    what: string,
    resolve: (found: number[]) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#all = all;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#places = all.map((one) => new Place(one, this.#placeWoken));
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (timeout !== Number.POSITIVE_INFINITY) {
      this.#alarm = new Alarm(deadlineAfter(timeout), () => {
        // One last look: what has become ready by now is not given up.
        if (!this.#look()) this.#fail(timedOut(what, timeout));
      });
    }
    for (const { told } of all) for (const registry of told) registry.add(this);
    const keepsAlive = all.some((one) => one.keepsAlive);
    beginWaiting(this, keepsAlive);
    this.#startSpinning();
  }

  get idle(): boolean {
    return this.#over;
  }

  /** This environment did something, or a second is over: looks again, and at whatever it sleeps on. */
  wake(): void {
    for (const place of this.#places) place.asleep = false;
    this.#goOn();
  }

  #goOn(): void {
    if (!this.#look() && this.#turn === undefined) this.#sleep();
  }

  /** Whether the wait is over. */
  #look(): boolean {
    if (this.#over) return true;
    try {
      const found = readyAmong(this.#all);
      if (found.length === 0) return false;
      this.#finish();
      this.#resolve(found);
    } catch (error) {
      this.#fail(error);
    }
    return true;
  }

  #fail(reason: unknown): void {
    if (this.#over) return;
    this.#finish();
    // At exit nobody could handle the rejection any more, and it would change the exit code.
    if (!leaving()) this.#reject(reason);
  }

  #finish(): void {
    this.#over = true;
    if (this.#turn !== undefined) clearImmediate(this.#turn);
    this.#alarm?.stop();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    for (const place of this.#places) unpark(place);
    for (const { told } of this.#all) for (const registry of told) registry.delete(this);
    endWaiting(this);
  }

  /** A few turns of the event loop first: see Line. */
  #startSpinning(): void {
    this.#looks = 0;
    this.#budget = spin.budget();
    const look = (): void => {
      this.#turn = undefined;
      this.#looks++;
      if (this.#look()) {
        spin.hit(this.#looks);
      } else if (this.#looks < this.#budget && turnOn(this.#looks)) {
        this.#turn = setImmediate(look);
      } else {
        spin.miss();
        this.#sleep();
      }
    };
    this.#turn = setImmediate(look);
  }

  #sleep(): void {
    for (let arms = 0; arms < MOST_ARMS; arms++) {
      let moved = false;
      try {
        for (const place of this.#places) if (!place.asleep && !this.#layDown(place)) moved = true;
      } catch (error) {
        this.#fail(error);
        return;
      }
      // Looked at again after the announcements: whoever changes something from here on sees that somebody sleeps.
      if (this.#look() || !moved) return;
    }
    this.#startSpinning();
  }

  /** False if its state has moved. */
  #layDown(place: Place): boolean {
    const point = place.readiness.arm();
    if (point === undefined) return false;
    if (point === ELSEWHERE) unpark(place);
    else park(place, point);
    place.asleep = true;
    return true;
  }
}
