// node producer.mjs NAME FORM COUNT CAPACITY
import { SpscQueue } from 'isthmus';
import { Messages } from './messages-content.mjs';

const [name, form, count, capacity] = process.argv.slice(2);
const producer = SpscQueue.producer(name, { capacity: Number(capacity) });
const messages = new Messages(producer.maxMessageBytes);

for (let n = 0; n < Number(count); n++) {
  messages.next();
  if (form === 'Sync') {
    producer.putSync(messages.bytes);
  } else if (form === 'promise') {
    await producer.put(messages.bytes);
  } else {
    let place = producer.reserve(messages.length);
    while (place === undefined) {
      producer.flushSync(); // the rare way out of a full queue
      place = producer.reserve(messages.length);
    }
    messages.copyTo(place);
    producer.commit();
  }
}
producer.end();
producer.flushSync();
producer.close();
