// Queue: some producers, as many consumers.

import { ready, Stopwatch } from '../lib/actor.mjs';
import { Queue } from '../lib/isthmus.mjs';
import { bytesOf } from '../lib/messages.mjs';

export async function producer({ name, bytes, count, warm, form }) {
  const queue = Queue.open(name);
  const message = bytesOf(bytes);
  ready();
  if (form === 'promise') for (let n = 0; n < warm + count; n++) await queue.put(message);
  else if (form === 'many') {
    const batch = Array.from({ length: 64 }, () => message);
    for (let left = warm + count; left > 0; left -= 64)
      queue.putManySync(left >= 64 ? batch : batch.slice(0, left));
  } else for (let n = 0; n < warm + count; n++) queue.putSync(message);
  return {};
}

export async function consumer({ name, count, warm, form }) {
  const queue = Queue.open(name);
  const watch = new Stopwatch({ count, warm });
  let sum = 0;
  let left = warm + count; // each consumer takes its share and no more
  ready();
  if (form === 'many') {
    for (let done = false; !done; ) {
      for (const message of queue.getManySync(Math.min(64, left))) {
        sum += message[0];
        left--;
        done = watch.take();
      }
    }
  } else {
    do {
      const message = form === 'promise' ? await queue.get() : queue.getSync();
      sum += message[0] + message[message.length - 1];
    } while (!watch.take());
  }
  return { ...watch.result, sum };
}
