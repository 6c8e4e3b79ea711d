// node queue-producer.mjs NAME SEAT COUNT
import { Queue } from 'isthmus';
import { messageOf } from './queue-content.mjs';

const [name, ...numbers] = process.argv.slice(2);
const [seat, count] = numbers.map(Number);
const queue = Queue.attach(name);
const MANY = 16;

const put = [
  (message) => queue.putSync(message),
  (message) => queue.put(message),
  (message, number) =>
    number % 3 === 0 ? queue.put(message) : queue.tryPut(message) || queue.putSync(message),
][seat];

if (put !== undefined) {
  for (let number = 0; number < count; number++) {
    const waits = put(messageOf(seat, number), number);
    if (waits instanceof Promise) await waits;
  }
} else {
  for (let number = 0; number < count; number += MANY) {
    const many = Array.from({ length: Math.min(MANY, count - number) }, (_, n) =>
      messageOf(seat, number + n),
    );
    if (number % (2 * MANY) === 0) queue.putManySync(many);
    else await queue.putMany(many);
  }
}
queue.close();
