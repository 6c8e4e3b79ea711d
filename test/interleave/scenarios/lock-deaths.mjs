// Lock: holders and sleepers that are killed, or stopped for ever, at the worst moments. Each variant strikes at its own
// moment in every schedule; then the machine strikes somebody else as well, at every step.

import { lockScenario, promise, sync } from './lock.mjs';

/** Killed while it holds the lock. */
const dies = { ...sync, inside: 'dies' };
/** Stopped while it holds the lock: everybody else waits, and nobody may conclude that it is dead. */
const stops = { ...sync, inside: 'stops' };
/** Killed before it wakes anybody for the first time: as it takes over from a dead one, or as it releases. */
const diesBeforeWaking = { ...sync, fate: { before: 'futexWake' } };
/** The same, stopped. */
const stopsBeforeWaking = { ...sync, fate: { before: 'futexWake', stop: true } };
/** Killed (stopped) as soon as it has been woken: what it was woken for it never does. */
const diesWhenWoken = { ...sync, fate: { before: 'woken' } };
const stopsWhenWoken = { ...sync, fate: { before: 'woken', stop: true } };
const promiseStopsWhenWoken = { ...promise, fate: { before: 'woken', stop: true } };

const ACTORS = {
  'a holder dies, two sleep: Sync, Sync': [dies, sync, sync],
  'a holder dies, two sleep: Sync, promise': [dies, sync, promise],
  'a holder dies, two sleep: promise, promise': [dies, promise, promise],
  'a holder dies, three sleep: Sync, Sync, promise': [dies, sync, sync, promise],
  'a holder dies, the sleeper just woken dies, one sleeps: Sync': [dies, diesWhenWoken, sync],
  'a holder dies, the sleeper just woken stops, one sleeps: Sync': [dies, stopsWhenWoken, sync],
  'a release, the sleeper just woken dies, one sleeps: promise': [sync, diesWhenWoken, promise],
  'a release, the sleeper just woken stops, one sleeps: Sync': [sync, stopsWhenWoken, sync],
  'a release, the sleeper just woken stops, one sleeps: promise': [sync, promiseStopsWhenWoken, promise],
  'a holder dies between releasing and waking: Sync, promise': [diesBeforeWaking, sync, promise],
  'a holder stops between releasing and waking: Sync, Sync': [stopsBeforeWaking, sync, sync],
  'the owner changes while one sleeps, both die: Sync': [dies, dies, sync],
  'the owner changes while one sleeps, both die: promise': [dies, dies, promise],
  'one takes over and dies before telling: Sync': [dies, diesBeforeWaking, sync],
  'one takes over and dies before telling: promise': [dies, diesBeforeWaking, promise],
  'a holder stops: Sync, promise': [stops, sync, promise],
};

export const variants = Object.fromEntries(
  Object.entries(ACTORS).map(([name, { length }]) => [
    name,
    length === 4
      ? { bound: 1, crashBound: 0, stopBound: 0, random: 500 }
      : { bound: 2, crashBound: 1, stopBound: 1, random: 500, most: 15_000, mostCrash: 100 },
  ]),
);

export default (variant) => lockScenario(variant, ACTORS[variant]);
