// node queue-consumer.mjs NAME SEAT COUNT
import { Queue, SharedMemory } from 'isthmus';
import { check, SEATS } from './queue-content.mjs';

const [name, ...numbers] = process.argv.slice(2);
const [seat, count] = numbers.map(Number);
const queue = Queue.attach(name);
const memory = SharedMemory.attach(`${name}-accounts`);
const accounts = new Uint8Array(memory.buffer);
const last = Array.from({ length: SEATS }, () => -1);
const MANY = 16;

function note(message) {
  const what = check(message);
  if (what === undefined) {
    // The first of some producer's: any that nobody has noted.
    const free = last.findIndex(
      (_, producer) => Atomics.compareExchange(accounts, producer * count, 0, 1) === 0,
    );
    if (free < 0) throw new Error('more messages without bytes than were put');
    return;
  }
  const { seat, number } = what;
  if (number <= last[seat]) throw new Error(`message ${number} of producer ${seat} came after ${last[seat]}`);
  last[seat] = number;
  if (Atomics.add(accounts, seat * count + number, 1) !== 0)
    throw new Error(`message ${number} of producer ${seat} came twice`);
}

function finish(job) {
  if (job.attempt !== 1) throw new Error(`attempt ${job.attempt}, and nobody died`);
  note(job.message);
  job.done();
}

if (seat === 0) {
  for (let message = queue.getSync(); message !== undefined; message = queue.getSync()) note(message);
} else if (seat === 1) {
  for (let job = await queue.take(); job !== undefined; job = await queue.take()) finish(job);
} else if (seat === 2) {
  for (let job = queue.takeSync(); job !== undefined; job = await queue.take()) {
    finish(job);
    const next = queue.tryTake() ?? queue.takeSync();
    if (next === undefined) break;
    finish(next);
  }
} else {
  for (let many = await queue.getMany(MANY); many.length > 0; many = await queue.getMany(MANY)) {
    for (const message of many) note(message);
    for (const message of queue.tryGetMany(MANY)) note(message);
  }
}
queue.close();
memory.close();
