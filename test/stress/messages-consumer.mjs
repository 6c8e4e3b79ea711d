// node consumer.mjs NAME FORM COUNT CAPACITY
import { SpscQueue } from 'isthmus';
import { Messages } from './messages-content.mjs';

const [name, form, count, capacity] = process.argv.slice(2);
const consumer = SpscQueue.consumer(name, { capacity: Number(capacity) });
const messages = new Messages(consumer.capacity - 8);
let received = 0;

function take(message) {
  messages.next();
  messages.check(message);
  received++;
}

if (form === 'Sync') {
  for (let message = consumer.getSync(); message !== undefined; message = consumer.getSync()) take(message);
} else if (form === 'promise') {
  for await (const message of consumer) take(message);
} else {
  while (!consumer.ended) {
    const message = consumer.peek();
    if (message === undefined) {
      // Nothing there: wait for one the ordinary way.
      const next = consumer.getSync();
      if (next !== undefined) take(next);
      continue;
    }
    take(message);
    consumer.release();
  }
}
if (received !== Number(count)) throw new Error(`${received} of ${count} messages arrived`);
console.log(received);
consumer.close();
