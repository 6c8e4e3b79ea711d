// Deliberate faults in SharedMap and what it stands on: where, what is replaced by what, and which scenarios must notice.

const HEAP = 'collections/heap.js';
const LOG = 'collections/undo-log.js';
const STORE = 'collections/store.js';
const WRITER = 'collections/map-writer.js';
const READER = 'collections/map-reader.js';
const GROWTH = 'collections/map-growth.js';
const CORE = 'collections/map-core.js';
const L = 'store_layout_js_1';
const M = 'map_layout_js_1';
const SET = ['map|set a new key, get'];
const LARGER = ['map|set a larger value, get'];
const IN_PLACE = ['map|set in place, get', 'map|set in place, not aligned'];
const DELETE = ['map|delete, get', 'map|delete, set, of one chain'];
const TRANSACTION = ['map|transaction, getMany', 'map|transaction, set'];
const GROWS = ['map|the table grows, get', 'map|the table grows, delete'];
const CLEAR = ['map|clear, getMany', 'map|clear, set'];

export const MAP_MUTANTS = [
  {
    name: 'an allocated block: its last word is not noted',
    file: HEAP,
    find: 'this.#log.save(after - 1, 1);',
    replace: '',
    caughtBy: SET,
  },
  {
    name: 'a freed block: its last word is not noted',
    file: HEAP,
    find: `this.#log.save(first + units * ${L}.UNIT_WORDS - 1, 1);`,
    replace: '',
    caughtBy: [...DELETE, ...LARGER],
  },
  {
    name: 'how much is in use is not noted',
    file: HEAP,
    find: `this.#log.write(${L}.ROOT.HEAP_USED, memory[${L}.ROOT.HEAP_USED] + taken * ${L}.UNIT_WORDS);`,
    replace: `memory[${L}.ROOT.HEAP_USED] += taken * ${L}.UNIT_WORDS;`,
    caughtBy: SET,
  },
  {
    name: 'the end of a heap that grows is not noted',
    file: HEAP,
    find: `this.#log.write(${L}.ROOT.HEAP_END, end + bytes / 4);`,
    replace: `memory[${L}.ROOT.HEAP_END] = end + bytes / 4;`,
    caughtBy: ['map|the heap grows, get'],
  },
  {
    name: 'a heap that is emptied notes only its first words',
    file: HEAP,
    find: `log.save(this.start, first + ${L}.UNIT_WORDS + 3);`,
    replace: 'log.save(this.start, 3);',
    caughtBy: CLEAR,
  },
  {
    name: 'a word is changed before it is noted',
    file: LOG,
    find: `this.save(index, 1);
        this.#memory[index] = value;`,
    replace: `this.#memory[index] = value;
        this.save(index, 1);`,
    caughtBy: SET,
  },
  {
    name: 'a note is in force before it is written',
    file: LOG,
    find: 'let at = this.#start + length;',
    replace: `let at = this.#start + length;
        Atomics.store(this.#words, ${L}.STORE.LOG_LENGTH, after);`,
    caughtBy: [...SET, ...IN_PLACE],
  },
  {
    name: 'notes are put back in the order in which they were made',
    file: LOG,
    find: `memory.copyWithin(index, start + from, start + from + count);
            length = from;`,
    replace: `(this.notes ??= []).push([index, start + from, start + from + count]);
            length = from;
            if (length === 0) for (const note of this.notes.splice(0).reverse()) memory.copyWithin(...note);`,
    caughtBy: [...TRANSACTION, ...SET, ...GROWS],
  },
  {
    name: 'only the last note is put back',
    file: LOG,
    find: 'length = from;',
    replace: 'length = 0;',
    caughtBy: SET,
  },
  {
    name: 'putting back forgets the notes as it goes',
    file: LOG,
    find: 'length = from;',
    replace: `length = from;
            Atomics.store(this.#words, ${L}.STORE.LOG_LENGTH, 0);`,
    caughtBy: ['map|three: one dies before it commits a transaction, get, set'],
  },
  {
    name: 'whoever takes the lock over puts nothing back',
    file: STORE,
    find: `if (abandoned)
                this.#repair();`,
    replace: '',
    caughtBy: SET,
  },
  {
    name: 'whoever takes the lock over leaves readers locked out',
    file: STORE,
    find: 'this.sequences.closeAll();',
    replace: '',
    caughtBy: SET,
  },
  {
    name: 'readers are let in before what they see is put back',
    file: STORE,
    find: `if (this.log.dirty)
                this.log.rollback();`,
    replace: `this.sequences.closeAll();
            if (this.log.dirty)
                this.log.rollback();`,
    caughtBy: ['map|three: one dies before it commits a transaction, get, set', ...TRANSACTION],
  },
  {
    name: 'readers are let in before the change is made',
    file: STORE,
    find: `this.log.commit();
            this.sequences.close();`,
    replace: `this.sequences.close();
            this.log.commit();`,
    caughtBy: [...IN_PLACE, ...SET],
  },
  {
    name: 'a change is made before the old blocks are free',
    file: WRITER,
    find: 'this.#table.uncounted = 0;\n            for (const ref of this.#old)',
    replace:
      'this.#table.uncounted = 0;\n            store.log.commit();\n            for (const ref of this.#old)',
    caughtBy: LARGER,
  },
  {
    name: 'an old block is freed before the new one is allocated',
    file: WRITER,
    find: `const ref = heap.allocate(words);
        if (ref === 0)
            return this.#refuse(words * 4);`,
    replace: `const next = old !== 0 && memory[old + ${M}.ENTRY.NEXT];
        if (old !== 0) heap.free(old);
        const ref = heap.allocate(words);
        if (ref === 0)
            return this.#refuse(words * 4);
        if (old !== 0) {
            memory[ref + ${M}.ENTRY.NEXT] = next;
            old = 0;
        }`,
    caughtBy: [...LARGER, ...TRANSACTION],
  },
  {
    name: 'a value that is written over is not noted',
    file: WRITER,
    find: 'log.save(first, ((at + length + 3) >>> 2) - first);',
    replace: '',
    caughtBy: IN_PLACE,
  },
  {
    name: 'the last word of a value that is written over is not noted',
    file: WRITER,
    find: '((at + length + 3) >>> 2) - first',
    replace: '((at + length) >>> 2) - first || 1',
    caughtBy: ['map|set in place, not aligned'],
  },
  {
    name: 'readers are not told that an entry goes',
    file: WRITER,
    find: `this.#store.sequences.open(hash & (${M}.PARTS - 1));`,
    replace: '',
    caughtBy: DELETE,
  },
  {
    name: 'readers are not told that a value is written over',
    file: WRITER,
    find: `sequences.open(key.hash & (${M}.PARTS - 1));
        const first`,
    replace: 'const first',
    caughtBy: IN_PLACE,
  },
  {
    name: 'the time at which something expires is not kept',
    file: WRITER,
    find: `if (expiry >= this.#table.timeAt(${M}.MAP.NEXT_EXPIRY))`,
    replace: 'if (true)',
    caughtBy: ['map|set with a ttl, get'],
  },
  {
    name: 'the number of entries is not noted',
    file: WRITER,
    find: `store.log.write(${M}.MAP.COUNT, count);`,
    replace: `memory[${M}.MAP.COUNT] = count;`,
    caughtBy: SET,
  },
  {
    name: 'a reader does not look a second time',
    file: READER,
    find: `if (!sequences.unchanged(part, begun))
                continue;`,
    replace: '',
    caughtBy: [...IN_PLACE, ...DELETE],
  },
  {
    name: 'a reader of many looks at each by itself',
    file: READER,
    find: 'if (parts.every((part, n) => sequences.unchanged(part, begun[n])))',
    replace: 'if (true)',
    caughtBy: TRANSACTION,
  },
  {
    name: 'whoever iterates skips the second half of a chain that was divided',
    file: READER,
    find: 'const same = chain >= half || chain + half < chains ? 2 * half : half;',
    replace: 'const same = half;',
    caughtBy: ['map|the table grows, iterate'],
  },
  {
    name: 'a chain that is divided does not end',
    file: GROWTH,
    find: 'relink(here, 0);',
    replace: '',
    caughtBy: GROWS,
  },
  {
    name: 'readers are not told that a chain is divided',
    file: GROWTH,
    find: `sequences.open(from & (${M}.PARTS - 1));`,
    replace: '',
    caughtBy: GROWS,
  },
  {
    name: 'a change is told to nobody',
    file: CORE,
    find: `this.journal.note(map_journal_js_1.CHANGE.DELETE, key);
        }
        this.store.tell();`,
    replace: `this.journal.note(map_journal_js_1.CHANGE.DELETE, key);
        }`,
    caughtBy: ['map|changes, set'],
  },
  {
    name: 'who listens does not look after the dead',
    file: 'collections/map-journal.js',
    find: 'this.#store.mend();',
    replace: '',
    caughtBy: ['map|changes, set'],
  },
];
