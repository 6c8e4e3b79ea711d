// Deliberate faults in Queue: where, what is replaced by what, and which scenarios must notice.

const CORE = 'messages/queue-core.js';
const PUTS = 'messages/queue-puts.js';
const TAKES_FILE = 'messages/queue-takes.js';
const JOBS = 'messages/queue-jobs.js';
const DO = 'messages/queue-operations.js';
const GETS = ['queue|put, get: Sync, Sync', 'queue|put, get: large, promise, Sync'];
const TAKES = ['queue|put, take: Sync, Sync', 'queue|retry, take'];
const ENDS = ['queue|end, put: Sync, Sync', 'queue|end, put: Sync, promise'];
const FULL = ['queue|full, put waits for get', 'queue|full, put waits for done: Sync, Sync'];
const L = 'queue_layout_js_1';
const PUBLISH = `if (Atomics.compareExchange(this.#words, ${L}.QUEUE.PUTS, puts, after) !== puts)
            return 0;`;
const TAIL = `this.#words[${L}.QUEUE.TAILS + (slot ^ 1)] = tail;`;
const COUNT = `const after = ((puts + done * ${L}.COUNT_STEP) ^ ${L}.OTHER) | 0;`;

export const QUEUE_MUTANTS = [
  {
    name: 'a message is written after it counts as put',
    file: PUTS,
    find: 'const after = this.#blocks.write(tail, end, bytes, start, to, type);',
    replace: `const after = this.#blocks.write(tail, end, new Uint8Array(to), start, to, type);
            if (after !== ${L}.NO_BLOCK) {
                this.#words[${L}.QUEUE.TAILS + (slot ^ 1)] = after;
                Atomics.store(this.#words, ${L}.QUEUE.PUTS, ((puts + ${L}.COUNT_STEP) ^ ${L}.OTHER) | 0);
                this.#blocks.write(tail, end, bytes, start, to, type);
                return 1;
            }`,
    caughtBy: GETS,
    stores: true,
  },
  {
    name: 'the tail is moved after the message counts as put',
    file: PUTS,
    find: `${TAIL}
        ${COUNT}
        // Publishes: pairs with QueueCore.puts. It fails if somebody has ended the queue meanwhile: then nothing was put.
        ${PUBLISH}`,
    replace: `${COUNT}
        ${PUBLISH}
        ${TAIL}`,
    caughtBy: GETS,
    stores: true,
  },
  {
    name: 'a message is put with a store',
    file: PUTS,
    find: PUBLISH,
    replace: `Atomics.store(this.#words, ${L}.QUEUE.PUTS, after);`,
    caughtBy: ENDS,
  },
  {
    name: 'the end is a store',
    file: CORE,
    find: `Atomics.or(this.words, ${L}.QUEUE.PUTS, ${L}.ENDED);`,
    replace: `Atomics.store(this.words, ${L}.QUEUE.PUTS, this.puts | ${L}.ENDED);`,
    caughtBy: ENDS,
  },
  {
    name: 'who puts does not wake who gets',
    file: PUTS,
    find: 'if (done > 0)\n            this.#arrived.changed();',
    replace: '',
    caughtBy: GETS,
  },
  {
    name: 'free blocks count before they are linked',
    file: TAKES_FILE,
    find: `this.#blocks.link(end, first);
        Atomics.store(this.#words, ${L}.QUEUE.FREE_END, last);`,
    replace: `Atomics.store(this.#words, ${L}.QUEUE.FREE_END, last);
        this.#blocks.link(end, first);`,
    caughtBy: ['queue|jobs out, blocks in another order'],
    stores: true,
  },
  {
    name: 'what is to be freed is forgotten before it is free',
    file: TAKES_FILE,
    find: `this.#publishTaken(taken, head, count);
        this.#append(first, last);
        this.#words[${L}.QUEUE.INTENT_FIRST] = ${L}.NO_BLOCK;`,
    replace: `this.#publishTaken(taken, head, count);
        this.#words[${L}.QUEUE.INTENT_FIRST] = ${L}.NO_BLOCK;
        this.#append(first, last);`,
    caughtBy: GETS,
  },
  {
    name: 'what is to be freed is noted after the message is taken',
    file: TAKES_FILE,
    find: `this.#words[${L}.QUEUE.INTENT_FIRST] = first;
        this.#publishTaken(taken, head, count);`,
    replace: `this.#publishTaken(taken, head, count);
        this.#words[${L}.QUEUE.INTENT_FIRST] = first;`,
    caughtBy: GETS,
    stores: true,
  },
  {
    name: 'whoever repairs frees nothing',
    file: TAKES_FILE,
    find: 'if (first !== head && jobs.withFirst(first) === undefined)',
    replace: 'if (false)',
    caughtBy: GETS,
  },
  {
    name: 'whoever repairs frees what was not taken',
    file: TAKES_FILE,
    find: 'if (first !== head && jobs.withFirst(first) === undefined)',
    replace: 'if (true)',
    caughtBy: GETS,
  },
  {
    name: 'whoever repairs leaves the job of a message that was not taken',
    file: TAKES_FILE,
    find: 'for (let job = jobs.withFirst(head); job !== undefined; job = jobs.withFirst(head))\n            jobs.drop(job);',
    replace: '',
    caughtBy: TAKES,
  },
  {
    name: 'whoever finds no room does not free what a dead one took',
    file: CORE,
    find: ` || Atomics.load(this.words, ${L}.QUEUE.INTENT_FIRST) !== ${L}.NO_BLOCK`,
    replace: '',
    caughtBy: FULL,
  },
  {
    name: 'a message counts as taken before it is a job',
    file: TAKES_FILE,
    find: `const job = jobs.add(first, taken & ~${L}.OTHER);`,
    replace: `this.#publishTaken(taken, blocks.after, 1);
        const job = jobs.add(first, taken & ~${L}.OTHER);
        if (job !== undefined)
            return { job, attempt: 1, message };`,
    caughtBy: TAKES,
  },
  {
    name: 'a job is above the top',
    file: JOBS,
    find: `Atomics.store(this.#words, ${L}.QUEUE.TOP, top + 1);`,
    replace: '{}',
    caughtBy: TAKES,
  },
  {
    name: 'a job that is taken again counts as the first',
    file: JOBS,
    find: `this.#words[at + ${L}.JOB.ATTEMPT] + 1`,
    replace: `this.#words[at + ${L}.JOB.ATTEMPT]`,
    caughtBy: TAKES,
  },
  {
    name: 'the job of a dead one is not back',
    file: JOBS,
    find: ' || this.#roster.looksDead(owner)',
    replace: '',
    caughtBy: ['queue|a taker dies, get', 'queue|a taker dies, take'],
  },
  {
    name: 'who waits does not watch those who have jobs',
    file: TAKES_FILE,
    find: 'return watched && { ...point, ...watched };',
    replace: 'return point;',
    caughtBy: ['queue|a taker dies, take', 'queue|a taker dies, get'],
  },
  {
    name: 'who falls asleep does not look whether something is there',
    file: TAKES_FILE,
    find: 'point === undefined || this.#core.size > 0 || this.#core.over',
    replace: 'point === undefined',
    caughtBy: ['queue|three: put, get, get'],
    share: 0.3,
  },
  {
    name: 'a job that is given back wakes nobody',
    file: TAKES_FILE,
    find: `leave(job, ${L}.JOB_RETURNED))
            return false;
        this.#arrived.changed();`,
    replace: `leave(job, ${L}.JOB_RETURNED))
            return false;`,
    caughtBy: ['queue|retry, take', 'queue|retry, get'],
  },
  {
    name: 'a job that was got is not done',
    file: TAKES_FILE,
    find: 'for (const job of back)\n            jobs.markDone(job);',
    replace: '',
    caughtBy: ['queue|retry, get'],
  },
  {
    name: 'the blocks of a job are free before it is none any more',
    file: TAKES_FILE,
    find: `jobs.drop(job);
            this.#append(first, last);`,
    replace: `this.#append(first, last);
            jobs.drop(job);`,
    caughtBy: [
      ...TAKES,
      'queue|jobs out, blocks in another order',
      'queue|full, put waits for done: Sync, Sync',
    ],
  },
  {
    name: 'room wakes nobody',
    file: CORE,
    find: 'freed() {\n        this.room.changed();',
    replace: 'freed() {',
    caughtBy: FULL,
  },
  {
    name: 'an attempt that told nothing lets who waits for room sleep',
    file: DO,
    find: 'this.#puts.disturbPuts();',
    replace: '{}',
    caughtBy: ['queue|three: full, get, put, put', 'queue|full, two put: Sync, promise', ...FULL],
  },
  {
    name: 'nobody is told that all is done',
    file: CORE,
    find: 'if (this.idle.marked && this.allDone)\n            this.idle.changed();',
    replace: '',
    caughtBy: ['queue|join, done: Sync', 'queue|join, get'],
  },
  {
    name: 'all is done while jobs are out',
    file: CORE,
    find: 'return !this.jobs.open && ',
    replace: 'return ',
    caughtBy: ['queue|join, done: Sync', 'queue|join, done: promise'],
  },
  {
    name: 'it is over while a job can come back',
    file: CORE,
    find: 'return !this.jobs.mayCome && ',
    replace: 'return ',
    caughtBy: ['queue|end, jobs: retry', 'queue|end, jobs: dies'],
  },
  {
    name: 'who is done does not tell those who wait for the job to come back',
    file: TAKES_FILE,
    find: 'if (this.#core.ended)\n            this.#arrived.changed();',
    replace: '',
    caughtBy: ['queue|end, jobs: done'],
  },
];
