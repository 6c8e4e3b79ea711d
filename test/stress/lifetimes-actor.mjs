// node lifetimes-actor.mjs NAME ACTOR: opens, closes, unlinks and collects; compares what it has with what has the name.

import { setTimeout as sleep } from 'node:timers/promises';
import { collect, inspect, SharedArray, unlink, Value } from 'isthmus';
import { BOARD } from './lifetimes.mjs';
import { random } from './processes.mjs';

const [name, actor] = process.argv.slice(2);
const board = SharedArray.attach(`${name}-board`);
const at = (who, element) => BOARD.ACTORS + who * BOARD.EACH + element;
const count = (element) => board.add(at(Number(actor), element), 1);
const total = (element) => {
  let sum = 0;
  for (let who = 0; at(who, 0) < board.length; who++) sum += board.at(at(who, element));
  return sum;
};

/** Each object has a token of its own: the value that its creator gave it. */
const newToken = () => Math.floor(Math.random() * 2 ** 52);

async function have() {
  const finished = total(BOARD.FINISHED);
  const value = Value.open(name, 'f64', { lifetime: 'attached', initial: newToken(), participants: 8 });
  count(BOARD.OPENED);
  if (random(2) === 0) await sleep(random(3));
  try {
    const found = inspect(name);
    // We are attached: without an unlink in between, nobody may have removed or replaced what the name stands for.
    if (total(BOARD.BEGUN) === finished) {
      count(BOARD.CHECKED);
      // (It may be condemned for a moment, by somebody who then finds us.)
      if (found.contents.value !== value.value) count(BOARD.WRONG);
    }
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    if (total(BOARD.BEGUN) === finished) count(BOARD.WRONG);
  }
  if (random(100) === 0) process.exit(0); // a normal end
  value.close();
}

while (board.at(BOARD.STOP) === 0) {
  const what = random(40);
  if (what === 0) {
    count(BOARD.BEGUN);
    try {
      unlink(name);
    } catch (error) {
      if (error.code !== 'ENOENT' && error.code !== 'EBUSY') throw error;
    }
    count(BOARD.FINISHED);
  } else if (what < 8) {
    collect();
  } else {
    await have();
  }
}
board.close();
