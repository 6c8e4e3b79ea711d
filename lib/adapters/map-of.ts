/** What the adapters have in common: a map by name or as it is, and the keys that begin with something. */

import { invalidType } from '../errors.js';
import { type AttachOptions, type MapCreateOptions, SharedMap } from '../index.js';

/** A SharedMap with strings as keys. */
export type StringMap<V> = SharedMap<string, V>;
type OpenOptions = MapCreateOptions & AttachOptions;

/** Opens the map with a name; a map that is given stays its owner's: `own` tells whether we have to close it. */
export function mapOf<V>(
  nameOrMap: string | StringMap<V>,
  options: OpenOptions | undefined,
): { map: StringMap<V>; own: boolean } {
  if (typeof nameOrMap === 'string') {
    const wish = options as (MapCreateOptions<V> & AttachOptions) | undefined;
    return { map: SharedMap.open<string, V>(nameOrMap, wish), own: true };
  }
  // Not instanceof: the map may be of another copy of the package.
  if (typeof nameOrMap?.transaction !== 'function')
    throw invalidType('the first argument', 'the name of a SharedMap, or a SharedMap', nameOrMap);
  if (options !== undefined && Object.keys(options).length > 0)
    throw invalidType('the options of a map that is open already', 'left out', options);
  return { map: nameOrMap, own: false };
}

/** Removes the entries whose keys begin with a prefix: one after the other, so that nobody waits long. */
export function deletePrefixed(map: StringMap<unknown>, prefix: string): void {
  for (const key of map.keys()) if (hasPrefix(key, prefix)) map.delete(key);
}

/** A map that others use, too, may have keys that are no strings. */
export function hasPrefix(key: unknown, prefix: string): key is string {
  return typeof key === 'string' && key.startsWith(prefix);
}
