// Writers change as those of load 'lock' do; readers compare the two numbers, twice. Whoever finds them different must
// have been told that a writer died.

import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { RwLock } from 'isthmus';
import { counts as accounts, changes, FREE, TOTAL } from '../accounts.mjs';
import { check as demand } from '../ledger.mjs';
import { aborting, unlessGivenUp } from '../waits.mjs';

export { check, mourn } from '../accounts.mjs';

export const cast = ['writer', 'reader', 'reader', ['writer', 'reader', 'reader']];

/** Own elements. READ: how often it has read; TORN: of these, what a dead writer had left half done. READS: it reads now. */
const READ = FREE;
const TORN = FREE + 1;
const READS = FREE + 2;
const TOGETHER = FREE + 3;

export function create({ name }) {
  const lock = RwLock.create(name('lock'));
  return { locks: [lock.write], close: () => lock.close() };
}

export function actor(context) {
  const { name, row } = context;
  let lock = RwLock.attach(name('lock'));
  row.own[READS] = 0;
  const again = () => {
    lock.close();
    lock = RwLock.attach(name('lock'));
  };
  const steps =
    context.role === 'writer' ? writing(context, () => lock, again) : reading(context, () => lock, again);
  return { steps, close: () => lock.close() };
}

const pause = (random) => (random.chance(0.2) ? sleep(random.below(4)) : turn());

/** All ways to one side of the lock. `atOnce` and `overTurns` are given the guard. */
function forms(random, side, atOnce, overTurns) {
  const within = () => ({ timeout: random.between(0, 8) });
  const unlessLate = async (acquire, how = atOnce) => {
    const guard = await unlessGivenUp(acquire);
    if (guard === false || guard === undefined) return false;
    await how(guard);
    guard.release();
  };
  return {
    withLockSync: () => side().withLockSync(atOnce),
    withLock: () => side().withLock(atOnce),
    'withLock over turns': () => side().withLock(overTurns),
    acquireSync: () => unlessLate(() => side().acquireSync()),
    acquire: () => unlessLate(() => side().acquire(), overTurns),
    'acquireSync, timeout': () => unlessLate(() => side().acquireSync(within())),
    'acquire, timeout': () => unlessLate(() => side().acquire(within()), overTurns),
    'acquire, abort': () => unlessLate(() => aborting(random, (signal) => side().acquire({ signal }))),
    tryAcquire: () => unlessLate(() => side().tryAcquire(), overTurns),
    'several at once': () => Promise.all([overTurns, atOnce, overTurns].map((how) => side().withLock(how))),
  };
}

function writing(context, lock, again) {
  const { random } = context;
  const { look, first, second, inside, giveUp } = changes(context, 0);
  const atOnce = (guard) => {
    look(guard);
    first();
    second();
  };
  const overTurns = async (guard) => {
    look(guard);
    first();
    await pause(random);
    second();
    if (random.chance(0.5)) await pause(random);
    inside();
  };
  return {
    ...forms(random, () => lock().write, atOnce, overTurns),
    'close while it writes': () => {
      if (random.chance(0.8)) return false;
      look(lock().write.acquireSync());
      giveUp();
      again();
    },
  };
}

function reading({ row, ledger, random }, lock, again) {
  const { common } = ledger;
  /** What there is to see, which nobody may change before `same`. */
  const see = ({ abandoned }) => {
    row.own[READS]++;
    const seen = [common[TOTAL], ledger.least(0)];
    const torn = seen[0] !== seen[1];
    demand(abandoned || !torn, () => `${seen[0]} counted, ${seen[1]} in the accounts, and nobody died`);
    if (torn) row.own[TORN]++;
    if (ledger.own(READS) > row.own[READS]) row.own[TOGETHER]++;
    return seen;
  };
  const same = (seen) => {
    const now = [common[TOTAL], ledger.least(0)];
    demand(now.join() === seen.join(), () => `${seen} while it was read became ${now}`);
    row.own[READS]--;
    row.own[READ]++;
  };
  const atOnce = (guard) => {
    const seen = see(guard);
    for (let work = random.below(2000); work > 0; work--) ledger.least(0);
    same(seen);
  };
  const overTurns = async (guard) => {
    const seen = see(guard);
    await pause(random);
    same(seen);
  };
  const read = () => lock().read;
  return {
    ...forms(random, read, atOnce, overTurns),
    'read while it reads': () =>
      read().withLock(async (guard) => {
        const seen = see(guard);
        await pause(random);
        await read().withLock(overTurns);
        read().withLockSync(atOnce);
        const code = await lock()
          .write.acquire()
          .catch((error) => error.code);
        demand(code === 'ERR_ISTHMUS_DEADLOCK', () => `asked to write while it reads, and got ${code}`);
        same(seen);
      }),
    'close while it reads': () => {
      if (random.chance(0.8)) return false;
      read().acquireSync();
      again(); // nobody is told, and writers get in
    },
  };
}

export function counts(context) {
  const { ledger } = context;
  return {
    ...accounts(context),
    reads: ledger.own(READ),
    'beside others': ledger.own(TOGETHER),
    'of what the dead had left': ledger.own(TORN),
  };
}
