// Queue: what was put comes once, from whomever to whomever, whoever is killed or stopped; no block is lost; nobody waits
// for what is there. The capacities are so small that blocks are used again at once, in other orders.

import {
  ACTORS_EACH,
  DOING,
  FILLED,
  idOf,
  Ledger,
  look,
  messageOf,
  rightlyWaits,
  settle,
} from './queue-ledger.mjs';

/** One block each; with a 2: two. */
const SMALL = 24;
const LARGE = 100;

const TINY = { capacity: 128 }; // three blocks: two messages of one, or one of two
const THREE = { capacity: 192 };

/** The queue, how many small messages are in it (a string: large ones), and what the actors do, one thing after the other. */
const CASES = {
  'put, get: Sync, Sync': [TINY, 0, ['put put put', 'get get get']],
  'put, get: promise, promise': [TINY, 0, ['putP putP putP', 'getP getP getP']],
  'put, get: large, Sync, promise': [TINY, 0, ['put2 put2', 'getP getP']],
  'put, get: large, promise, Sync': [TINY, 0, ['putP2 putP2', 'get get']],
  'put, put: Sync, promise': [THREE, 1, ['put', 'putP tryPut']],
  'get, get: Sync, promise': [THREE, 3, ['get tryGet', 'getP']],
  'put, take: Sync, Sync': [TINY, 0, ['put put put', 'take done take done take done']],
  'put, take: promise, promise': [TINY, 0, ['putP put2', 'takeP done takeP done']],
  'end, get: Sync, Sync': [TINY, 0, ['put end', 'getAll']],
  'end, get: promise, promise': [TINY, 1, ['putP end', 'getAllP']],
  'end, put: Sync, Sync': [TINY, 1, ['end', 'put put put']],
  'end, put: Sync, promise': [TINY, 1, ['end', 'putP putP putP']],
  'close, get': [TINY, 0, ['getClose', 'put']],
  'close with a job, take': [TINY, 1, ['take close', 'take done']],
  'full, put waits for get': [TINY, 2, ['putP put2', 'get get get']],
  'full, two put: Sync, promise': [TINY, 2, ['putP get', 'put get get']],
  'full, put waits for done: Sync, Sync': [TINY, '1', ['take done', 'put put']],
  'full, put waits for done: Sync, promise': [TINY, 2, ['take done take done', 'putP2']],
  'full, done while a put waits, get': [TINY, '1', ['take putDone', 'tryGet']],
  'retry, take': [TINY, 1, ['take retry', 'take done']],
  'retry, take, twice': [TINY, 1, ['takeP retry take done', 'put tryTake retry']],
  'retry, get': [TINY, 2, ['take retry', 'getP get']],
  'a taker dies, take': [TINY, 1, ['take die', 'take done']],
  'a taker dies, get': [TINY, 2, ['take die', 'getP getP']],
  'join, done: promise': [TINY, 2, ['joinP', 'take done take done']],
  'join, done: Sync': [TINY, 1, ['join', 'take retry takeP done']],
  'join, get': [TINY, 2, ['joinP', 'get getP']],
  'one item: Sync, Sync': [{ ...THREE, maxItems: 1 }, 0, ['put put put', 'get get get']],
  'one item: promise, take': [{ ...THREE, maxItems: 1 }, 1, ['putP putP', 'take done take takeP done']],
  'many: Sync, Sync': [TINY, 0, ['putMany', 'getMany']],
  'many: promise, promise': [THREE, 0, ['putManyP', 'getManyP']],
  'jobs out, blocks in another order': [THREE, 3, ['take get done put2 tryGet', 'take done putP']],
  timeouts: [TINY, 2, ['putT put', 'getT get']],
  'end, jobs: done': [TINY, 1, ['take end done', 'getAll']],
  'end, jobs: retry': [TINY, 2, ['take end retry', 'getAllP']],
  'end, jobs: dies': [TINY, 1, ['take end die', 'takeAll']],
  'three: put, put, get': [TINY, 0, ['put put', 'putP', 'get getP get']],
  'three: put, get, get': [TINY, 0, ['put putP', 'get', 'getP']],
  'three: put, take, get': [TINY, 0, ['put put', 'take retry', 'getP get']],
  'three: full, done, get, put': [TINY, '1', ['take done', 'tryGet tryGet', 'put2']],
  'three: full, done, take, put': [TINY, 2, ['take done', 'tryTake done', 'put2']],
  'three: full, get, put, put': [TINY, 2, ['get get', 'put', 'putP']],
  'three: a taker dies, get, take': [TINY, 1, ['take die', 'takeP retry', 'get']],
  'three: end, take, take': [TINY, 1, ['end', 'takeAll', 'takeAllP']],
  'three: retry, get, end': [TINY, 1, ['take retry', 'getAll', 'end getAll']],
  'three: join, take, take': [TINY, 2, ['joinP', 'take done', 'takeP retry take done']],
};

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, [, , { length }]]) => [
    name,
    length === 2
      ? { bound: 2, crashBound: 1, stopBound: 1, random: 500, most: 12_000, mostCrash: 80 }
      : { bound: 2, crashBound: 1, stopBound: 1, random: 1000, most: 10_000, mostCrash: 40 },
  ]),
);

const CLOSED = 'ERR_ISTHMUS_CLOSED';
const TIMEOUT = 'ERR_ISTHMUS_TIMEOUT';
const soon = { timeout: 5 };

/** One actor, doing one thing after the other. */
class Actor {
  handed = []; // [number of the message, attempt or 0]
  #next;

  constructor({ isthmus, name, me, scratch, isDead, die }, filled) {
    Object.assign(this, { me, isDead, die, filled });
    this.queue = isthmus.Queue.attach(name);
    this.ledger = new Ledger(scratch);
    this.#next = me * ACTORS_EACH;
  }

  /** `act`: puts the message with that number. False if it was refused. */
  async put(bytes, act) {
    const id = this.#next++;
    this.ledger.begun(id);
    this.ledger.doing(this.me, DOING.PUTTING, bytes);
    try {
      const done = await act(messageOf(id, bytes));
      (done === false ? this.ledger.refused : this.ledger.put)(id);
    } catch (error) {
      if (error.code !== CLOSED && error.code !== TIMEOUT) throw error;
      this.ledger.refused(id);
    }
  }

  putSync(bytes, act) {
    const id = this.#next++;
    this.ledger.begun(id);
    this.ledger.doing(this.me, DOING.PUTTING, bytes);
    try {
      const done = act(messageOf(id, bytes));
      (done === false ? this.ledger.refused : this.ledger.put)(id);
    } catch (error) {
      if (error.code !== CLOSED && error.code !== TIMEOUT) throw error;
      this.ledger.refused(id);
    }
  }

  /** What there is when nothing comes: the end. */
  nothing() {
    if (!this.queue.ended) throw new Error('nothing came, and it has not ended');
  }

  /** Several at once: two small ones and a large one. */
  beginMany() {
    const sizes = [SMALL, SMALL, LARGE];
    const ids = sizes.map(() => this.#next++);
    for (const id of ids) this.ledger.begun(id);
    this.ledger.doing(this.me, DOING.PUTTING, LARGE);
    return {
      messages: ids.map((id, n) => messageOf(id, sizes[n])),
      done: () => ids.forEach(this.ledger.put),
    };
  }

  begin = (what) => this.ledger.doing(this.me, what);

  got(message) {
    if (message === undefined) return false;
    const id = idOf(message);
    this.ledger.got(id);
    this.handed.push([id, 0]);
    return true;
  }

  gotMany(messages) {
    for (const message of messages) this.got(message);
    return messages.length;
  }

  took(job) {
    this.job = job;
    if (job === undefined) return false;
    const id = idOf(job.message);
    this.ledger.taken(id, this.me, job.attempt, this.isDead);
    this.handed.push([id, job.attempt]);
    return true;
  }

  leave(as) {
    if (this.job === undefined) return;
    const id = idOf(this.job.message);
    this.ledger.left(id);
    this.ledger.doing(this.me, as === 'done' ? DOING.FINISHING : DOING.RETRYING, id);
    this.job[as]();
    if (as === 'done') this.ledger.done(id);
    this.job = undefined;
  }

  /** What was there when it began must be gone when it ends, or be what somebody is at. */
  beginJoin(actors) {
    const { ledger } = this;
    const there = ledger.known(this.filled).filter((id) => ledger.isPut(id));
    this.begin(DOING.JOINING);
    return () => {
      const left = there.filter((id) => !ledger.isGone(id));
      const taking = [DOING.GETTING, DOING.GETTING_MANY, DOING.FINISHING];
      const at = Array.from({ length: actors }, (_, who) => ledger.whatDoes(who).what);
      const held = left.filter((id) => ledger.holder(id) >= 0 && !this.isDead(ledger.holder(id)));
      if (held.length > 0) throw new Error(`join came to its end, and ${held} are out`);
      if (left.length > at.filter((what) => taking.includes(what)).length)
        throw new Error(`join came to its end, and ${left} are not done`);
    };
  }
}

const DO = {
  put: (a) => a.putSync(SMALL, (message) => a.queue.putSync(message)),
  put2: (a) => a.putSync(LARGE, (message) => a.queue.putSync(message)),
  putP: (a) => a.put(SMALL, (message) => a.queue.put(message)),
  putP2: (a) => a.put(LARGE, (message) => a.queue.put(message)),
  putT: (a) => a.putSync(SMALL, (message) => a.queue.putSync(message, soon)),
  tryPut: (a) => a.putSync(SMALL, (message) => a.queue.tryPut(message)),
  putMany(a) {
    const { messages, done } = a.beginMany();
    a.queue.putManySync(messages);
    done();
  },
  async putManyP(a) {
    const { messages, done } = a.beginMany();
    await a.queue.putMany(messages);
    done();
  },
  get(a) {
    a.begin(DOING.GETTING);
    if (!a.got(a.queue.getSync())) a.nothing();
  },
  async getP(a) {
    a.begin(DOING.GETTING);
    if (!a.got(await a.queue.get())) a.nothing();
  },
  getT(a) {
    a.begin(DOING.GETTING);
    try {
      a.got(a.queue.getSync(soon));
    } catch (error) {
      if (error.code !== TIMEOUT) throw error;
    }
  },
  tryGet(a) {
    a.begin(DOING.GETTING);
    a.got(a.queue.tryGet());
  },
  getAll(a) {
    do a.begin(DOING.GETTING);
    while (a.got(a.queue.getSync()));
  },
  async getAllP(a) {
    do a.begin(DOING.GETTING);
    while (a.got(await a.queue.get()));
  },
  /** As many as putMany puts. */
  getMany(a) {
    for (let count = 0; count < 3; ) {
      a.begin(DOING.GETTING_MANY);
      count += a.gotMany(a.queue.getManySync());
    }
  },
  async getManyP(a) {
    for (let count = 0; count < 3; ) {
      a.begin(DOING.GETTING_MANY);
      count += a.gotMany(await a.queue.getMany(2));
    }
  },
  /** Changes its mind, and gets it otherwise. */
  async getClose(a) {
    a.begin(DOING.GETTING);
    const another = a.isthmus.Queue.attach(a.name);
    const getting = another.get();
    getting.catch(() => {}); // killed in between
    another.close();
    try {
      a.got(await getting);
    } catch (error) {
      if (error.code !== CLOSED) throw error;
      a.got(a.queue.getSync());
    }
  },
  take(a) {
    a.begin(DOING.TAKING);
    if (!a.took(a.queue.takeSync())) a.nothing();
  },
  async takeP(a) {
    a.begin(DOING.TAKING);
    if (!a.took(await a.queue.take())) a.nothing();
  },
  tryTake(a) {
    a.begin(DOING.TAKING);
    a.took(a.queue.tryTake());
  },
  takeAll(a) {
    for (;;) {
      a.begin(DOING.TAKING);
      if (!a.took(a.queue.takeSync())) return;
      a.leave('done');
    }
  },
  async takeAllP(a) {
    for (;;) {
      a.begin(DOING.TAKING);
      if (!a.took(await a.queue.take())) return;
      a.leave('done');
    }
  },
  /** Has what is in its own way. */
  async putDone(a) {
    const putting = a.put(LARGE, (message) => a.queue.put(message));
    putting.catch(() => {}); // killed in between
    a.leave('done');
    a.ledger.doing(a.me, DOING.PUTTING, LARGE);
    await putting;
  },
  done: (a) => a.leave('done'),
  retry: (a) => a.leave('retry'),
  die: (a) => a.die(),
  end(a) {
    a.queue.end();
    a.ledger.ended();
  },
  close(a) {
    if (a.job !== undefined) {
      const id = idOf(a.job.message);
      a.ledger.left(id);
      a.ledger.doing(a.me, DOING.RETRYING, id);
    }
    a.queue.close();
  },
  join(a) {
    const check = a.beginJoin(a.actors);
    a.queue.joinSync();
    check();
  },
  async joinP(a) {
    const check = a.beginJoin(a.actors);
    await a.queue.join();
    check();
  },
};

export default (variant) => {
  const [options, filled, lists] = CASES[variant];
  const shape = { maxJobs: 4, ...options };
  const count = Number(filled);
  const taking = lists.some((list) => /take|retry|die/.test(list));
  const finish = (context) => settle({ ...context, actors: lists.length }, shape, count);
  return {
    actors: lists.map((list) => async (context) => {
      const actor = new Actor(context, count);
      actor.isthmus = context.isthmus;
      actor.name = context.name;
      actor.actors = lists.length;
      for (const what of list.split(' ')) {
        const result = DO[what](actor);
        if (result instanceof Promise) await result;
        actor.ledger.doing(context.me, DOING.NOTHING);
      }
      return { handed: actor.handed };
    }),
    create({ Queue }, name) {
      const queue = Queue.create(name, { participants: 5, codec: 'raw', ...shape });
      for (let n = 0; n < count; n++)
        queue.putSync(messageOf(FILLED + n, typeof filled === 'string' ? LARGE : SMALL));
      return queue;
    },
    attach: ({ Queue }, name) => Queue.attach(name),
    words: 1024 + 16 * shape.maxJobs,
    limit: 8000,
    // Nobody watches one that was about to wake others, or who gets, while others wait for room: those look after a second.
    sleepsAfter: () => 3,
    // Also where nobody is gone: for what another one took, or has not put.
    mayWaitForEver(context) {
      const { isthmus, object, name, scratch, dead, still } = context;
      const ledger = new Ledger(scratch);
      const inside = look(isthmus, name, shape);
      const rightly = lists.every((_, who) => {
        if (dead.includes(who) || still.includes(who)) return true;
        const doing = ledger.whatDoes(who);
        return doing.what === DOING.NOTHING || rightlyWaits(doing, { object, inside, still });
      });
      if (rightly) finish(context);
      return rightly;
    },
    check(context) {
      const left = finish(context);
      if (left > 0 && context.gone === undefined && lists.some((list) => list.includes('All')))
        throw new Error(`somebody got all until the end, and ${left} are left`);
      for (const value of context.values) if (value?.handed !== undefined) inOrder(value.handed, taking);
    },
  };
};

/** Of each producer in its order; but what came back comes first. */
function inOrder(handed, taking) {
  const last = new Map();
  for (const [id, attempt] of handed) {
    if (taking && attempt !== 1) continue;
    const producer = Math.floor(id / ACTORS_EACH);
    if (id < (last.get(producer) ?? -1)) throw new Error(`out of order: ${JSON.stringify(handed)}`);
    last.set(producer, id);
  }
}
