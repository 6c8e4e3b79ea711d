// What the scenarios of Queue keep beside it, in memory that is no step and outlives the dead: what was begun, what was
// acknowledged, who has what. And what must be true of the queue's own words whenever nobody is at work in it.

import { openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const LAYOUT = require('../../../dist/messages/queue-layout.js');
const { OWNER_MASK } = require('../../../dist/memory/roster-layout.js');
const { QUEUE, JOB, BLOCK } = LAYOUT;

/** A message: its number, plus 1, in every byte. Actor n's are 8 n, 8 n + 1, …; those that were there before it are 24, …. */
export const ACTORS_EACH = 8;
export const FILLED = 24;
const MOST = 32;
const PROBE = 99;
export const messageOf = (id, bytes) => new Uint8Array(bytes).fill(id + 1);

/** Every byte must be the same: a message that is torn is not. */
export function idOf(message) {
  if (message.length === 0 || message.some((byte) => byte !== message[0]))
    throw new Error(`a torn message: ${message}`);
  return message[0] - 1;
}

export const DOING = {
  NOTHING: 0,
  PUTTING: 1,
  GETTING: 2,
  GETTING_MANY: 3,
  TAKING: 4,
  FINISHING: 5,
  RETRYING: 6,
  JOINING: 7,
};

const AT_DOING = 40;
const AT_ENDED = 50;
/** Bits of a message's word. */
const BEGUN = 1;
const PUT = 2;
const REFUSED = 4;
const GOT = 1 << 4;
const DONE = 1 << 8;
const TAKES = 1 << 12;
const HELD = 1 << 16;
const field = (word, unit) => (word / unit) & 15;

export class Ledger {
  constructor(scratch) {
    this.scratch = scratch;
  }

  doing(who, what, about = 0) {
    this.scratch[AT_DOING + who] = what | (about << 8);
  }

  whatDoes(who) {
    const word = this.scratch[AT_DOING + who];
    return { what: word & 255, about: word >> 8 };
  }

  #note(id, what) {
    this.scratch[id] += what;
  }

  begun = (id) => this.#note(id, BEGUN);
  put = (id) => this.#note(id, PUT);
  refused = (id) => this.#note(id, REFUSED);
  got = (id) => this.#note(id, GOT);
  done = (id) => this.#note(id, DONE);
  isPut = (id) => (this.scratch[id] & PUT) !== 0;
  isGone = (id) => field(this.scratch[id], GOT) + field(this.scratch[id], DONE) > 0;
  takes = (id) => field(this.scratch[id], TAKES);
  holder = (id) => field(this.scratch[id], HELD) - 1;

  taken(id, who, attempt, isDead) {
    const holder = this.holder(id);
    if (holder >= 0 && !isDead(holder)) throw new Error(`actor ${who} took what actor ${holder} has`);
    if (attempt <= this.takes(id))
      throw new Error(`attempt ${attempt} after one that was number ${this.takes(id)}`);
    this.scratch[id] += TAKES * (attempt - this.takes(id));
    this.#hold(id, who + 1);
  }

  left = (id) => this.#hold(id, 0);

  #hold(id, who) {
    this.scratch[id] += HELD * (who - field(this.scratch[id], HELD));
  }

  /** Somebody has ended it. */
  ended() {
    this.scratch[AT_ENDED] = 1;
  }

  /** Those that were put, of `filled` beforehand. */
  known(filled) {
    for (let id = FILLED; id < FILLED + filled; id++) this.scratch[id] |= BEGUN | PUT;
    return Array.from({ length: MOST }, (_, id) => id).filter((id) => (this.scratch[id] & BEGUN) !== 0);
  }
}

/** The queue's own words, as they are. */
export class Inside {
  #fd;
  #header;

  constructor(isthmus, name) {
    this.#header = isthmus.inspect(name).header;
    this.#fd = openSync(`/dev/shm/${name}`, 'r');
  }

  #read(offset, count) {
    const words = new Int32Array(count);
    readSync(this.#fd, words, 0, 4 * count, offset);
    return words;
  }

  look({ capacity, maxJobs }) {
    const { wordsOffset, payloadOffset } = this.#header;
    const blocks = LAYOUT.blocksFor(capacity);
    return {
      blocks,
      words: this.#read(wordsOffset, QUEUE.JOBS + maxJobs * LAYOUT.JOB_WORDS),
      heads: this.#read(payloadOffset, blocks * LAYOUT.BLOCK_HEAD_WORDS),
      maxJobs,
    };
  }
}

const insides = new Map();
export function look(isthmus, name, shape) {
  let inside = insides.get(name);
  if (inside === undefined) {
    inside = new Inside(isthmus, name);
    insides.set(name, inside);
  }
  return inside.look(shape);
}

export const holderOf = ({ words }, lock) => words[lock] & OWNER_MASK;
export const jobsOf = ({ words, maxJobs }) =>
  Array.from({ length: maxJobs }, (_, n) => QUEUE.JOBS + n * LAYOUT.JOB_WORDS)
    .filter((at) => words[at + JOB.OWNER] !== 0)
    .map((at) => ({
      owner: words[at + JOB.OWNER],
      first: words[at + JOB.FIRST],
      attempt: words[at + JOB.ATTEMPT],
    }));

/** Every block is in the list or one of a job's, once. Only while nobody is at work in the queue, and all is repaired. */
export function checkBlocks(inside) {
  const { words, heads, blocks } = inside;
  const seen = new Map();
  const see = (block, where) => {
    if (!(block >= 0 && block < blocks))
      throw new Error(`the blocks: ${where} has block ${block} of ${blocks}`);
    if (seen.has(block)) throw new Error(`the blocks: ${block} is in ${seen.get(block)} and in ${where}`);
    seen.set(block, where);
  };
  const next = (block) => heads[block * LAYOUT.BLOCK_HEAD_WORDS + BLOCK.NEXT];
  const count = (block) =>
    Math.max(1, Math.ceil(heads[block * LAYOUT.BLOCK_HEAD_WORDS + BLOCK.LENGTH] / LAYOUT.BLOCK_BYTES));
  const head = words[QUEUE.HEADS + ((words[QUEUE.TAKEN] & LAYOUT.OTHER) >> 1)];
  const tail = words[QUEUE.TAILS + ((words[QUEUE.PUTS] & LAYOUT.OTHER) >> 1)];
  const end = words[QUEUE.FREE_END];
  const waiting = ((words[QUEUE.PUTS] & ~3) - (words[QUEUE.TAKEN] & ~3)) >> 2;
  let block = head;
  for (let message = 0; message < waiting; message++) {
    if (block === tail) throw new Error(`the blocks: ${waiting} messages wait, ${message} are in the list`);
    for (let left = count(block); left > 0; left--) {
      see(block, 'the messages');
      block = next(block);
    }
  }
  if (block !== tail) throw new Error(`the blocks: the messages end at ${block}, the tail is ${tail}`);
  for (; block !== end; block = next(block)) see(block, 'the free ones');
  see(end, 'the free ones');
  jobsOf(inside).forEach(({ first }, job) => {
    block = first;
    for (let left = count(block); left > 0; left--) {
      see(block, `job ${job}`);
      block = next(block);
    }
  });
  if (seen.size !== blocks) throw new Error(`the blocks: ${blocks - seen.size} of ${blocks} are lost`);
  if (words[QUEUE.INTENT_FIRST] !== LAYOUT.NO_BLOCK)
    throw new Error('the blocks: some are still to be freed');
}

/** True if whoever waits for this has to: nobody can tell it anything new. Called when all that live are asleep. */
export function rightlyWaits({ what, about }, { object, inside, still }) {
  const { words } = inside;
  if (still.length > 0 && (holderOf(inside, QUEUE.PUT_LOCK) !== 0 || holderOf(inside, QUEUE.GET_LOCK) !== 0))
    return true; // by a stopped one: whoever sleeps has none
  const ended = (words[QUEUE.PUTS] & LAYOUT.ENDED) !== 0;
  const waits = ((words[QUEUE.PUTS] & ~3) - (words[QUEUE.TAKEN] & ~3)) >> 2;
  const jobs = jobsOf(inside).filter(({ owner }) => owner !== LAYOUT.JOB_DONE);
  switch (what) {
    case DOING.GETTING:
    case DOING.GETTING_MANY:
    case DOING.TAKING:
      return object.size === 0 && (!ended || (still.length > 0 && jobs.length > 0));
    case DOING.PUTTING:
      return !ended && !object.tryPut(messageOf(PROBE, about));
    case DOING.JOINING:
      return waits > 0 || jobs.length > 0;
    default:
      return false;
  }
}

/** Every promise about the messages, and the blocks. Takes what is left out of the queue; how many that were. */
export function settle({ isthmus, object, name, scratch, dead, still, actors }, shape, filled) {
  const ledger = new Ledger(scratch);
  const known = ledger.known(filled);
  const gone = [...dead, ...still];
  const at = (what) => gone.filter((who) => what.includes(ledger.whatDoes(who).what));
  let inside = look(isthmus, name, shape);
  const stuck = still.length > 0 && holderOf(inside, QUEUE.GET_LOCK) !== 0;
  const ended = (inside.words[QUEUE.PUTS] & LAYOUT.ENDED) !== 0;

  if (scratch[AT_ENDED] === 1 && !ended) throw new Error('it was ended, and goes on');

  // ---- what is left
  const expected = known.filter(
    (id) => ledger.isPut(id) && !ledger.isGone(id) && ledger.holder(id) < 0,
  ).length;
  if (gone.length === 0 && object.size !== expected)
    throw new Error(`size is ${object.size}, ${expected} are left`);
  const drained = new Map();
  let size;
  while (!stuck) {
    const job = object.tryTake();
    if (size !== undefined && size !== (job === undefined ? 0 : object.size + 1))
      throw new Error(`size was ${size}, and then ${job ? 'one less' : 'nothing'} was not right`);
    if (job === undefined) break;
    const id = idOf(job.message);
    if (id !== PROBE) {
      if (drained.has(id)) throw new Error(`message ${id} is there twice`);
      const { attempt } = job;
      const least = ledger.takes(id) + 1;
      if (attempt < least || attempt > least + gone.length)
        throw new Error(`message ${id} is at attempt ${attempt}, not ${least}`);
      drained.set(id, attempt);
    }
    size = object.size;
    job.done();
  }

  // ---- each exactly once, but for what was in the hands of those who are gone
  let lost = 0;
  for (const id of known) {
    const word = scratch[id];
    const holder = ledger.holder(id);
    const held = holder >= 0 && !dead.includes(holder) ? 1 : 0;
    const times = field(word, GOT) + field(word, DONE) + (drained.has(id) ? 1 : 0) + held;
    if (times > 1) throw new Error(`message ${id} came ${times} times`);
    if ((word & REFUSED) !== 0 && times > 0) throw new Error(`message ${id} was refused, and came`);
    if ((word & PUT) === 0 || times === 1 || stuck) continue;
    const finished = gone.some((who) => {
      const { what, about } = ledger.whatDoes(who);
      return about === id && (what === DOING.FINISHING || (what === DOING.RETRYING && still.includes(who)));
    });
    if (!finished) lost++;
  }
  const stopped = still.filter((who) => ledger.whatDoes(who).what === DOING.TAKING);
  const most = at([DOING.GETTING_MANY]).length > 0 ? MOST : at([DOING.GETTING]).length + stopped.length;
  if (lost > most) throw new Error(`${lost} messages are lost`);
  if (stuck) return drained.size;

  // ---- the blocks
  inside = look(isthmus, name, shape);
  if (object.size !== 0) throw new Error(`size is ${object.size}, and nothing is left`);
  const jobs = jobsOf(inside).length;
  const all = Array.from({ length: actors }, (_, who) => who);
  const out = known.filter((id) =>
    all.some((who) => !dead.includes(who) && ledger.holder(id) === who),
  ).length;
  if (still.length === 0 && jobs !== out) throw new Error(`${jobs} jobs are out, ${out} should be`);
  if (!ended && jobs === 0 && holderOf(inside, QUEUE.PUT_LOCK) === 0) {
    if (object.isFull) throw new Error('it is full, and nothing is left');
    // Whatever was half done is repaired by who needs it: one that takes, or one that finds no room.
    if (!object.tryPut(messageOf(PROBE, shape.capacity - 8)))
      throw new Error('there is no room, and nothing is left');
    object.tryGet();
    inside = look(isthmus, name, shape);
  }
  // Where nothing can be put any more, nobody needs what is still to be freed.
  if (!ended || inside.words[QUEUE.INTENT_FIRST] === LAYOUT.NO_BLOCK) checkBlocks(inside);
  return drained.size;
}
