/**
 * The promise form of every wait. Operations of one handle that wait for the same thing stand in a line: first come,
 * first served, one of them announced to the outside.
 */

import { leaving } from '../memory/leaving.js';
import { type Blocking, ELSEWHERE, PENDING, type WaitPoint } from './blocking.js';
import { Alarm, deadlineAfter, timedOut } from './clock.js';
import { beginWaiting, endWaiting, park, type Sleeper, unpark } from './parking.js';
import { AdaptiveSpin, TURN_LOOKS, turnOn } from './spin.js';

/** As a Blocking; `arm` may also say ELSEWHERE. */
export interface LineOperation<T> extends Omit<Blocking<T>, 'arm'> {
  arm(): WaitPoint | typeof ELSEWHERE | undefined;
}

interface Place {
  readonly operation: LineOperation<unknown>;
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: (() => void) | undefined;
  alarm: Alarm | undefined;
}

/** How often a line arms again at once when the state keeps moving, before it lets the event loop turn. */
const MOST_ARMS = 8;

export class Line implements Sleeper {
  readonly #places = new Set<Place>();
  readonly #spin = new AdaptiveSpin(TURN_LOOKS.least, TURN_LOOKS.most);
  #turn: NodeJS.Immediate | undefined;
  #looks = 0;
  #budget = 0;
  #keepsAlive = true;
  /** Whose operation is being tried, and what ends its wait if that gives nothing. */
  #served: Place | undefined;
  #refusal: (() => void) | undefined;

  /** True when nobody waits here: an operation may be tried at once without overtaking anybody. */
  get idle(): boolean {
    return this.#places.size === 0;
  }

  /** How many wait here. */
  get length(): number {
    return this.#places.size;
  }

  /** Whether operations waiting here keep the process alive; as `ref()`/`unref()` of a Node handle. */
  get keepsAlive(): boolean {
    return this.#keepsAlive;
  }

  set keepsAlive(value: boolean) {
    this.#keepsAlive = value;
    if (this.idle) return;
    endWaiting(this);
    beginWaiting(this, value);
  }

  /**
   * Waits for an operation that was tried in vain, behind those that wait already.
   *
   * @param timeout ms, checked; 0 rejects at once
   * @param what begins the TimeoutError's message
   */
  wait<T>(
    operation: LineOperation<T>,
    timeout: number,
    signal: AbortSignal | undefined,
    what: string,
  ): Promise<T> {
    if (timeout === 0) return Promise.reject(timedOut(what, timeout));
    return new Promise<T>((resolve, reject) => {
      const onAbort = signal === undefined ? undefined : () => this.#giveUp(place, signal.reason);
      const place: Place = { operation, resolve, reject, signal, onAbort, alarm: undefined };
      if (onAbort !== undefined) signal!.addEventListener('abort', onAbort, { once: true });
      if (timeout !== Number.POSITIVE_INFINITY)
        place.alarm = this.#alarm(place, deadlineAfter(timeout), () => timedOut(what, timeout));
      const first = this.idle;
      this.#places.add(place);
      if (!first) return; // whoever stands in front is announced for all
      beginWaiting(this, this.#keepsAlive);
      this.#startSpinning();
    });
  }

  /** Serves everybody who can be served now, in order; Sync forms call it too before they take their turn. */
  advance(): void {
    if (!this.idle && this.#serve() && this.idle) this.#rest();
  }

  /** The word moved, or a second is over: look again, and go back to sleep if need be. */
  wake(): void {
    if (this.idle) return;
    this.advance();
    if (!this.idle && this.#turn === undefined) this.#sleep();
  }

  /**
   * For a Sync form that blocks this thread behind those who wait here: asks for the first of them what it would ask itself
   * before it falls asleep, such as whether a peer is dead, so that it is not in the way for ever. What it would sleep on.
   */
  ask(): WaitPoint | typeof ELSEWHERE | undefined {
    const [front] = this.#places;
    if (front === undefined) return undefined;
    let point: WaitPoint | typeof ELSEWHERE | undefined;
    try {
      point = front.operation.arm();
      if (this.#serve()) point = undefined;
    } catch (error) {
      this.#settle(front, () => front.reject(error));
    }
    if (this.idle) this.#rest();
    return point;
  }

  /** Ends every wait here with an error (the handle is being closed, or the peer is dead). */
  failAll(makeError: () => Error): void {
    // At exit nobody could handle the rejection any more, and it would change the exit code.
    if (!leaving())
      for (const place of [...this.#places]) this.#refuse(place, () => place.reject(makeError()));
    this.#places.clear();
    this.#rest();
  }

  /** Returns whether anybody was served. */
  #serve(): boolean {
    if (this.#served !== undefined) return false; // an operation (its codec) uses the handle that it is served for
    let some = false;
    for (const place of this.#places) {
      this.#served = place;
      this.#refusal = undefined;
      let settle: (() => void) | undefined;
      try {
        const result = place.operation.attempt();
        settle = result === PENDING ? this.#refusal : () => place.resolve(result as never);
      } catch (error) {
        settle = () => place.reject(error);
      } finally {
        this.#served = undefined;
      }
      if (settle === undefined) break;
      this.#settle(place, settle);
      some = true;
    }
    return some;
  }

  /** Ends a wait with an error; one that is being served right now only if it gets nothing. */
  #refuse(place: Place, refusal: () => void): void {
    if (place === this.#served) this.#refusal = refusal;
    else this.#settle(place, refusal);
  }

  #settle(place: Place, settle: () => void): void {
    this.#places.delete(place);
    place.alarm?.stop();
    if (place.onAbort !== undefined) place.signal!.removeEventListener('abort', place.onAbort);
    settle();
  }

  /** Timed out or aborted. Those behind may be able to proceed where this one could not. */
  #giveUp(place: Place, reason: unknown): void {
    if (!this.#places.has(place)) return;
    const [front] = this.#places;
    this.#refuse(place, () => place.reject(reason));
    if (this.idle) this.#rest();
    else if (front === place) this.wake();
  }

  #alarm(place: Place, deadline: number, error: () => Error): Alarm {
    return new Alarm(deadline, () => {
      // One last look: what has arrived by now is not given up.
      this.advance();
      this.#giveUp(place, error());
    });
  }

  /** A few turns of the event loop first: a busy conversation never pays for the waiter thread. */
  #startSpinning(): void {
    this.#looks = 0;
    this.#budget = this.#spin.budget();
    const look = (): void => {
      this.#turn = undefined;
      if (this.idle) return;
      this.#looks++;
      if (this.#serve()) {
        this.#spin.hit(this.#looks);
        if (this.idle) {
          this.#rest();
          return;
        }
        this.#looks = 0;
      }
      if (this.#looks < this.#budget && turnOn(this.#looks)) {
        this.#turn = setImmediate(look);
        return;
      }
      this.#spin.miss();
      this.#sleep();
    };
    this.#turn = setImmediate(look);
  }

  #sleep(): void {
    for (let arms = 0; arms < MOST_ARMS; arms++) {
      const [front] = this.#places;
      if (front === undefined) break;
      try {
        const point = front.operation.arm();
        if (point !== undefined && point !== ELSEWHERE) park(this, point);
        // Looked at again after the announcement: whoever changes the state from here on sees that somebody sleeps.
        if (!this.#serve() && point !== undefined) return;
      } catch (error) {
        this.#settle(front, () => front.reject(error));
      }
    }
    if (this.idle) this.#rest();
    else this.#startSpinning();
  }

  #rest(): void {
    if (this.#turn !== undefined) clearImmediate(this.#turn);
    this.#turn = undefined;
    unpark(this);
    endWaiting(this);
  }
}
