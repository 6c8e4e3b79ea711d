/** Which objects to look at, and when: what is shown always, the others in turn, as far as a small budget goes. */

import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises';
import { Tracker } from './top-rates.mjs';
import { lookAt } from './top-sampling.mjs';

/** ms after which keys and signals get a turn. */
const SLICE = 10;
/** The share of the time that goes for objects that nobody sees. */
const SHARE_FOR_OTHERS = 0.1;
/** Nothing that is shown is left alone for longer, in ms: byte counts wrap, and holders change. */
const LONGEST_PAUSE = 1000;

export class Sampler {
  readonly tracker = new Tracker();
  readonly #interval: number;
  /** Where looking at the others goes on. */
  #next = 0;

  constructor(interval: number) {
    this.#interval = interval;
  }

  /**
   * A look at each of these that was not looked at in the last round. `keepRates`: an old rate is better than none, for
   * the rows are sorted by it.
   */
  acquaint(files: readonly string[], keepRates: boolean): void {
    const longAgo = performance.now() - this.#interval - LONGEST_PAUSE;
    for (const file of files) {
      const known = this.tracker.get(file);
      if (known !== undefined && known.look.at >= longAgo) continue;
      const look = lookAt(file);
      if (look === undefined) this.tracker.forget(file);
      else this.tracker.restart(look, keepRates);
    }
  }

  /** A round: looks at `shown`, and at as many of `others` as the budget allows; their rates are new afterwards. */
  async round(shown: readonly string[], others: readonly string[] = []): Promise<void> {
    await this.#lookAtAll(shown, true);
    const seen = new Set(shown);
    const left = others.filter((file) => !seen.has(file));
    if (left.length === 0) return;
    const deadline = performance.now() + this.#interval * SHARE_FOR_OTHERS;
    let done = 0;
    for (; done < left.length && performance.now() < deadline; done++) {
      const file = left[(this.#next + done) % left.length]!;
      this.#look(file);
      this.tracker.settle(file);
      if (done % 16 === 15) await breathe();
    }
    this.#next = (this.#next + done) % left.length;
  }

  /** Lets the interval pass, and looks at what is shown in between where it is long. Ends early when aborted. */
  async pause(shown: () => readonly string[], signal?: AbortSignal): Promise<void> {
    const end = performance.now() + this.#interval;
    for (;;) {
      const left = end - performance.now();
      if (left <= 0 || signal?.aborted) return;
      const whole = left <= LONGEST_PAUSE * 1.5;
      await sleep(whole ? left : LONGEST_PAUSE, undefined, signal ? { signal } : {}).catch(() => undefined);
      if (!whole && !signal?.aborted) await this.#lookAtAll(shown(), false);
    }
  }

  async #lookAtAll(files: readonly string[], settle: boolean): Promise<void> {
    let began = performance.now();
    for (const file of files) {
      this.#look(file);
      if (settle) this.tracker.settle(file);
      if (performance.now() - began < SLICE) continue;
      await breathe();
      began = performance.now();
    }
  }

  #look(file: string): void {
    const look = lookAt(file);
    if (look === undefined) this.tracker.forget(file);
    else this.tracker.see(look);
  }
}
