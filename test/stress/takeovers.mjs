// 1,000 holders of a lock are killed, with death marks and without. Of two processes that wait, one in the Sync form and
// one in the promise form, each gets the lock in turn, and the first is told that it was abandoned.

import { Lock, SharedArray, unlink, Value } from 'isthmus';
import { check, figures, freshName, now, start, until } from './processes.mjs';

export async function run({ report, share }) {
  for (const disable of ['', 'death_marks']) {
    const way = disable === '' ? 'with marks' : 'without marks';
    for (const [kills, megabytes] of [
      [900, 0],
      [100, 1000],
    ]) {
      const rounds = Math.round(kills * share);
      if (rounds === 0) continue;
      const size = megabytes === 0 ? '60 MB' : '1 GB';
      await report(`${rounds} killed holders of ${size}, ${way}`, () =>
        takeovers(rounds, megabytes, disable),
      );
    }
  }
}

/** Elements of the shared board: what the waiters write down. */
export const BOARD = {
  ROUND: 0,
  WAITING: 1,
  FIRST_AT: 2,
  FIRST_ABANDONED: 3,
  SECOND_AT: 4,
  SECOND_ABANDONED: 5,
  TURN: 6,
  LENGTH: 7,
};

async function takeovers(rounds, megabytes, disable) {
  const name = freshName('takeovers');
  const names = [name, `${name}-board`, `${name}-round`, `${name}-hold`];
  const lock = Lock.create(names[0]);
  const board = SharedArray.create(names[1], 'f64', BOARD.LENGTH);
  const round = Value.create(names[2], 'i32'); // the waiters start at each new one; -1: the end
  const holding = Value.create(names[3], 'i32'); // the pid of the process that may take, then holds, the lock
  const env = { ISTHMUS_DISABLE: disable };
  const waiters = ['Sync', 'promise'].map((form) => start('takeovers-waiter.mjs', [name, form], env));
  const times = [];
  const newHolder = () => start('takeovers-holder.mjs', [name, megabytes], env);
  let next = newHolder();
  try {
    for (let n = 1; n <= rounds; n++) {
      const holder = next;
      next = newHolder(); // gets ready meanwhile
      holding.value = holder.pid;
      await until('the holder holds', () => lock.owner?.pid === holder.pid);
      for (let index = BOARD.WAITING; index <= BOARD.TURN; index++) board.set(index, 0);
      round.value = n;
      await until('both wait', () => board.at(BOARD.WAITING) === 2);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4)); // spinning, or asleep already
      const killedAt = now();
      holder.kill();
      await until('both got it', () => board.at(BOARD.TURN) === 2);
      times.push(board.at(BOARD.FIRST_AT) - killedAt);
      check(board.at(BOARD.FIRST_ABANDONED) === 1, `round ${n}: the first was not told`);
      check(board.at(BOARD.SECOND_ABANDONED) === 0, `round ${n}: the second was told, too`);
      await holder.exited;
    }
    round.value = -1;
    for (const waiter of waiters) await waiter.done();
    check(!lock.locked, 'it stayed locked');
  } finally {
    next.kill();
    for (const waiter of waiters) waiter.kill();
    for (const one of [lock, board, round, holding]) one.close();
    for (const one of names) unlink(one);
  }
  return figures(times);
}
