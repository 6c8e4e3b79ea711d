/**
 * When each entry was used last, roughly: a stamp for every hash, modulo their number. Written by anybody at any time, also
 * by readers, so that a wrong one can only make evicting choose worse.
 */

import { MAP } from './map-layout.js';
import type { Store } from './store.js';

export class MapStamps {
  readonly #memory: Int32Array;
  readonly #start: number;
  /** Their number, less 1; -1: nobody needs them. */
  readonly #mask: number;

  constructor(store: Store, count: number) {
    this.#memory = store.memory;
    this.#start = store.plan.stamps / 4;
    this.#mask = count - 1;
  }

  /** The entry with this hash was read or written. */
  used(hash: number): void {
    if (this.#mask < 0) return;
    const at = this.#start + ((hash ^ (hash >>> 15)) & this.#mask);
    const tick = this.#memory[MAP.TICK]!;
    if (this.#memory[at] !== tick) this.#memory[at] = tick;
  }

  /** How many entries were written since it was used. */
  age(hash: number): number {
    const at = this.#start + ((hash ^ (hash >>> 15)) & this.#mask);
    return (this.#memory[MAP.TICK]! - this.#memory[at]!) >>> 0;
  }
}
