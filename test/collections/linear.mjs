// Whether what several did at once can be explained by some order in which each call happened at one moment between its
// begin and its end. Source: J. Wing, C. Gong, "Testing and verifying concurrent objects", JPDC 1993; states that were
// reached before by the same calls are not tried again (G. Lowe, "Testing for linearizability", 2017).

/** A result that nobody knows: whoever called died, or was stopped. */
export const UNKNOWN = Symbol('unknown');

/**
 * @param history  calls: { begin, end, what, result }; `end` Infinity: it may have happened or not
 * @param model    `initial`, a state as text; `apply(state, what)`: [the state after it, the result]; `whims(state)`, if
 *                 there are any: states that come about by themselves
 * @param final    the state at the end, if it is known
 * @returns whether there is such an order
 */
export function explains(history, { initial, apply, whims = () => [] }, final) {
  const calls = [...history].sort((a, b) => a.begin - b.begin);
  const tried = new Set();
  const done = calls.map(() => false);
  const over = (state) =>
    calls.every(({ end }, n) => done[n] || end === Number.POSITIVE_INFINITY) &&
    (final === undefined || final === state);
  const search = (state) => {
    const place = `${done.map(Number).join('')} ${state}`;
    if (tried.has(place)) return false;
    tried.add(place);
    if (over(state)) return true;
    // What ended before another one began came before it.
    const first = calls.reduce((least, { end }, n) => (done[n] ? least : Math.min(least, end)), Infinity);
    for (let n = 0; n < calls.length && calls[n].begin <= first; n++) {
      if (done[n]) continue;
      const [after, result] = apply(state, calls[n].what);
      if (calls[n].result !== UNKNOWN && !same(result, calls[n].result)) continue;
      done[n] = true;
      if (search(after)) return true;
      done[n] = false;
    }
    return whims(state).some(search);
  };
  return search(initial);
}

const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** What a map does, on a state that is the JSON of its sorted entries. */
export const mapModel = (initial, options = {}) => ({
  initial: textOf(initial),
  apply(text, what) {
    const state = new Map(JSON.parse(text));
    const result = applyTo(state, what, options);
    return [result === 'full' ? text : textOf(state), result];
  },
  whims(text) {
    if (!options.evicts) return [];
    const entries = JSON.parse(text);
    return entries.map((_, n) =>
      JSON.stringify(entries.toSpliced?.(n, 1) ?? entries.filter((_, m) => m !== n)),
    );
  },
});

export const textOf = (entries) => JSON.stringify([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));

/** Makes a call on a Map; on a SharedMap the same call must have the same result. */
export function applyTo(map, [what, key, ...rest], { limit = Number.POSITIVE_INFINITY } = {}) {
  const set = (key, value) => {
    if (value === undefined || value === null) map.delete(key);
    else map.set(key, value);
  };
  switch (what) {
    case 'get':
      return map.get(key);
    case 'has':
      return map.has(key);
    case 'set':
      if (!map.has(key) && map.size >= limit) return 'full';
      map.set(key, rest[0]);
      return 'done';
    case 'delete':
      return map.delete(key);
    case 'add': {
      const sum = (map.get(key) ?? 0) + rest[0];
      map.set(key, sum);
      return sum;
    }
    case 'update': {
      const after = updated(map.get(key), rest[0]);
      set(key, after);
      return after;
    }
    case 'cas': {
      const [expected, value] = rest;
      if ((map.get(key) ?? null) !== expected) return false;
      set(key, value);
      return true;
    }
    case 'getMany':
      return key.map((one) => map.get(one) ?? null);
    case 'setMany':
      for (const [one, value] of key) map.set(one, value);
      return 'done';
    case 'tx':
      for (const each of key) applyTo(map, each);
      return 'done';
    case 'full': {
      // A transaction for which there is no room, or not before others made some.
      const copy = new Map(map);
      applyTo(copy, ['tx', key]);
      if (copy.size <= limit && limit < Number.POSITIVE_INFINITY) return applyTo(map, ['tx', key]);
      return 'full';
    }
    case 'clear':
      map.clear();
      return 'done';
    case 'size':
      return map.size;
    case 'compute': {
      if (!map.has(key)) map.set(key, rest[0]);
      return map.get(key);
    }
    default:
      throw new Error(`the model does not know ${what}`);
  }
}

/** What update's function does: it appends, or removes. */
export function updated(before, how) {
  return how === null ? undefined : `${before ?? ''}${how}`;
}

/** The same call on a SharedMap. */
export function callOn(map, [what, key, ...rest]) {
  switch (what) {
    case 'set':
      try {
        map.set(key, rest[0]);
        return 'done';
      } catch (error) {
        if (error.code !== 'ERR_ISTHMUS_FULL') throw error;
        return 'full';
      }
    case 'update':
      return map.update(key, (before) => updated(before, rest[0]));
    case 'cas':
      return map.compareAndSet(key, rest[0] ?? undefined, rest[1] ?? undefined);
    case 'getMany':
      return map.getMany(key).map((value) => value ?? null);
    case 'setMany':
      map.setMany(key);
      return 'done';
    case 'tx':
    case 'full':
      try {
        map.transaction((tx) => {
          for (const each of key) applyTo(tx, each);
        });
        return 'done';
      } catch (error) {
        if (error.code !== 'ERR_ISTHMUS_FULL') throw error;
        return 'full';
      }
    case 'clear':
      map.clear();
      return 'done';
    case 'size':
      return map.size;
    case 'add':
      return map.add(key, rest[0]);
    case 'compute':
      return map.getOrInsertComputed(key, () => rest[0]);
    default:
      return map[what](key);
  }
}
