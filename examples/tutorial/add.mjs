// add.mjs (terminal 1, and again in terminal 2)
import { Lock, SharedArray, Value } from 'isthmus';

const lock = Lock.open('example-tutorial-lock');
const number = Value.open('example-tutorial-number', 'i32', { initial: 0 });
const numbers = SharedArray.open('example-tutorial-numbers', 'i32', [1, 2, 3]);
await lock.withLock(() => {
  for (let index = 0; index < numbers.length; index++) numbers.view[index] += 1;
  number.value += 1;
});
for (const handle of [lock, number, numbers]) handle.close();
