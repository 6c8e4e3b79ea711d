// total.mjs (terminal 3)
import { SharedArray, unlink, Value } from 'isthmus';

const number = Value.open('example-tutorial-number', 'i32', { initial: 0 });
const numbers = SharedArray.open('example-tutorial-numbers', 'i32', [1, 2, 3]);
await number.waitFor((n) => n === 2); // until both have added
console.log(number.value, [...numbers]); // 2 [ 3, 4, 5 ]
for (const handle of [number, numbers]) handle.close();
for (const name of ['lock', 'number', 'numbers']) unlink(`example-tutorial-${name}`);
