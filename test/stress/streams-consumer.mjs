// node streams-consumer.mjs NAME FORM: looks at each message in place, notes it, and then consumes it.

import { setImmediate as turn } from 'node:timers/promises';
import { SharedArray, SpscQueue } from 'isthmus';
import { STREAM } from './streams.mjs';
import { numberOf } from './streams-content.mjs';

const [name, form] = process.argv.slice(2);
const consumer = SpscQueue.consumer(name, { peerDeath: 'wait' });
const notes = SharedArray.attach(`${name}-notes`);
let idle = 0;
while (!consumer.ended) {
  const message = consumer.peek();
  if (message === undefined) {
    if (form === 'promise' || ++idle % 64 === 0) await turn();
    continue;
  }
  const number = numberOf(message); // NaN for one that is torn
  const seen = notes.at(STREAM.SEEN);
  if (number === seen) notes.add(STREAM.AGAIN, 1);
  else if (number === seen + 1) notes.set(STREAM.SEEN, number);
  else {
    notes.set(STREAM.WRONG, Number.isNaN(number) ? -1 : number);
    throw new Error(`${number} came after ${seen}`);
  }
  consumer.release();
}
consumer.close();
notes.close();
