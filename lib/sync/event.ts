/** A flag that any number of processes wait for. */

import { WORD_WRAP } from '../memory/activity.js';
import type { Facts } from '../memory/console-form.js';
import { registerDescriber } from '../memory/directory.js';
import { PlainKind } from '../memory/plain-kind.js';
import type { Segment } from '../memory/segment.js';
import { closedError, SharedObject } from '../memory/shared-object.js';
import { native } from '../native/load.js';
import {
  type AttachOptions,
  type CreateOptions,
  checkSyncWait,
  checkWait,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import { type Blocking, PENDING } from '../waiting/blocking.js';
import { Line } from '../waiting/line.js';
import { AdaptiveSpin, SYNC_LOOKS } from '../waiting/spin.js';
import { blockSync } from '../waiting/sync.js';
import { type Readiness, WAITABLE, type Waitable } from '../waiting/waitable.js';
import { EVENT, EVENT_ASLEEP, EVENT_CALL, EVENT_SET, EVENT_WORDS_BYTES } from './event-layout.js';

const EVENTS = new PlainKind(
  'event',
  'an Event',
  () => EVENT_WORDS_BYTES,
  () => [],
);

registerDescriber(
  'event',
  ({ words }) => ({
    set: ((words[EVENT.STATE] ?? 0) & EVENT_SET) !== 0,
    awaited: ((words[EVENT.STATE] ?? 0) & EVENT_ASLEEP) !== 0,
  }),
  ({ words }) => {
    const state = words[EVENT.STATE] ?? 0;
    const calls = {
      what: 'calls',
      unit: 'calls',
      way: 'in',
      count: state >>> 2,
      wrap: WORD_WRAP / EVENT_CALL,
    } as const;
    return { counts: [calls], waits: (state & EVENT_ASLEEP) !== 0 ? [{ for: 'event' }] : [] };
  },
);

/**
 * A flag under a name that is set or clear. Whoever waits while it is clear goes on when somebody sets it, also if it is
 * cleared again at once: a call of `set` is counted, not only seen.
 *
 * ```js
 * const { Event, unlink } = require('isthmus');
 * const ready = Event.open('example-ready');
 * ready.set(); // everybody who waits goes on, in all processes
 * ready.waitSync(); // does not wait: it is set
 * ready.clear();
 * console.log(ready.isSet); // false
 * ready.close();
 * unlink('example-ready');
 * ```
 *
 * Nobody owns an event: the death of another process changes nothing, whether it waited or was about to set. One that is
 * killed inside `set()`, between storing and waking, has set it; those who sleep notice within a second.
 */
export class Event extends SharedObject implements Waitable {
  readonly #words: Int32Array;
  readonly #spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);
  readonly #line = new Line();

  private constructor(segment: Segment) {
    super(segment);
    this.#words = segment.words;
  }

  /** Makes a new event, clear. Throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full. */
  static create(name: string, options?: CreateOptions): Event {
    return new Event(EVENTS.create(name, options));
  }

  /** Attaches to an event that exists. Throws SystemError `ENOENT`, MismatchError, ForeignError, CorruptError. */
  static attach(name: string, options?: AttachOptions): Event {
    return new Event(EVENTS.attach(name, options));
  }

  /** Attaches if the name exists, creates it (clear) otherwise; without a race. Throws as both do. */
  static open(name: string, options?: CreateOptions & AttachOptions): Event {
    return new Event(EVENTS.open(name, options));
  }

  /** Whether it is set now. */
  get isSet(): boolean {
    this.check();
    return (Atomics.load(this.#words, EVENT.STATE) & EVENT_SET) !== 0;
  }

  /** Sets it and wakes everybody who waits. Nothing happens if it is set. Does not block. */
  set(): void {
    this.check();
    for (;;) {
      const found = Atomics.load(this.#words, EVENT.STATE);
      if ((found & EVENT_SET) !== 0) return;
      const set = ((found & ~EVENT_ASLEEP) + EVENT_CALL) | EVENT_SET | 0;
      // Pairs with #operation: the new count ends every wait that began before, whatever happens to the flag next.
      if (Atomics.compareExchange(this.#words, EVENT.STATE, found, set) !== found) continue;
      if ((found & EVENT_ASLEEP) !== 0) native.futexWake(this.#words, EVENT.STATE);
      return;
    }
  }

  /** Clears it: who waits from now on waits for the next `set`. Nothing happens if it is clear. Does not block. */
  clear(): void {
    this.check();
    Atomics.and(this.#words, EVENT.STATE, ~EVENT_SET);
  }

  /**
   * Resolves when it is set, at once if it is. The event loop runs on; the process stays alive while waiting.
   *
   * Rejects with TimeoutError, the signal's reason, or ClosedError when this handle is closed.
   */
  async wait(wait?: WaitOptions): Promise<void> {
    this.check();
    const { timeout, signal } = checkWait(wait);
    signal?.throwIfAborted();
    const operation = this.#operation();
    if (operation.attempt() === PENDING) await this.#line.wait(operation, timeout, signal, this.#notSet());
  }

  /** As {@link Event.wait}, but blocks this thread. Throws TimeoutError. */
  waitSync(wait?: SyncWaitOptions): void {
    this.check();
    blockSync(this.#operation(), this.#spin, checkSyncWait(wait), this.#notSet());
  }

  /** For waitAny: ready when {@link Event.wait} would be over. */
  [WAITABLE](): Readiness {
    this.check();
    const { attempt, arm } = this.#operation();
    return {
      keepsAlive: this.#line.keepsAlive,
      ready: () => {
        this.check();
        return attempt() !== PENDING;
      },
      arm,
      told: [this.closing],
    };
  }

  /** A wait that begins now. */
  #operation(): Blocking<true> {
    const words = this.#words;
    // Where the count of calls stands. Once it has moved the wait is over for good, so those behind in a line, who began
    // later, are never ready before those in front.
    const before = Atomics.load(words, EVENT.STATE) & ~(EVENT_SET | EVENT_ASLEEP);
    return {
      attempt: () => {
        const found = Atomics.load(words, EVENT.STATE);
        return (found & EVENT_SET) !== 0 || (found & ~EVENT_ASLEEP) !== before ? true : PENDING;
      },
      arm: () => {
        const found = Atomics.load(words, EVENT.STATE);
        if ((found & EVENT_SET) !== 0 || (found & ~EVENT_ASLEEP) !== before) return undefined;
        const expected = found | EVENT_ASLEEP;
        // Pairs with set(): it finds the bit and wakes us, or this fails because the word has moved.
        if (found !== expected && Atomics.compareExchange(words, EVENT.STATE, found, expected) !== found)
          return undefined;
        return { words, index: EVENT.STATE, expected };
      },
    };
  }

  /** Pending waits of this handle keep the process alive (the default). */
  ref(): this {
    this.#line.keepsAlive = true;
    return this;
  }

  /** Pending waits of this handle do not keep the process alive. */
  unref(): this {
    this.#line.keepsAlive = false;
    return this;
  }

  /** @internal */
  protected override facts(): Facts {
    return { isSet: () => this.isSet };
  }

  /** @internal */
  protected override onClose(): void {
    this.#line.failAll(() => closedError(this.name));
  }

  #notSet(): string {
    return `'${this.name}': the event was not set`;
  }
}
