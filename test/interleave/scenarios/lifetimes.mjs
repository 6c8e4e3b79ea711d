// Names: those who make, attach to, leave, unlink and sweep one object at once. Whoever is attached has what the name
// leads to, unless somebody unlinked it; of several makers one is first; and nothing is left in the end.

import { existsSync, rmSync } from 'node:fs';

const nameOf = (name) => `${name}-x`;
const CODES = new Set(['ENOENT', 'EEXIST', 'EBUSY', 'ERR_ISTHMUS_FULL']);

const open =
  (lifetime) =>
  async ({ isthmus, name, me }, { unlinked }) => {
    const value = isthmus.Value.open(nameOf(name), 'i32', { lifetime, initial: me + 1, participants: 4 });
    const mine = value.value;
    if (!unlinked) {
      const found = isthmus.inspect(nameOf(name)).contents.value;
      if (found !== mine) throw new Error(`attached to ${mine}, but the name leads to ${found}`);
    }
    value.close();
    return mine;
  };
const attempt =
  (act) =>
  async ({ isthmus, name }) => {
    try {
      return act(isthmus, nameOf(name));
    } catch (error) {
      if (!CODES.has(error.code)) throw error;
      return error.code;
    }
  };
const attached = open('attached');
const persistent = open('persistent');
const create = attempt(({ Value }, name) => {
  Value.create(name, 'i32', { participants: 4 }).close();
  return 'created';
});
const attach = attempt(({ Value }, name) => {
  const value = Value.attach(name);
  const { value: mine } = value;
  value.close();
  return mine;
});
/** Two slots: a third participant is refused while two are attached, and takes a slot of those that left or died. */
const crowded = attempt(({ Value }, name) => {
  const value = Value.open(name, 'i32', { participants: 2 });
  value.add(1);
  value.close();
  return 'in';
});
const unlink = attempt(({ unlink }, name) => unlink(name) ?? 'unlinked');
const collect = attempt(({ collect }) => collect());

const CASES = {
  'two open an attached one': [attached, attached],
  'three open an attached one': [attached, attached, attached],
  'two open a persistent one': [persistent, persistent],
  'two create': [create, create],
  'one opens, one attaches': [attached, attach],
  'one opens, one collects': [attached, collect],
  'one opens, one unlinks': [attached, unlink],
  'two open, one unlinks': [attached, attached, unlink],
  'two unlink': [unlink, unlink],
  'three claim two slots': [crowded, crowded, crowded],
};

export const variants = Object.fromEntries(
  Object.keys(CASES).map((name) => [name, { bound: 2, crashBound: 1, random: 0, most: 2000, mostCrash: 25 }]),
);

export default (variant) => ({
  actors: CASES[variant].map((act) => (context) => act(context, { unlinked: variant.includes('unlink') })),
  // Something for the explorer to hold on to; what the actors share comes and goes.
  create: ({ Value }, name) => Value.create(name, 'i32'),
  names: true,
  limit: 5000,
  prepare({ isthmus, name }) {
    rmSync(`/dev/shm/${nameOf(name)}`, { force: true });
    if (variant === 'two unlink') isthmus.Value.create(nameOf(name), 'i32').close();
  },
  check({ isthmus, name, values, killed }) {
    if (
      variant === 'two create' &&
      killed === undefined &&
      values.filter((value) => value === 'created').length !== 1
    )
      throw new Error(`made by: ${values}`);
    if (
      variant === 'two unlink' &&
      killed === undefined &&
      values.filter((value) => value === 'unlinked').length !== 1
    )
      throw new Error(`unlinked by: ${values}`);
    if (CASES[variant][0] === crowded && killed === undefined) {
      const { value } = isthmus.inspect(nameOf(name)).contents;
      const entered = values.filter((one) => one === 'in').length;
      if (value !== entered || entered < 2) throw new Error(`${entered} were let in, the value is ${value}`);
    }
    const exists = () => existsSync(`/dev/shm/${nameOf(name)}`);
    const stays = variant.includes('persistent') || variant === 'two create' || CASES[variant][0] === crowded;
    if (killed === undefined && !stays && exists()) throw new Error('it is left behind');
    if (!exists()) return;
    // A newcomer finds an object that can be used, or removes what the dead one left.
    const value = isthmus.Value.open(nameOf(name), 'i32', { lifetime: stays ? 'persistent' : 'attached' });
    value.add(1);
    value.close();
    if (!stays && exists()) throw new Error('a newcomer could not tidy up');
  },
});
