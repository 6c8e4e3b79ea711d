/** What all handles on one thing share. */

/** Remembers what was made for a key, such as an attachment, for as long as the key lives. `make` runs once for each. */
export function onePer<Key extends object, Made, Rest extends unknown[]>(
  make: (key: Key, ...rest: Rest) => Made,
): (key: Key, ...rest: Rest) => Made {
  const all = new WeakMap<Key, Made>();
  return (key, ...rest) => {
    let made = all.get(key);
    if (made === undefined) {
      made = make(key, ...rest);
      all.set(key, made);
    }
    return made;
  };
}
