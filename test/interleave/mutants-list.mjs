// Deliberate faults: where, what is replaced by what, and which scenarios must notice.

const WRITER = 'messages/ring-writer.js';
const READER = 'messages/ring-reader.js';
const LOCK = 'sync/robust-lock.js';
const SPSC = ['spsc|one fits: Sync, Sync', 'spsc|two fit: Sync, Sync', 'spsc|two fit: promise, promise'];
const LOCKS = ['lock|Sync, Sync', 'lock|Sync, promise', 'lock|Sync, Sync, Sync'];
const VALUES = [
  'value|Sync waits, one adds',
  'value|promise waits, one adds',
  'value|two wait, one adds twice',
];

export const MUTANTS = [
  // ---- the ring
  {
    name: 'the producer publishes before it has written',
    file: WRITER,
    find: '        this.#frames[at] = length;\n        this.#frames[at + 1] = type;\n        const tail = ',
    replace:
      '        Atomics.exchange(this.#words, ring_layout_js_1.RING.TAIL, (this.#tail + ring_layout_js_1.FRAME_BYTES + ((length + 7) & ~7)) | 0);\n        this.#frames[at] = length;\n        this.#frames[at + 1] = type;\n        const tail = ',
    caughtBy: SPSC,
    stores: true,
  },
  {
    name: 'the producer forgets to wake the consumer',
    file: WRITER,
    find: 'RingReader.arm (the flag tells us to wake).\n        const before = Atomics.exchange(this.#words, ring_layout_js_1.RING.TAIL, this.#tail);\n        if ((before & ring_layout_js_1.SLEEPS) !== 0)',
    replace:
      'RingReader.arm (the flag tells us to wake).\n        Atomics.exchange(this.#words, ring_layout_js_1.RING.TAIL, this.#tail);\n        if (false)',
    caughtBy: SPSC,
  },
  {
    name: 'the consumer forgets to wake the producer',
    file: READER,
    find: 'const before = Atomics.exchange(this.#words, ring_layout_js_1.RING.HEAD, this.#head);\n        if ((before & ring_layout_js_1.SLEEPS) !== 0)',
    replace: 'Atomics.exchange(this.#words, ring_layout_js_1.RING.HEAD, this.#head);\n        if (false)',
    caughtBy: SPSC,
  },
  {
    name: 'the end wakes nobody',
    file: WRITER,
    find: 'this.#tail | ring_layout_js_1.ENDED); // pairs with RingReader.#look and arm\n        if ((before & ring_layout_js_1.SLEEPS) !== 0)',
    replace:
      'this.#tail | ring_layout_js_1.ENDED); // pairs with RingReader.#look and arm\n        if (false)',
    caughtBy: SPSC,
  },
  {
    name: 'publishing is a store instead of an exchange with the flag',
    file: READER,
    find: 'const before = Atomics.exchange(this.#words, ring_layout_js_1.RING.HEAD, this.#head);',
    replace:
      'const before = Atomics.load(this.#words, ring_layout_js_1.RING.HEAD);\n        Atomics.store(this.#words, ring_layout_js_1.RING.HEAD, this.#head);',
    caughtBy: SPSC,
  },
  {
    name: 'the consumer announces its sleep with a plain store',
    file: READER,
    find: 'if (found !== expected && Atomics.compareExchange(words, ring_layout_js_1.RING.TAIL, found, expected) !== found)\n            return undefined;',
    replace: 'Atomics.store(words, ring_layout_js_1.RING.TAIL, expected);',
    caughtBy: SPSC,
  },
  {
    name: 'the producer announces its sleep with a plain store',
    file: WRITER,
    find: 'if (found !== expected && Atomics.compareExchange(words, ring_layout_js_1.RING.HEAD, found, expected) !== found)\n            return undefined;',
    replace: 'Atomics.store(words, ring_layout_js_1.RING.HEAD, expected);',
    caughtBy: SPSC,
  },
  {
    name: 'the producer counts room that is not there',
    file: WRITER,
    find: 'this.#head = head;\n        return this.capacity - used - ring_layout_js_1.FRAME_BYTES;',
    replace: 'this.#head = head;\n        return this.capacity - used;',
    caughtBy: ['spsc|two fit and leave a gap: Sync, Sync'],
  },
  {
    name: 'the consumer gives room back before it has copied',
    file: 'messages/spsc-consumer.js',
    find: 'this.#peeking = false; // where something was peeked at, it is taken now',
    replace: 'Atomics.exchange(this.segment.words, 32, Atomics.load(this.segment.words, 0) & ~7);',
    caughtBy: SPSC,
    stores: true,
  },
  {
    name: 'who comes does not introduce itself',
    file: WRITER,
    find: '(0, ring_sides_js_1.introduce)(this.#words, ring_layout_js_1.RING.TAIL);',
    replace: '',
    caughtBy: ['spsc|one fits: Sync, Sync', 'spsc|two fit: promise, promise'],
  },
  {
    name: 'who comes wakes, but leaves the word as it is',
    file: 'messages/ring-sides.js',
    find: 'Atomics.compareExchange(words, index, found, found & ~ring_layout_js_1.SLEEPS);',
    replace: '',
    caughtBy: ['spsc|one fits: Sync, Sync'],
  },
  {
    name: 'a full ring looks empty',
    file: READER,
    find: 'this.#tail = tail;\n        if (used',
    replace:
      'if (used === this.capacity)\n            return false;\n        this.#tail = tail;\n        if (used',
    caughtBy: ['edges|capacity 64, start 2^32 - 8'],
  },
  {
    name: 'a header alone is no message',
    file: READER,
    find: 'this.#tail = tail;\n        if (used',
    replace:
      'if (used === ring_layout_js_1.FRAME_BYTES)\n            return false;\n        this.#tail = tail;\n        if (used',
    caughtBy: ['edges|capacity 64, start 2^32 - 16'],
  },
  {
    name: 'close() leaves a pending get waiting',
    file: 'messages/spsc-consumer.js',
    find: 'this.#turns.failAll(() => (0, shared_object_js_1.closedError)(this.name));',
    replace: '',
    caughtBy: ['closing|a consumer, a get pending'],
  },
  // ---- peers
  {
    name: 'a role is taken without asking whether its holder lives',
    file: 'memory/roles.js',
    find: 'if (holder !== 0 && !roster.isDead(found)) {',
    replace: 'if (false) {',
    caughtBy: ['spsc|a producer is succeeded', 'spsc|a consumer is succeeded'],
  },
  {
    name: 'a role is claimed with a store',
    file: 'memory/roles.js',
    find: 'if (Atomics.compareExchange(words, index, found, roster.owner) === found) {',
    replace: 'Atomics.store(words, index, roster.owner); {',
    caughtBy: ['spsc|a producer is succeeded', 'spsc|a consumer is succeeded'],
  },
  {
    name: 'the death of the peer is an error before everything was delivered',
    file: 'messages/peer.js',
    find: 'const result = operation.attempt();',
    replace: 'if (died) this.#refuseDead(this.#found);\n                const result = operation.attempt();',
    caughtBy: ['spsc|two fit: Sync, Sync', 'spsc|two fit: promise, promise'],
  },
  {
    name: 'nobody asks whether the peer is dead',
    file: 'messages/peer.js',
    find: "died = (0, roles_js_1.roleState)(this.#found, this.#segment.roster) === 'died';",
    replace: 'died = false;',
    caughtBy: ['spsc|one fits: Sync, Sync'],
  },
  // ---- the lock
  {
    name: 'a release wakes nobody',
    file: LOCK,
    find: 'load_js_1.native.futexWake(this.#words, this.#index);\n            this.#holdOff.start();',
    replace: 'this.#holdOff.start();',
    caughtBy: LOCKS,
  },
  {
    name: 'the lock is taken with a store',
    file: LOCK,
    find: 'if (Atomics.compareExchange(words, this.#index, found, this.#roster.owner | sleepers) !== found)\n                continue;',
    replace: 'Atomics.store(words, this.#index, this.#roster.owner | sleepers);',
    caughtBy: LOCKS,
  },
  {
    name: 'the sleepers are forgotten when the lock is announced as awaited',
    file: LOCK,
    find: 'const expected = found | roster_layout_js_1.OWNER_SLEEPERS;',
    replace: 'const expected = found;',
    caughtBy: LOCKS,
  },
  {
    name: 'the sleepers are announced with a store',
    file: LOCK,
    find: 'if (found !== expected && Atomics.compareExchange(words, index, found, expected) !== found)\n            return undefined;',
    replace: 'Atomics.store(words, index, expected);',
    caughtBy: LOCKS,
  },
  {
    name: 'nobody is told that the holder died',
    file: LOCK,
    find: 'return held || (found & roster_layout_js_1.OWNER_ABANDONED) !== 0;',
    replace: 'return false;',
    caughtBy: ['lock-deaths|a holder dies, two sleep: Sync, Sync', 'lock|Sync, Sync'],
  },
  {
    name: 'sleepers do not watch the mark of the holder',
    file: 'memory/roster.js',
    find: 'pairs.push(this.#markIndex(slot), expected);',
    replace: ';',
    caughtBy: [...LOCKS, ...SPSC],
  },
  {
    name: 'a living holder is taken for dead',
    file: 'memory/roster.js',
    find: 'return ((this.#mark(slot) ?? 0) & roster_layout_js_1.MARK_DIED) !== 0;',
    replace: 'return true;',
    caughtBy: LOCKS,
  },
  {
    name: 'a release marks the lock as abandoned',
    file: LOCK,
    find: 'abandoned ? roster_layout_js_1.OWNER_ABANDONED : 0)',
    replace: 'roster_layout_js_1.OWNER_ABANDONED)',
    caughtBy: LOCKS,
  },
  {
    name: 'a stopped holder counts as dead after a second',
    file: LOCK,
    find: 'if (!this.#roster.isDead(found))\n            return false;',
    replace:
      'if (!this.#roster.isDead(found) && (this.asked = (this.asked ?? 0) + 1) < 3)\n            return false;',
    caughtBy: ['lock-deaths|a holder stops: Sync, promise'],
  },
  // ---- waiting
  {
    name: 'a Sync form does not look again after it has announced its sleep',
    file: 'waiting/sync.js',
    find: '        const point = operation.arm();\n        // Looked at again after the announcement: whoever changes the state from here on sees that somebody sleeps.\n        result = operation.attempt();\n        if (result !== blocking_js_1.PENDING)\n            return result;',
    replace:
      '        result = operation.attempt();\n        if (result !== blocking_js_1.PENDING)\n            return result;\n        const point = operation.arm();',
    caughtBy: VALUES,
  },
  {
    name: 'a promise form does not look again after it has announced its sleep',
    file: 'waiting/line.js',
    find: 'if (!this.#serve() && point !== undefined)\n                    return;',
    replace: 'if (point !== undefined)\n                    return;',
    caughtBy: VALUES,
  },
  {
    name: 'a writer of a value does not look whether somebody sleeps',
    file: 'waiting/sleep-word.js',
    find: 'return (found & ASLEEP) !== 0 && this.#wake();',
    replace: 'return false;',
    caughtBy: VALUES,
  },
  {
    name: 'a writer looks for sleepers before it stores',
    file: 'values/value.js',
    find: '        const before = this.#cells.add(0, amount, sign);\n        this.watch.changed();',
    replace: '        this.watch.changed();\n        const before = this.#cells.add(0, amount, sign);',
    caughtBy: VALUES,
  },
  {
    name: 'close() leaves a pending waitFor waiting',
    file: 'values/watched-object.js',
    find: 'this.watch.failAll(() => (0, shared_object_js_1.closedError)(this.name));',
    replace: '',
    caughtBy: ['closing|a value, a waitFor pending, another handle waits'],
  },
  {
    name: 'a store wakes nobody',
    file: 'values/value.js',
    find: 'this.#cells.store(0, this.#cells.check(value));\n        this.watch.changed();',
    replace: 'this.#cells.store(0, this.#cells.check(value));',
    caughtBy: ['value|Sync waits, one stores'],
  },
  {
    name: 'compareExchange wakes nobody',
    file: 'values/value.js',
    find: 'if (Object.is(before, wanted))\n            this.watch.changed();',
    replace: '',
    caughtBy: ['value|promise waits, one compares and exchanges'],
  },
  {
    name: 'a woken word keeps its old count',
    file: 'waiting/sleep-word.js',
    find: 'found, (found + 1) | 0) !== found)',
    replace: 'found, found) !== found)',
    caughtBy: [...VALUES, 'value|Sync waits for two who add'],
  },
  {
    name: 'an add is a load and a store',
    file: 'values/cells.js',
    find: 'const found = Atomics.compareExchange(view, index, before, after);',
    replace: 'Atomics.store(view, index, after);\n            const found = before;',
    caughtBy: ['value|Sync waits for two who add'],
  },
];
