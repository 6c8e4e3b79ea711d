// Deliberate faults in SharedStruct: where, what is replaced by what, and which scenarios must notice.

const TEXT = 'values/struct-text.js';
const READS = ['struct|one writes, one reads', 'struct|one writes much, one reads'];
const WRITES = ['struct|two write, one reads', 'struct|two write and read', 'struct|two write'];
const L = 'struct_layout_js_1';

export const STRUCT_MUTANTS = [
  {
    name: 'a text is written over the present one',
    file: TEXT,
    find: 'const other = (version & 1) ^ 1;',
    replace: 'const other = version & 1;',
    caughtBy: READS,
    stores: true,
  },
  {
    name: 'a text counts before it is written',
    file: TEXT,
    find: 'u8.set(encoded, copyAt(field, other));',
    replace: `Atomics.store(u32, word + ${L}.TEXT.VERSION, version + 1);
    u8.set(encoded, copyAt(field, other));`,
    caughtBy: READS,
    stores: true,
  },
  {
    name: 'whoever reads a text does not look whether it has changed meanwhile',
    file: TEXT,
    find: `if (Atomics.load(u32, word + ${L}.TEXT.VERSION) === version)`,
    replace: 'if (true)',
    caughtBy: READS,
    stores: true,
  },
  {
    name: 'texts are written without the lock',
    file: TEXT,
    find: 'this.#lock.enter();\n        let sound = false;',
    replace: 'let sound = false;',
    caughtBy: WRITES,
    stores: true,
  },
  {
    name: 'a text is published, but not in the version',
    file: TEXT,
    find: `Atomics.store(u32, word + ${L}.TEXT.VERSION, version + 1);`,
    replace: `Atomics.store(u32, word + ${L}.TEXT.VERSION, version ^ 1);`,
    caughtBy: READS,
    stores: true,
  },
];
