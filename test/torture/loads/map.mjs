// A map whose users are killed in the middle of transactions, and a cache that is full all the time. Money moves between
// accounts and never comes or goes; additions are counted in the ledger; values are whole. In each calm every block of both
// heaps is accounted for.

import { SharedMap } from 'isthmus';
import { checkMap } from '../../collections/heap-check.mjs';
import { messageOf, readMessage } from '../content.mjs';
import { check as demand } from '../ledger.mjs';

export const cast = ['actor', 'actor', 'actor', ['actor', 'actor']];

/** Kinds of operations. */
const [ADDED, MOVED] = [0, 1];
const ACCOUNTS = Array.from({ length: 60 }, (_, n) => `account ${n}`);
const EACH = 1000;
const NOTES = 400;

const BOOK = { maxBytes: '512KB' };
const CACHE = { maxBytes: '128KB', maxEntries: 300, evict: 'lru', ttl: 500 };

export function create({ name }) {
  const book = SharedMap.create(name('book'), BOOK);
  book.setMany(ACCOUNTS.map((account) => [account, EACH]));
  book.setMany([
    ['added', 0],
    ['moved', 0],
  ]);
  const cache = SharedMap.create(name('cache'), CACHE);
  return {
    book,
    cache,
    checks: 0,
    close() {
      book.close();
      cache.close();
    },
  };
}

export function actor({ name, row, random, life }) {
  const book = SharedMap.attach(name('book'));
  const cache = SharedMap.attach(name('cache'));
  let number = 0;
  const content = () => messageOf({ number: ++number, life, from: row.index }, 3000);
  const whole = (found) => found === undefined || readMessage(found);
  const note = () => `note ${random.below(NOTES)}`;
  const many = (most, step) => () => {
    for (let n = 1 + random.below(most); n > 0; n--) step();
  };
  /** No room: nothing has changed then. */
  const unlessFull = (change) => {
    try {
      change();
    } catch (error) {
      if (error.code !== 'ERR_ISTHMUS_FULL') throw error;
      for (let n = 0; n < 40; n++) book.delete(note());
    }
  };
  const move = (amount) => (tx) => {
    tx.add(random.pick(ACCOUNTS), -amount);
    tx.add(random.pick(ACCOUNTS), amount);
    tx.add('moved', 1);
    if (random.chance(0.5)) tx.set(note(), content());
    if (random.chance(0.5)) tx.delete(note());
  };
  const steps = {
    add: many(40, () => {
      row.begin(ADDED);
      book.add('added', 1);
      row.done(ADDED);
    }),
    'update, adds': many(10, () => {
      row.begin(ADDED);
      book.update('added', (n) => {
        for (let work = random.below(20_000); work > 0; work--); // time to die with the lock
        return n + 1;
      });
      row.done(ADDED);
    }),
    'compareAndSet, adds': many(5, () => {
      row.begin(ADDED);
      for (let now = book.get('added'); !book.compareAndSet('added', now, now + 1); now = book.get('added'));
      row.done(ADDED);
    }),
    transfer: many(20, () => {
      row.begin(MOVED);
      try {
        book.transaction(move(random.below(50)));
        row.done(MOVED);
      } catch (error) {
        if (error.code !== 'ERR_ISTHMUS_FULL') throw error;
        row.takeBack(MOVED);
        for (let n = 0; n < 40; n++) book.delete(note());
      }
    }),
    /** Long enough that many die in it. */
    'transfer among all': many(40, () => {
      row.begin(MOVED);
      try {
        book.transaction((tx) => {
          for (const account of ACCOUNTS) tx.add(account, -1);
          tx.add(random.pick(ACCOUNTS), ACCOUNTS.length);
          tx.add('moved', 1);
          for (let n = random.below(30); n > 0; n--) {
            if (random.chance(0.5)) tx.set(note(), content());
            else tx.delete(note());
          }
        });
        row.done(MOVED);
      } catch (error) {
        if (error.code !== 'ERR_ISTHMUS_FULL') throw error;
        row.takeBack(MOVED);
        for (let n = 0; n < 40; n++) book.delete(note());
      }
    }),
    'set, delete notes': many(30, () => {
      unlessFull(() => book.set(note(), content()));
      if (random.chance(0.4)) book.delete(note());
    }),
    'setMany, a pair': () => {
      const pair = content();
      unlessFull(() =>
        book.setMany([
          ['left', pair],
          ['right', pair],
        ]),
      );
    },
    'read all accounts': () => {
      const sum = book.getMany(ACCOUNTS).reduce((all, one) => all + one, 0);
      demand(sum === EACH * ACCOUNTS.length, () => `${sum} in all accounts`);
    },
    'read a pair': () => {
      const [left, right] = book.getMany(['left', 'right']);
      demand(left === right || left.equals(right), () => 'left and right are of two moments');
    },
    'read notes': many(20, () => void whole(book.get(note()))),
    iterate() {
      const seen = new Set();
      for (const [key, value] of book) {
        demand(!seen.has(key), () => `${key} came twice`);
        seen.add(key);
        if (key.startsWith('note')) whole(value);
      }
      for (const account of ACCOUNTS) demand(seen.has(account), () => `${account} did not come`);
    },
    async changes() {
      // Somebody adds, sooner or later; if not, this one does.
      const news = book.changes({ key: 'added', signal: AbortSignal.timeout(300) });
      try {
        const { value } = await news.next();
        demand(value <= book.get('added'), () => `told of ${value}`);
      } catch (error) {
        if (error.name !== 'TimeoutError' && error.name !== 'AbortError') throw error;
        return false;
      }
    },
    'cache, set': many(40, () => {
      const key = random.below(900);
      cache.set(key, content(), random.chance(0.3) ? { ttl: 1 + random.below(50) } : undefined);
    }),
    'cache, get': many(40, () => void whole(cache.get(random.below(900)))),
    'cache, compute': many(10, () => void whole(cache.getOrInsertComputed(random.below(900), content))),
    'cache, delete, touch, size': () => {
      cache.delete(random.below(900));
      cache.touch(random.below(900));
      demand(cache.size <= CACHE.maxEntries, () => `${cache.size} entries`);
      if (random.chance(0.02)) cache.clear();
    },
    'open and close': () => {
      const one = SharedMap.attach(name(random.pick(['book', 'cache'])));
      one.has('added');
      one.close();
    },
  };
  return {
    steps,
    close() {
      book.close();
      cache.close();
    },
  };
}

export function check({ name, ledger, books }) {
  const { book, cache } = books;
  // With the lock nothing changes, whoever goes on.
  book.transaction((tx) => {
    checkMap(name('book'), { lock: 'held' });
    const sum = ACCOUNTS.reduce((all, account) => all + tx.get(account), 0);
    demand(sum === EACH * ACCOUNTS.length, () => `${sum} in all accounts`);
    for (const [kind, key] of [
      [ADDED, 'added'],
      [MOVED, 'moved'],
    ]) {
      const least = ledger.least(kind);
      const count = tx.get(key);
      // Who is at work meanwhile has begun, or is about to note that it is done.
      demand(count <= ledger.most(kind), () => `${count} ${key}, begun ${ledger.most(kind)}`);
      demand(count >= least, () => `${count} ${key}, at least ${least}`);
    }
  });
  cache.transaction(() => checkMap(name('cache'), { lock: 'held' }));
  books.checks++;
}

export function counts({ ledger, books }) {
  const { book, cache } = books;
  return {
    operations: ledger.least(ADDED) + ledger.least(MOVED),
    'not finished': ledger.most(ADDED) + ledger.most(MOVED) - ledger.least(ADDED) - ledger.least(MOVED),
    'heap checks': books.checks,
    entries: book.size,
    evicted: cache.stats().evicted,
    expired: cache.stats().expired,
  };
}
