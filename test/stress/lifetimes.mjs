// Four processes open, close, unlink and collect one 'attached' name, and are killed at random moments, 200 times; now
// and then all stop. Never two live objects under the name, never an attachment to a condemned one, and never a leftover
// after the last collect, unfinished files of killed makers included.

import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { collect, SharedArray, unlink } from 'isthmus';
import { takeTurn } from '../processes/alone.mjs';
import { check, freshName, now, random, start } from './processes.mjs';

const ACTORS = 4;

/**
 * The board: each actor's own elements. BEGUN and FINISHED count its calls of unlink: while one is under way, the name
 * may lead to another object than the one that somebody has. WRONG: what it saw that must not be; 0: nothing.
 */
export const BOARD = { STOP: 0, ACTORS: 1, EACH: 5, BEGUN: 0, FINISHED: 1, CHECKED: 2, WRONG: 3, OPENED: 4 };
const LENGTH = BOARD.ACTORS + ACTORS * BOARD.EACH;

export async function run({ report, share }) {
  const kills = Math.round(200 * share);
  for (const disable of ['', 'o_tmpfile']) {
    const way = disable === '' ? '' : ', without O_TMPFILE';
    const endTurn = await takeTurn(); // its actors would sweep what tests look for
    await report(`${kills} kills around one 'attached' name${way}`, () => lifetimes(kills, disable));
    await endTurn();
  }
}

/** Files of objects in the making, and what is left of them when their maker was killed. */
const unfinished = () => readdirSync('/dev/shm').filter((file) => file.startsWith('.isthmus-'));

/** Collects until these files are gone: young ones are left alone for 10 s. */
async function sweep(files) {
  const left = () => files.filter((file) => existsSync(`/dev/shm/${file}`));
  for (const deadline = now() + 60_000; left().length > 0; await sleep(250)) {
    check(now() < deadline, `unfinished files that nobody sweeps: ${left().join(', ')}`);
    collect();
  }
}

async function lifetimes(kills, disable) {
  const before = new Set(unfinished());
  const name = freshName('lifetimes');
  const board = SharedArray.create(`${name}-board`, 'f64', LENGTH);
  const at = (actor, element) => BOARD.ACTORS + actor * BOARD.EACH + element;
  const sum = (element) =>
    Array.from({ length: ACTORS }, (_, n) => board.at(at(n, element))).reduce((a, b) => a + b);
  const begin = (actor) => {
    board.set(at(actor, BOARD.FINISHED), board.at(at(actor, BOARD.BEGUN))); // what a dead one had under way is over
    return start('lifetimes-actor.mjs', [name, actor], { ISTHMUS_DISABLE: disable });
  };
  let actors = Array.from({ length: ACTORS }, (_, n) => begin(n));
  try {
    // A slow machine compares less between two kills: then there are more of them, in rounds of 20.
    const enough = () => sum(BOARD.CHECKED) > 10 * kills;
    let last = kills;
    for (let n = 1; n <= last; n++) {
      if (n === last && !enough() && last < 20 * kills) last += 20;
      await sleep(50 + random(150));
      const actor = random(ACTORS);
      actors[actor].kill();
      await actors[actor].exited;
      check(
        sum(BOARD.WRONG) === 0,
        `an actor has another object than the one under the name (${sum(BOARD.WRONG)})`,
      );
      if (n % 20 !== 0 && n !== last) {
        actors = actors.map((one, which) => (one.gone() ? begin(which) : one)); // some have left by themselves
        continue;
      }
      // Half of the time everybody is killed, half of the time they leave.
      board.set(BOARD.STOP, 1);
      if (n % 40 === 0) for (const one of actors) one.kill();
      await Promise.all(actors.map((one) => one.exited));
      check(sum(BOARD.WRONG) === 0, 'an actor has another object than the one under the name');
      collect();
      check(!existsSync(`/dev/shm/${name}`), 'a leftover after the last collect');
      board.set(BOARD.STOP, 0);
      if (n !== last) actors = actors.map((_, one) => begin(one));
    }
    check(enough(), `only ${sum(BOARD.CHECKED)} attachments were compared with the name`);
    const made = unfinished().filter((file) => !before.has(file));
    await sweep(made);
    return `${sum(BOARD.OPENED)} opened, ${sum(BOARD.CHECKED)} compared, ${sum(BOARD.BEGUN)} unlinked, ${made.length} unfinished`;
  } finally {
    for (const one of actors) one.kill();
    await Promise.all(actors.map((one) => one.exited));
    board.close();
    for (const file of readdirSync('/dev/shm')) if (file.startsWith(name)) unlink(file);
  }
}
