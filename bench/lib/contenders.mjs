// The ways of running a measurement that several suites use.

import { WARM } from './actor.mjs';
import { programPath } from './peers.mjs';
import { freshName, program, python, script, together } from './processes.mjs';

/** Two modules' roles (or two programs) that send one way: the time for each message, as the receiver sees it. */
export function oneWay(label, options, ...sides) {
  return {
    label,
    least: 200,
    ...options,
    async run({ count, warm }) {
      const name = freshName();
      const found = await together(
        sides.map((side) => side({ name, path: `/dev/shm/${name}`, count, warm })),
      );
      const { ns, ...notes } = found.find((one) => one.ns !== undefined);
      delete notes.sum;
      return { value: ns / count, notes };
    },
  };
}

/**
 * Many processes that do the same: their rates together. `makeActors` gets the count of each of them and gives the
 * actors; those that measure say `ns`.
 */
export function rated(label, sides, options, makeActors) {
  return {
    label,
    least: 200,
    ...options,
    async run({ count }) {
      const each = Math.max(1, Math.ceil(count / sides));
      const parameters = { name: freshName(), path: '', count: each, warm: Math.ceil(each * WARM) };
      const found = await together(await makeActors(parameters));
      return 1 / found.reduce((sum, { ns }) => sum + (ns === undefined ? 0 : each / ns), 0);
    },
  };
}

export const side =
  (module, role, more = {}, options = {}) =>
  (parameters) =>
    script(module, role, { ...parameters, ...more }, options);

export const background = (makeSide) => (parameters) => ({ ...makeSide(parameters), background: true });

export const native =
  (file, more) =>
  ({ name, path: _path, ...parameters }) =>
    program(programPath(file), { name: `/${name}`, ...parameters, ...more });

export const pythonWork =
  (work, more = {}) =>
  ({ name: _name, path: _path, ...parameters }) =>
    python('python_peers.py', { work, ...pick(parameters, more) });

/** Python's functions take what they know and nothing else. */
function pick(parameters, more) {
  const { takes, ...given } = more;
  const known = Object.fromEntries((takes ?? ['count', 'warm']).map((key) => [key, parameters[key]]));
  return { ...known, ...given };
}
