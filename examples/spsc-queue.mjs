// Messages from one process to another, through the codec and in place. Run: node spsc-queue.mjs
// Or in two terminals, in any order: node spsc-queue.mjs produce, and node spsc-queue.mjs consume

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SpscQueue, unlink } from 'isthmus';

const NAME = 'example-queue';
const MESSAGES = 50_000;

async function produce() {
  const producer = SpscQueue.producer(NAME, { capacity: '256KB' });
  for (let id = 0; id < MESSAGES; id++) {
    // put waits when the queue is full; the event loop runs on.
    if (!producer.tryPut({ id, at: new Date() })) await producer.put({ id, at: new Date() });
  }

  // The last message is written straight into the ring.
  let room = producer.reserve(8);
  while (room === undefined) {
    await producer.flush(); // until everything was taken
    room = producer.reserve(8);
  }
  new DataView(room.buffer, room.byteOffset).setFloat64(0, Math.PI);
  producer.commit();

  producer.end();
  await producer.flush();
  producer.close();
}

async function consume() {
  const consumer = SpscQueue.consumer(NAME, { capacity: '256KB' });
  let next = 0;
  for await (const message of consumer) {
    if (message instanceof Uint8Array) {
      const number = new DataView(message.buffer, message.byteOffset).getFloat64(0);
      console.log(`after ${next} messages in order, 8 bytes: ${number}`);
    } else if (message.id !== next++) {
      throw new Error(`message ${message.id} came instead of ${next - 1}`);
    }
  }
  console.log('the producer has ended the queue');
  consumer.close();
  unlink(NAME);
}

const role = process.argv[2];
if (role !== 'consume') {
  if (role === 'produce') await produce();
  else spawn(process.execPath, [fileURLToPath(import.meta.url), 'produce'], { stdio: 'inherit' });
}
if (role !== 'produce') await consume();
