// Many waits at once: how long it takes to wake one of them, and what they cost while nothing happens.

import { now, pause, ready } from '../lib/actor.mjs';
import { Event, SharedArray } from '../lib/isthmus.mjs';

const nameOf = (name, index) => `${name}-${index}`;

/** Waits for `waits` events at once, and for each again as soon as it was set; counts them where the other side sees it. */
export async function sleeper({ name, waits }) {
  const board = SharedArray.open(`${name}-board`, 'i32', 2);
  const events = Array.from({ length: waits }, (_, index) =>
    Event.open(nameOf(name, index), { participants: 4 }),
  );
  const waitFor = async (event) => {
    for (;;) {
      await event.wait();
      event.clear();
      board.add(0, 1);
    }
  };
  for (const event of events) waitFor(event);
  await new Promise((resolve) => setTimeout(resolve, 50)); // the waiter has them all
  ready();
  board.set(1, 1); // the event loop runs again from here
  await new Promise(() => undefined);
}

/** Sets one of them, at random, when the other process has fallen asleep; looks until it has woken up. */
export function waker({ name, waits, count, warm }) {
  const board = SharedArray.open(`${name}-board`, 'i32', 2);
  const some = Math.min(waits, 64);
  const events = Array.from({ length: some }, (_, index) =>
    Event.open(nameOf(name, Math.floor((index * waits) / some)), { participants: 4 }),
  );
  ready();
  while (board.at(1) === 0) pause(1);
  let ns = 0;
  let slowest = 0;
  for (let n = 0; n < warm + count; n++) {
    pause(5);
    const event = events[(n * 7919) % some];
    const before = board.at(0);
    const began = now();
    event.set();
    while (board.at(0) === before);
    const took = now() - began;
    if (n < warm) continue;
    ns += took;
    slowest = Math.max(slowest, took);
  }
  return { ns, slowest };
}

/** CPU time while `waits` waits are pending and nothing happens. 0 waits: a process with a timer far away. */
export async function idle({ name, waits, seconds }) {
  const events = Array.from({ length: waits }, (_, index) =>
    Event.open(nameOf(name, index), { participants: 4 }),
  );
  const keep = setTimeout(() => undefined, 1e8);
  for (const event of events) event.wait();
  ready();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = process.cpuUsage();
  const began = now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { user, system } = process.cpuUsage(before);
  clearTimeout(keep);
  return { cpu: (user + system) * 1000, ns: now() - began };
}
