// SharedStruct's texts: whoever reads one sees a whole one, and never an older one than before, whoever is killed or stopped
// in the middle of writing; what was written when the call returned is there. And numbers that several add to.

const LABEL = 8;
/** The texts of each writer: of one letter each, of every length. */
const LENGTHS = [8, 3, 6, 0];
const textOf = (who, n) => String.fromCharCode(97 + 8 * who + n).repeat(LENGTHS[n % LENGTHS.length]);
const INITIAL = 'Z'.repeat(5);

/** What the actors do, one thing after the other: write, read, add. */
const CASES = {
  'one writes, one reads': ['write write write', 'read read'],
  'one writes much, one reads': ['write write write write', 'read'],
  'one writes, two read': ['write write', 'read read', 'read'],
  'two write': ['write write', 'write write'],
  'two write, one reads': ['write write', 'write', 'read read'],
  'two write and read': ['write read write', 'write read read'],
  'two add': ['add add', 'add read'],
};

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, { length }]) => [
    name,
    length === 2
      ? { bound: 3, crashBound: 2, stopBound: 2, random: 500, most: 12_000, mostCrash: 150 }
      : { bound: 2, crashBound: 1, stopBound: 1, random: 1000, most: 10_000, mostCrash: 60 },
  ]),
);

/** Who wrote it, and as which of that one's texts; [] for the first one. */
function originOf(label) {
  if (label === INITIAL) return [];
  const code = label.charCodeAt(0) - 97;
  const [who, n] = [code >> 3, code & 7];
  if (label !== '' && label !== textOf(who, n)) throw new Error(`a torn text: '${label}'`);
  return label === '' ? undefined : [who, n];
}

export default (variant) => {
  const scripts = CASES[variant].map((script) => script.split(' '));
  const writes = scripts.map((script) => script.filter((what) => what === 'write').length);
  const adds = scripts.flat().filter((what) => what === 'add').length;
  const writers = writes.filter((count) => count > 0).length;
  return {
    actors: scripts.map((script) => async ({ isthmus, name, me }) => {
      const struct = isthmus.SharedStruct.attach(name);
      let n = 0;
      const latest = [];
      for (const what of script) {
        if (what === 'add') struct.add('in.count', 1);
        else if (what === 'write') {
          latest[me] = n;
          struct.fields.in.label = textOf(me, n++);
        } else {
          const origin = originOf(struct.fields.in.label);
          if (origin === undefined) continue;
          const [who, number] = origin;
          if (who === undefined ? latest.length > 0 : number < (latest[who] ?? 0))
            throw new Error(`an older text than before: ${origin}, after ${latest}`);
          if (who !== undefined) latest[who] = number;
        }
      }
    }),
    // One that is stopped with the lock keeps other writers waiting: it is alive. Readers never wait for it.
    mayWaitForEver: ({ stopped }) => stopped !== undefined && writes[stopped] > 0 && writers > 1,
    create: ({ SharedStruct, text }, name) =>
      SharedStruct.create(
        name,
        { odd: 'u8', in: { label: text(LABEL), count: 'u16' } },
        { participants: 8, initial: { in: { label: INITIAL } } },
      ),
    attach: ({ SharedStruct }, name) => SharedStruct.attach(name),
    payload: 64,
    check({ object, gone, stopped }) {
      const { fields } = object;
      const { label, count } = fields.in;
      const origin = originOf(label);
      const finished = writes.flatMap((most, who) =>
        most > 0 && who !== gone ? [textOf(who, most - 1)] : [],
      );
      if (gone === undefined && writers > 0 && !finished.includes(label))
        throw new Error(`'${label}' instead of the last text of one of the writers`);
      // Of one that is gone anything up to its last; but nothing that another one had overwritten.
      if (origin !== undefined && origin[0] !== undefined && origin[0] !== gone && !finished.includes(label))
        throw new Error(`'${label}' is not the last text of its writer`);
      if (gone === undefined && count !== adds) throw new Error(`${count} instead of ${adds}`);
      if (stopped !== undefined) return;
      fields.in.label = 'after';
      if (fields.in.label !== 'after') throw new Error(`'${fields.in.label}' where 'after' was written`);
    },
  };
};
