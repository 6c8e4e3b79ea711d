// node streams-producer.mjs NAME FORM: goes on behind the last message whose put is known to have returned.

import { SharedArray, SpscQueue } from 'isthmus';
import { STREAM } from './streams.mjs';
import { messageOf } from './streams-content.mjs';

const [name, form] = process.argv.slice(2);
const producer = SpscQueue.producer(name, { peerDeath: 'wait' });
const notes = SharedArray.attach(`${name}-notes`);
for (let number = notes.at(STREAM.PUT) + 1; notes.at(STREAM.STOP) === 0; number++) {
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
