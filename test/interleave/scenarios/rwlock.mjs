// RwLock: a writer is alone, readers are not; neither waits for the dead; who comes after a dead writer is told.

const get = {
  Sync: (side) => side.acquireSync(),
  promise: (side) => side.acquire(),
  'Sync timeout': (side) => side.acquireSync({ timeout: 5 }),
  'promise timeout': (side) => side.acquire({ timeout: 5 }),
  try: (side) => side.tryAcquire(),
};

const CASES = {
  'Sync reads, Sync writes': [
    ['read', 'Sync'],
    ['write', 'Sync'],
  ],
  'promise reads, Sync writes': [
    ['read', 'promise'],
    ['write', 'Sync'],
  ],
  'Sync reads, promise writes': [
    ['read', 'Sync'],
    ['write', 'promise'],
  ],
  'promise reads, promise writes': [
    ['read', 'promise'],
    ['write', 'promise'],
  ],
  'Sync writes, promise writes': [
    ['write', 'Sync'],
    ['write', 'promise'],
  ],
  'Sync reads, Sync writes with a timeout': [
    ['read', 'Sync'],
    ['write', 'Sync timeout'],
  ],
  'Sync reads, promise writes with a timeout': [
    ['read', 'Sync'],
    ['write', 'promise timeout'],
  ],
  'Sync writes, Sync reads with a timeout': [
    ['write', 'Sync'],
    ['read', 'Sync timeout'],
  ],
  'two read, one writes': [
    ['read', 'Sync'],
    ['read', 'promise'],
    ['write', 'Sync'],
  ],
  'one reads, two write': [
    ['read', 'Sync'],
    ['write', 'Sync'],
    ['write', 'promise'],
  ],
  'one reads, one writes, one tries to write': [
    ['read', 'promise'],
    ['write', 'Sync'],
    ['write', 'try'],
  ],
  'one reads, one gives up writing, one reads': [
    ['read', 'Sync'],
    ['write', 'Sync timeout'],
    ['read', 'Sync'],
  ],
  'a reader dies, one writes, one reads': [
    ['read', 'dies'],
    ['write', 'Sync'],
    ['read', 'promise'],
  ],
  'a writer dies, one reads, one writes': [
    ['write', 'dies'],
    ['read', 'Sync'],
    ['write', 'promise'],
  ],
};

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, { length }]) => [
    name,
    length === 2
      ? { bound: 3, crashBound: 2, stopBound: 1, random: 500, most: 15_000, mostCrash: 100 }
      : { bound: 2, crashBound: 1, stopBound: 1, random: 1000, most: 15_000, mostCrash: 60 },
  ]),
);

/** In the scratch memory: who reads, who writes, who was told of a death. */
const READS = 8;
const WRITES = 16;
const TOLD = 24;

export default (variant) => ({
  actors: CASES[variant].map(
    ([side, form], _, forms) =>
      async ({ isthmus, name, me, die, scratch, isDead }) => {
        const lock = isthmus.RwLock.attach(name);
        let guard;
        try {
          guard = await (get[form] ?? get.Sync)(lock[side]);
        } catch (error) {
          if (error.code !== 'ERR_ISTHMUS_TIMEOUT') throw error;
        }
        if (guard === undefined) return { got: false };
        const mine = (side === 'read' ? READS : WRITES) + me;
        scratch[mine] = 1;
        if (guard.abandoned) scratch[TOLD + me] = 1;
        const inside = (at) => forms.filter((_, who) => scratch[at + who] === 1 && !isDead(who)).length;
        const alone = () => {
          const writers = inside(WRITES);
          const readers = inside(READS);
          if (side === 'write' ? writers + readers > 1 : writers > 0)
            throw new Error(`${side}: ${readers} read and ${writers} write`);
        };
        alone();
        if (form === 'dies') die();
        if (!lock[side].locked) throw new Error('held by nobody'); // shared steps in which others could come in
        alone();
        scratch[mine] = 0;
        guard.release();
        return { got: true };
      },
  ),
  create: ({ RwLock }, name) => RwLock.create(name, { participants: 5 }),
  attach: ({ RwLock }, name) => RwLock.attach(name),
  words: 4 * (96 + 32 * 5),
  // A writer watches the readers it waits for; a reader that has left and dies before it wakes it is none any more.
  sleepsAfter: () => 2,
  mayWaitForEver: ({ object, still, is }) =>
    still.some((who) => is(who, object.write.owner) || is(who, object.read.owner)) ||
    (still.length > 0 && object.read.locked),
  check({ object, values, dead, still, is, scratch }) {
    const forms = CASES[variant];
    const gone = (who) => dead.includes(who) || still.includes(who);
    values.forEach((value, who) => {
      if (/^(Sync|promise)$/.test(forms[who][1]) && !gone(who) && !value.got)
        throw new Error(`actor ${who} never got it`);
    });
    if (still.some((who) => is(who, object.write.owner) || is(who, object.read.owner))) return;
    const diedWriting = dead.some((who) => scratch[WRITES + who] === 1);
    const wrote = dead.some((who) => forms[who][0] === 'write');
    const told = scratch.subarray(TOLD, TOLD + 8).includes(1);
    if (told && !wrote) throw new Error('somebody was told of a death that there was not');
    const reader = object.read.tryAcquire();
    if (reader === undefined) throw new Error('nobody can read any more');
    const known = told || reader.abandoned;
    reader.release();
    const writer = object.write.tryAcquire();
    if (writer === undefined) throw new Error('nobody can write any more');
    if (writer.abandoned && !wrote) throw new Error('a newcomer was told of a death that there was not');
    if (diedWriting && !known && !writer.abandoned) throw new Error('a writer died, and nobody was told');
    writer.release();
  },
});
