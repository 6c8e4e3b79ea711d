// node streams-producer.mjs NAME FORM: goes on behind the last message whose put is known to have returned.

import { SharedArray, SpscQueue } from 'isthmus';
import { STREAM } from './streams.mjs';
import { messageOf } from './streams-content.mjs';

const [name, form] = process.argv.slice(2);
const producer = SpscQueue.producer(name, { peerDeath: 'wait' });
const notes = SharedArray.attach(`${name}-notes`);
// At least one: where the one before was killed between its put and its note, the consumer has a message that is
// not noted, and only the same one again brings the two counts together.
for (let number = notes.at(STREAM.PUT) + 1, stop = false; !stop; number++) {
  stop = notes.at(STREAM.STOP) !== 0;
  const message = messageOf(number);
  if (number % 3 === 0) {
    // In place, in pieces: a kill in between leaves nothing of it.
    let room = producer.reserve(message.length);
    for (; room === undefined; room = producer.reserve(message.length)) producer.flushSync();
    room.set(message.subarray(0, message.length >> 1));
    room.set(message.subarray(message.length >> 1), message.length >> 1);
    producer.commit();
  } else if (form === 'Sync') {
    producer.putSync(message);
  } else {
    await producer.put(message);
  }
  notes.set(STREAM.PUT, number);
}
producer.end();
producer.close();
notes.close();
