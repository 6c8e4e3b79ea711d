/**
 * When each entry was used last, roughly: sets of a few stamps, each with a tag that says whose it is; who finds none of its
 * own takes the oldest one of its set. Who has none any more was used longest ago. Written by anybody at any time, also by
 * readers, so that a wrong one can only make evicting choose worse.
 */

import { MAP } from './map-layout.js';
import type { Store } from './store.js';

/** Stamps in a set. */
const WAYS = 4;
/** A stamp: the tag, the top bits of a hash; above it the tick, modulo 2^22. */
const TAG_BITS = 10;
const TAGS = 2 ** TAG_BITS - 1;
const TICKS = 2 ** (32 - TAG_BITS) - 1;

export class MapStamps {
  readonly #memory: Int32Array;
  readonly #start: number;
  /** Which bits of a hash choose the set; -1: nobody needs stamps. */
  readonly #mask: number;

  constructor(store: Store, count: number) {
    this.#memory = store.memory;
    this.#start = store.plan.stamps / 4;
    this.#mask = count === 0 ? -1 : count - WAYS;
  }

  /** The entry with this hash was read or written. */
  used(hash: number): void {
    if (this.#mask < 0) return;
    const memory = this.#memory;
    const tag = hash >>> (32 - TAG_BITS);
    const tick = memory[MAP.TICK]!;
    const first = this.#setOf(hash);
    let place = first;
    let oldest = -1;
    for (let at = first; at < first + WAYS; at++) {
      const found = memory[at]!;
      if ((found & TAGS) === tag) {
        place = at;
        break;
      }
      const age = (tick - (found >>> TAG_BITS)) & TICKS;
      if (age <= oldest) continue;
      oldest = age;
      place = at;
    }
    const stamp = (tick << TAG_BITS) | tag;
    if (memory[place] !== stamp) memory[place] = stamp;
  }

  /** How many entries were written since it was used. */
  age(hash: number): number {
    const memory = this.#memory;
    const tag = hash >>> (32 - TAG_BITS);
    const first = this.#setOf(hash);
    for (let at = first; at < first + WAYS; at++) {
      const found = memory[at]!;
      if ((found & TAGS) === tag) return (memory[MAP.TICK]! - (found >>> TAG_BITS)) & TICKS;
    }
    return TICKS + 1;
  }

  #setOf(hash: number): number {
    return this.#start + ((hash ^ (hash >>> 15)) & this.#mask);
  }
}
