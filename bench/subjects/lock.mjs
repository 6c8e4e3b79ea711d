// Lock: alone, contended, and taken over.

import { now, pause, readLine, ready, say, timed, WARM } from '../lib/actor.mjs';
import { Lock, SharedArray } from '../lib/isthmus.mjs';

export function free({ name, form, count }) {
  const lock = Lock.open(name);
  ready();
  return timed(count, (times) => {
    if (form === 'try') for (let n = 0; n < times; n++) lock.tryAcquire().release();
    else for (let n = 0; n < times; n++) lock.acquireSync().release();
  });
}

/** Two words in the critical section: how often it was entered, and who was there last. */
export function contend({ name, seconds }) {
  const lock = Lock.open(name);
  return contended(
    name,
    seconds,
    () => lock.acquireSync(),
    (guard) => guard.release(),
  );
}

/** The same loop for every lock of Node's. */
export function contended(name, seconds, acquire, release) {
  const { view } = SharedArray.open(`${name}-room`, 'f64', 2);
  const found = { acquired: 0, handovers: 0, slowest: 0 };
  const round = () => {
    const held = acquire();
    view[0] += 1;
    if (view[1] !== process.pid) found.handovers++;
    view[1] = process.pid;
    release(held);
    found.acquired++;
  };
  for (const end = now() + 1e8; now() < end; ) round(); // V8 compiles on threads of its own, which want processors, too
  ready();
  for (const end = now() + seconds * 1e9 * WARM; now() < end; ) round(); // with the others, as it will be
  Object.assign(found, { acquired: 0, handovers: 0 });
  const began = now();
  const end = began + seconds * 1e9;
  for (let before = began; before < end; ) {
    round();
    const after = now();
    if (after - before > found.slowest) found.slowest = after - before;
    before = after;
  }
  return { ns: now() - began, ...found };
}

export function holder({ name, ballast }) {
  const lock = Lock.open(name);
  const ballasts = [];
  for (let left = ballast; left > 0; left -= 2 ** 28) ballasts.push(Buffer.alloc(Math.min(left, 2 ** 28), 1));
  say('PREPARED');
  readLine();
  const guard = lock.acquireSync();
  say('HELD');
  for (;;) pause(guard.held ? 1000 : ballasts.length);
}

export function waiter({ name }) {
  const lock = Lock.open(name);
  while (readLine() !== undefined) {
    say('WAITING');
    const guard = lock.acquireSync();
    const at = process.hrtime.bigint();
    say(`AT ${at} ${guard.abandoned ? 1 : 0}`);
    guard.release();
  }
}
