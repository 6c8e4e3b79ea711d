// consumer.mjs (terminal 2)
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, TimeoutError, unlink } from 'isthmus';

const queue = Queue.open('example-tutorial-items', { maxItems: 5 });
const items = [];
for (;;) {
  try {
    const item = await queue.get({ timeout: 100 });
    if (item === null) break;
    items.push(item);
    await sleep(10); // work
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    console.log('empty: no item for a tenth of a second');
  }
}
console.log(items.join()); // 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19
queue.close();
unlink('example-tutorial-items');
