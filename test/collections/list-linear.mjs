// What a list does, for test/collections/linear.mjs: the state is the JSON of an array.

import { explains } from './linear.mjs';

/** Makes a call on an Array or on a SharedList; both give the same. `pause` runs where the user's code does, with the lock. */
export function callOn(list, [what, ...args], pause = () => {}) {
  switch (what) {
    case 'length':
      return list.length;
    case 'all':
      return [...(list.toArray?.() ?? list)];
    case 'reverse':
      list.reverse();
      return 'done';
    case 'sort':
      list.sort();
      return 'done';
    case 'update':
      if (typeof list.update !== 'function') {
        if (list.length > 0) list[0] += args[0];
        return list.length === 0 ? 'none' : list[0];
      }
      try {
        return list.update(0, (value) => {
          pause();
          return value + args[0];
        });
      } catch (error) {
        if (error.code !== 'ERR_OUT_OF_RANGE') throw error;
        return 'none';
      }
    default:
      return list[what](...args) ?? null;
  }
}

/** Whether some order of the calls explains what they gave, and what is in the list at last. */
export function explainsList(history, initial, final) {
  const model = {
    initial: JSON.stringify(initial),
    apply(state, what) {
      const list = JSON.parse(state);
      const result = callOn(list, what);
      return [JSON.stringify(list), result];
    },
  };
  return explains(history, model, JSON.stringify(final));
}
