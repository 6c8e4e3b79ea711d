// Deliberate faults: what it is, the load that must notice, the file, and what is replaced by what.

const LOCK = 'sync/robust-lock.js';
const CELLS = 'values/cells.js';
const READER = 'messages/ring-reader.js';
const WRITER = 'messages/ring-writer.js';
const CONSUMER = 'messages/spsc-consumer.js';
const REMOVAL = 'memory/removal.js';
const SEMAPHORE = 'sync/semaphore.js';
const POOL = 'sync/permit-words.js';
const RLOCK = 'sync/rlock.js';
const RWLOCK = 'sync/rw-words.js';
const EVENT = 'sync/event.js';
const CONDITION = 'sync/condition-words.js';
const BARRIER = 'sync/barrier-words.js';
const CORE = 'messages/queue-core.js';
const PUTS = 'messages/queue-puts.js';
const TAKES = 'messages/queue-takes.js';
const JOBS = 'messages/queue-jobs.js';
const STORE = 'collections/store.js';

export const FAULTS = [
  [
    'a lock that was abandoned says nothing',
    'lock',
    LOCK,
    'return held || (found & roster_layout_js_1.OWNER_ABANDONED) !== 0;',
    'return false;',
  ],
  [
    'a store instead of a compare-exchange takes the lock',
    'lock',
    LOCK,
    'if (Atomics.compareExchange(words, this.#index, found, this.#roster.owner | sleepers) !== found)\n                continue;',
    'Atomics.store(words, this.#index, this.#roster.owner | sleepers);',
  ],
  [
    'a holder that is stopped for 50 ms is taken for dead',
    'lock',
    LOCK,
    'if (held && !this.#roster.looksDead(found)) {',
    'if (this.seen !== found) { this.seen = found; this.since = (0, clock_js_1.now)(); }\n            if (held && !this.#roster.looksDead(found) && (0, clock_js_1.now)() - this.since < 50) {',
  ],
  [
    'a guard that is released leaves the lock taken',
    'lock',
    LOCK,
    'abandoned ? roster_layout_js_1.OWNER_ABANDONED : 0);',
    'abandoned ? roster_layout_js_1.OWNER_ABANDONED : Math.random() < 0.0001 ? this.#roster.owner : 0);',
  ],
  [
    'a float is added to with a store',
    'value',
    CELLS,
    'if (Atomics.compareExchange(this.#large, index, raw, bits64(after)) === raw)\n                    return before;',
    'Atomics.store(this.#large, index, bits64(after));\n                return before;',
  ],
  [
    'a 64-bit integer is added to with a store',
    'value',
    CELLS,
    'if (Atomics.compareExchange(this.view, index, before, after) === before)\n                return before;\n        }\n    }\n    bits(index, operation, operand) {\n        return Atomics[operation](this.view, index, this.check(operand));\n    }\n}\n/** Floats',
    'Atomics.store(this.view, index, after);\n            return before;\n        }\n    }\n    bits(index, operation, operand) {\n        return Atomics[operation](this.view, index, this.check(operand));\n    }\n}\n/** Floats',
  ],
  [
    'get gives the room back only at the next get',
    'spsc',
    CONSUMER,
    '    #takeOne() {',
    '    #takeOne() {\n        this.late?.();\n        this.late = undefined;\n        const { publish } = this.#ring;\n        this.#ring.publish = () => { this.late = () => publish.call(this.#ring); };\n        try { return this.takeNow(); } finally { delete this.#ring.publish; }\n    }\n    takeNow() {',
  ],
  [
    'a message is published before it is written',
    'spsc',
    WRITER,
    '        this.#frames[at] = length;\n',
    '        Atomics.exchange(this.#words, ring_layout_js_1.RING.TAIL, (this.#tail + ring_layout_js_1.FRAME_BYTES + ((length + 7) & ~7)) | 0);\n        for (let n = 0; n < 1000; n++) Atomics.load(this.#words, ring_layout_js_1.RING.TAIL);\n        this.#frames[at] = length;\n',
  ],
  [
    'a new producer begins where the consumer is',
    'spsc',
    WRITER,
    'this.#tail = Atomics.load(words, ring_layout_js_1.RING.TAIL)',
    'this.#tail = Atomics.load(words, ring_layout_js_1.RING.HEAD)',
  ],
  [
    'a new consumer begins where the producer is',
    'spsc',
    READER,
    'this.#head = Atomics.load(words, ring_layout_js_1.RING.HEAD)',
    'this.#head = Atomics.load(words, ring_layout_js_1.RING.TAIL)',
  ],
  [
    'a role is taken from the living, now and then',
    'spsc',
    'memory/roles.js',
    'if (holder !== 0 && !roster.isDead(found)) {',
    'if (holder !== 0 && !roster.isDead(found) && Math.random() < 0.95) {',
  ],
  ['an object is removed whoever is attached', 'lifetimes', REMOVAL, 'if (!anyone()) {', 'if (true) {'],
  [
    'a newcomer does not look whether the object is condemned',
    'lifetimes',
    REMOVAL,
    'return !isOpen(control) || !leadsTo(name, segment);',
    'return false;',
  ],
  [
    'collect finds no orphans',
    'lifetimes',
    'memory/collect.js',
    'return condemned || !anyone() ? anyone : undefined;',
    'return undefined;',
  ],
  [
    'one in 20 permits is taken and not handed out',
    'semaphore',
    SEMAPHORE,
    'if (this.#tryInTurn())\n            return;\n        try {\n            await',
    'if (this.#tryInTurn() && Math.random() > 0.05)\n            return;\n        try {\n            await',
  ],
  [
    'a permit that nobody wants any more is given back twice',
    'semaphore',
    SEMAPHORE,
    'this.#native.giveBack();',
    '{ this.#native.giveBack(); this.#native.post(1); }',
  ],
  [
    'one in 50 permits is kept when it is given back',
    'pool',
    POOL,
    'abandoned ? roster_layout_js_1.OWNER_ABANDONED : 0) !==',
    'abandoned ? roster_layout_js_1.OWNER_ABANDONED : Math.random() < 0.02 ? owner : 0) !==',
  ],
  [
    'a store instead of a compare-exchange takes a permit',
    'pool',
    POOL,
    'if (Atomics.compareExchange(this.#words, index, found, this.#roster.owner) !== found)\n                continue;',
    'for (let n = 0; n < 2000; n++) Atomics.load(this.#words, index);\n            Atomics.store(this.#words, index, this.#roster.owner);',
  ],
  [
    'permits of the dead stay taken',
    'pool',
    POOL,
    'if (held && !this.#roster.looksDead(found))',
    'if (held || (found & roster_layout_js_1.OWNER_ABANDONED) !== 0)',
  ],
  [
    'every flow of the holder may take the lock again',
    'rlock',
    RLOCK,
    'return (sync && lock.takenBySync) || (0, scope_js_1.isInside)(({ what }) => what === lock);',
    'return true;',
  ],
  [
    'the inner guard gives the lock back',
    'rlock',
    'sync/recursive-lock.js',
    'return this.depth > 0 ? this.#lock.heldHere : this.#lock.release(this.#abandoned);',
    'return this.#lock.heldHere ? this.#lock.release(this.#abandoned) : true;',
  ],
  [
    'a writer does not wait for the readers',
    'rwlock',
    RWLOCK,
    'if (this.#anyReader(ask))\n            return blocking_js_1.PENDING;',
    '',
  ],
  [
    'a reader does not look for a writer once more',
    'rwlock',
    RWLOCK,
    'readers.claim();\n',
    'readers.claim();\n        for (let n = 0; n < 2000; n++) Atomics.load(words, readers.mine);\n        Atomics.add(words, readers.mine, 1);\n        shared.reading++;\n        return Atomics.load(words, rwlock_layout_js_1.RWLOCK.DIRTY) !== 0;\n',
  ],
  [
    'a writer that died while it wrote is not told of',
    'rwlock',
    RWLOCK,
    'const abandoned = Atomics.exchange(words, rwlock_layout_js_1.RWLOCK.DIRTY, 1) !== 0;',
    'const abandoned = false;',
  ],
  [
    'set wakes nobody',
    'event',
    EVENT,
    'if ((found & event_layout_js_1.EVENT_ASLEEP) !== 0)\n                load_js_1.native.futexWake',
    'if (false)\n                load_js_1.native.futexWake',
  ],
  ['a call of set is not counted', 'event', EVENT, ' + event_layout_js_1.EVENT_CALL)', ')'],
  [
    'one in 10 notifications is lost',
    'condition',
    CONDITION,
    'while (done < n && this.#notifyOne())',
    'while (done < n && (Math.random() < 0.1 || this.#notifyOne()))',
  ],
  [
    'a round passes before the last one has come',
    'barrier',
    BARRIER,
    'const last = index + 1 === this.#count;',
    'const last = index + 2 === this.#count;',
  ],
  [
    'whoever gives up does not break the barrier',
    'barrier',
    BARRIER,
    "return outcome;\n            if (this.#step(state, { ...state, broken: true, asleep: false }))\n                return 'broken';",
    "return outcome;\n            return 'broken';",
  ],
  [
    'one in 2,000 jobs of the living goes to another',
    'queue-take',
    JOBS,
    '|| this.#roster.looksDead(owner);',
    '|| Math.random() < 0.0005 || this.#roster.looksDead(owner);',
  ],
  [
    'an attempt is not counted',
    'queue-take',
    JOBS,
    'this.#words[at + queue_layout_js_1.JOB.ATTEMPT] + 1;',
    'this.#words[at + queue_layout_js_1.JOB.ATTEMPT];',
  ],
  [
    'a job that is done leaves its room taken',
    'queue-take',
    TAKES,
    'jobs.drop(job);\n            this.#append(first, last);',
    'jobs.drop(job);\n            if (Math.random() > 0.01)\n                this.#append(first, last);',
  ],
  [
    'put returns before it is published',
    'queue-get',
    PUTS,
    'if (Atomics.compareExchange(this.#words, queue_layout_js_1.QUEUE.PUTS, puts, after) !== puts)',
    'if (Math.random() > 0.02 && Atomics.compareExchange(this.#words, queue_layout_js_1.QUEUE.PUTS, puts, after) !== puts)',
  ],
  [
    'two may get at a time',
    'queue-get',
    CORE,
    'const abandoned = lock.seize();',
    'const abandoned = Math.random() < 0.001 ? false : lock.seize();',
  ],
  [
    'what the dead left of a change of a map stays',
    'map',
    STORE,
    'if (abandoned)\n                this.#repair();',
    '',
  ],
  [
    'one in 20 changes of a map is made without its lock',
    'map',
    STORE,
    'locked(timeout, work) {\n        this.#enter(timeout);',
    'locked(timeout, work) {\n        if (Math.random() > 0.05) this.#enter(timeout);',
  ],
  [
    'a reader of a map does not look a second time',
    'map',
    'collections/map-reader.js',
    'if (!sequences.unchanged(part, begun))\n                continue;',
    '',
  ],
];
