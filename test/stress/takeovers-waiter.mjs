// node takeovers-waiter.mjs NAME FORM: waits for the lock in every round, and writes down when it got it.

import { Lock, SharedArray, Value } from 'isthmus';
import { now } from './processes.mjs';
import { BOARD } from './takeovers.mjs';

const [name, form] = process.argv.slice(2);
const lock = Lock.attach(name);
const board = SharedArray.attach(`${name}-board`);
const round = Value.attach(`${name}-round`);
for (let last = 0; ; ) {
  last = round.waitForSync((now) => now !== last);
  if (last < 0) break;
  board.add(BOARD.WAITING, 1);
  const guard = form === 'Sync' ? lock.acquireSync() : await lock.acquire();
  const at = now();
  const second = board.at(BOARD.TURN) === 1;
  board.set(second ? BOARD.SECOND_AT : BOARD.FIRST_AT, at);
  board.set(second ? BOARD.SECOND_ABANDONED : BOARD.FIRST_ABANDONED, guard.abandoned ? 1 : 0);
  board.add(BOARD.TURN, 1);
  guard.release();
}
lock.close();
