/** Listening to a map: what was changed, by whomever. */

import type { WaitOptions } from '../options.js';
import type { Watch } from '../values/watch.js';
import type { MapCore } from './map-core.js';
import { CHANGE } from './map-journal.js';
import { type EncodedKey, type MapKey, sameKey } from './map-keys.js';

/**
 * One change of a SharedMap. `'unknown'`: anything may have changed (a process died while it changed something, or this one
 * was too slow to hear of everything): look at what matters.
 */
export type MapChange<K> =
  | {
      /** The entry was set, or is gone. */
      type: 'set' | 'delete';
      /** Which entry. */
      key: K;
    }
  | {
      /** All entries are gone. */
      type: 'clear';
    }
  | {
      /** Something changed that cannot be told. */
      type: 'unknown';
    };

const NAMES = {
  [CHANGE.SET]: 'set',
  [CHANGE.DELETE]: 'delete',
  [CHANGE.CLEAR]: 'clear',
  [CHANGE.UNKNOWN]: 'unknown',
} as const;

/** Every change from now on. */
export function changesOf<K extends MapKey>(
  core: MapCore,
  watch: Watch,
  check: () => void,
  wait: WaitOptions,
): AsyncGenerator<MapChange<K>, void, undefined> {
  let position = core.journal.listen(); // now, not at the first next()
  return (async function* () {
    for (;;) {
      check();
      const found = await watch.wait(
        () => core.journal.next(position),
        (next) => next !== undefined,
        wait,
        `'${core.store.path}': no change`,
      );
      position = found!.after;
      const { kind, key } = found!.change;
      const type = NAMES[kind];
      yield type === 'set' || type === 'delete' ? { type, key: key as K } : { type };
    }
  })();
}

/** The value of one key, whenever it may have changed; several changes in a row may be one. */
export function changesOfKey<V>(
  core: MapCore,
  watch: Watch,
  key: EncodedKey,
  check: () => void,
  read: () => V | undefined,
  wait: WaitOptions,
): AsyncGenerator<V | undefined, void, undefined> {
  let position = core.journal.listen();
  const concerned = (): boolean => {
    let hit = false;
    for (let found = core.journal.next(position); found !== undefined; found = core.journal.next(position)) {
      const { kind, hash, meta, key: changed } = found.change;
      position = found.after;
      if (kind > CHANGE.DELETE) hit = true;
      else if (hash === key.hash && meta === key.meta && changed !== undefined) {
        hit ||= sameKey(key, core.keys.encode(changed));
      }
    }
    return hit;
  };
  return (async function* () {
    for (;;) {
      check();
      await watch.wait(concerned, (hit) => hit, wait, `'${core.store.path}': no change`);
      check();
      yield read();
    }
  })();
}
