// producer.mjs (terminal 1)
import { Queue } from 'isthmus';

const queue = Queue.open('example-tutorial-items', { maxItems: 5 });
for (let item = 0; item < 20; item++) {
  if (queue.tryPut(item)) continue;
  console.log('full: item', item, 'waits for room');
  await queue.put(item);
}
await queue.put(null); // the end mark
console.log('the producer is done');
queue.close();
