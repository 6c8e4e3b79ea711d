// Deliberate faults in SharedList and what it stands on: where, what is replaced by what, and which scenarios must notice.

const WRITER = 'collections/list-writer.js';
const TRASH = 'collections/list-trash.js';
const READER = 'collections/list-reader.js';
const L = 'list_layout_js_1';
const stores = true;

export const SHARED_LIST_MUTANTS = [
  {
    name: 'a list: a splice does not tell readers that it begins',
    file: WRITER,
    find: 'sequences.open(0);\n            if (fresh === 0) {\n                const rest',
    replace: 'if (fresh === 0) {\n                const rest',
    caughtBy: ['list|splice, read', 'list|splice in place, read'],
    stores,
  },
  {
    name: 'a list: a value is changed in its place without telling readers',
    file: WRITER,
    find: 'this.#store.sequences.open(0);',
    replace: '',
    caughtBy: ['list|set, read'],
    stores,
  },
  {
    name: 'a list: a reader does not look whether anything changed',
    file: READER,
    find: 'if (!sequences.unchanged(0, begun))\n                continue;',
    replace: '',
    caughtBy: ['list|push, shift', 'list|set, read', 'list|splice, read'],
    stores,
  },
  {
    name: 'a list: moved references are not noted',
    file: WRITER,
    find: 'ring.save(start, remove + tail);',
    replace: '',
    caughtBy: ['list|splice in place, read', 'list|two splice'],
    stores,
  },
  {
    name: 'a list: the first value is not noted where it begins elsewhere',
    file: WRITER,
    find: `log.write(${L}.LIST.HEAD, `,
    replace: `memory[${L}.LIST.HEAD] = (`,
    caughtBy: ['list|push, shift', 'list|unshift, read'],
    stores,
  },
  {
    name: 'a list: a new ring is published without a note',
    file: WRITER,
    find: `this.#store.log.save(${L}.LIST.LENGTH, 4);`,
    replace: '',
    caughtBy: ['list|it grows', 'list|it shrinks'],
    stores,
  },
  {
    name: 'a list: the old ring is freed before its references are copied',
    file: WRITER,
    find: 'const old = ring.ref;\n            const tail',
    replace: 'const old = ring.ref;\n            heap.free(old);\n            const tail',
    caughtBy: ['list|it grows'],
    stores,
  },
  {
    name: 'a list: nobody frees what a dead one had yet to free',
    file: WRITER,
    find: 'this.#trash.empty(); // what somebody who died had yet to free\n        const { heap, sequences }',
    replace: 'const { heap, sequences }',
    first: true,
    caughtBy: ['list|both remove much'],
    stores,
  },
  {
    name: 'a list: how much trash is left is not part of the change',
    file: TRASH,
    find: `log.write(${L}.LIST.TRASH_LEFT, left - few);`,
    replace: `this.#memory[${L}.LIST.TRASH_LEFT] = left - few;`,
    caughtBy: ['list|it shrinks', 'list|splice, read'],
    stores,
  },
  {
    name: 'an undo log that is not put back',
    file: 'collections/store.js',
    find: 'if (this.log.dirty)\n                this.log.rollback();',
    replace: 'if (this.log.dirty)\n                this.log.commit();',
    caughtBy: ['list|push, shift'],
    stores,
  },
  {
    name: 'an undo log that counts none of its records',
    file: 'collections/undo-log.js',
    find: 'Atomics.store(this.#words, store_layout_js_1.STORE.LOG_LENGTH, after);',
    replace: 'Atomics.store(this.#words, store_layout_js_1.STORE.LOG_LENGTH, length);',
    caughtBy: ['list|push, shift'],
    stores,
  },
  {
    name: 'a heap: a freed block is not noted',
    file: 'collections/heap.js',
    find: 'this.#log.save(first, 3);\n        this.#log.save(first + units * store_layout_js_1.UNIT_WORDS - 1, 1);',
    replace: '',
    caughtBy: ['list|push, shift', 'list|push, pop, same end'],
    stores,
  },
];
