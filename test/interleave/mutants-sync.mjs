// Deliberate faults in the synchronisers beside Lock: where, what is replaced by what, and which scenarios must notice.

const POOL = 'sync/permit-words.js';
const RW = 'sync/rw-words.js';
const EVENT = 'sync/event.js';
const CONDITION = 'sync/condition-words.js';
const BARRIER = 'sync/barrier-words.js';
const POOLS = ['pool|one permit: Sync, Sync', 'pool|one permit: promise, promise'];
const RWLOCKS = ['rwlock|Sync reads, Sync writes', 'rwlock|promise reads, promise writes'];
const EVENTS = ['event|Sync waits, one sets', 'event|promise waits, one sets'];
const CONDITIONS = ['condition|Sync takes, one puts', 'condition|two take, one puts two'];
const BARRIERS = ['barrier|two, one round: Sync, Sync', 'barrier|two, two rounds: Sync, Sync'];

export const SYNC_MUTANTS = [
  {
    name: 'a permit is taken with a store',
    file: POOL,
    find: 'if (Atomics.compareExchange(this.#words, index, found, this.#roster.owner) !== found)\n                continue;',
    replace: 'Atomics.store(this.#words, index, this.#roster.owner);',
    caughtBy: POOLS,
  },
  {
    name: 'a permit is given back and nobody woken',
    file: POOL,
    find: 'if (this.#sleep.changed())',
    replace: 'if (false)',
    caughtBy: POOLS,
  },
  {
    name: 'nobody is told that the one with the permit died',
    file: POOL,
    find: 'return held || (found & roster_layout_js_1.OWNER_ABANDONED) !== 0;',
    replace: 'return true;',
    caughtBy: POOLS,
  },
  {
    name: 'who waits for a permit looks away while one is free',
    file: POOL,
    find: 'if (point === undefined || owners.has(0))',
    replace: 'owners.delete(0); if (point === undefined)',
    share: 1,
    caughtBy: ['pool|one permit, its holder dies: Sync, promise'],
  },
  {
    name: 'a writer does not wait for the readers',
    file: RW,
    find: 'if (this.#anyReader(ask))',
    replace: 'if (false)',
    caughtBy: RWLOCKS,
  },
  {
    name: 'a reader does not look for a writer again',
    file: RW,
    find: 'const mayGoOn = writer === 0 ||',
    replace: 'const mayGoOn = true ||',
    caughtBy: RWLOCKS,
  },
  {
    name: 'the last reader does not wake the writer',
    file: RW,
    find: 'if (Atomics.sub(this.words, this.readers.mine, 1) === 1)',
    replace: 'Atomics.sub(this.words, this.readers.mine, 1); if (false)',
    caughtBy: RWLOCKS,
  },
  {
    name: 'the count of a dead reader counts',
    file: RW,
    find: 'return !(ask ? readers.isDead(owner) : readers.looksDead(owner));',
    replace: 'return true;',
    caughtBy: ['rwlock|a reader dies, one writes, one reads'],
  },
  {
    name: 'nobody is told of a writer that died',
    file: RW,
    find: 'const abandoned = Atomics.load(words, rwlock_layout_js_1.RWLOCK.DIRTY) !== 0;',
    replace: 'Atomics.store(words, rwlock_layout_js_1.RWLOCK.DIRTY, 0); const abandoned = false;',
    caughtBy: ['rwlock|a writer dies, one reads, one writes'],
  },
  {
    name: 'set() wakes nobody',
    file: EVENT,
    find: 'if ((found & event_layout_js_1.EVENT_ASLEEP) !== 0)',
    replace: 'if (false)',
    caughtBy: EVENTS,
  },
  {
    name: 'set() does not count',
    file: EVENT,
    find: '+ event_layout_js_1.EVENT_CALL)',
    replace: ')',
    caughtBy: ['event|Sync waits, one sets and clears at once'],
  },
  {
    name: 'notify() wakes nobody',
    file: CONDITION,
    find: 'if ((count & condition_layout_js_1.WAITERS_ASLEEP) !== 0)',
    replace: 'if (false)',
    caughtBy: CONDITIONS,
  },
  {
    name: 'what a dead one was notified of is lost',
    file: CONDITION,
    find: 'ticket.orphan = this.#orphan() !== undefined;',
    replace: 'ticket.orphan = false;',
    caughtBy: ['condition|two take, one puts one'],
  },
  {
    name: 'the end of a round wakes nobody',
    file: BARRIER,
    find: 'if (from.asleep && !to.asleep)',
    replace: 'if (false)',
    caughtBy: BARRIERS,
  },
  {
    name: 'arriving is a load and a store',
    file: BARRIER,
    find: 'if (Atomics.compareExchange(this.#state, 0, before, pack(to)) !== before)\n            return false;',
    replace: 'Atomics.store(this.#state, 0, pack(to));',
    caughtBy: BARRIERS,
  },
  {
    name: 'a reset looks like a round that has passed',
    file: BARRIER,
    find: '(reset ? 1 : 0)',
    replace: '0',
    caughtBy: ['barrier|two, one resets'],
  },
  {
    name: 'a Sync wait for any does not look again before it sleeps',
    file: 'waiting/any-sync.js',
    find: 'somebody sleeps.\n        found = (0, waitable_js_1.readyAmong)(all);\n        if (found.length > 0)',
    replace: 'somebody sleeps.\n        if (false)',
    caughtBy: ['any|Sync waits, one adds'],
  },
  {
    name: 'a promise of any does not look again before it sleeps',
    file: 'waiting/any.js',
    find: 'if (this.#look() || !moved)',
    replace: 'if (!moved)',
    caughtBy: ['any|promise waits, one adds once'],
  },
  {
    name: 'a Sync wait for any sleeps on the first word only',
    file: 'waiting/any-sync.js',
    find: 'index, expected } of points)',
    replace: 'index, expected } of points.slice(0, 1))',
    caughtBy: ['any|Sync waits, one lets go'],
  },
  {
    name: 'a Sync wait for any watches no deaths',
    file: 'waiting/any-sync.js',
    find: 'if (marks !== undefined)\n            words.addMarks(marks);',
    replace: ';',
    caughtBy: ['any|Sync waits, one dies'],
  },
  {
    name: 'a promise of any sleeps on the word that it slept on before',
    file: 'waiting/any.js',
    find: 'wake() {\n        this.asleep = false;',
    replace: 'wake() {',
    caughtBy: ['any|promise waits, one touches and adds once'],
  },
];
