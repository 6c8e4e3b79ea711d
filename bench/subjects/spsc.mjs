// SpscQueue, one way, in its forms. Every message is looked at: its first and its last byte, or a field.

import { pause, ready, Stopwatch } from '../lib/actor.mjs';
import { SpscQueue } from '../lib/isthmus.mjs';
import { bytesOf, smallObject } from '../lib/messages.mjs';

const BATCH = 64;
/** reserve and peek do not wait: after so many looks the other side may need this very core, as in the C++ ring. */
const LOOKS = 1000;

export async function producer({ name, form, bytes, count, warm, capacity }) {
  const queue = SpscQueue.producer(name, { capacity });
  const message = bytesOf(bytes ?? 0);
  const total = warm + count;
  ready();
  if (form === 'sync') {
    for (let n = 0; n < total; n++) queue.putSync(message);
  } else if (form === 'promise') {
    for (let n = 0; n < total; n++) await queue.put(message);
  } else if (form === 'many') {
    const batch = Array.from({ length: BATCH }, () => message);
    for (let left = total; left > 0; left -= BATCH)
      queue.putManySync(left >= BATCH ? batch : batch.slice(0, left));
  } else if (form === 'place') {
    for (let n = 0; n < total; n++) {
      let place = queue.reserve(bytes);
      for (let looks = 1; place === undefined; place = queue.reserve(bytes)) if (looks++ > LOOKS) pause(0.05);
      place.set(message);
      queue.commit();
    }
  } else if (form === 'objects') {
    for (let n = 0; n < total; n++) queue.putSync(smallObject(n));
  } else {
    for (let n = 0; n < total; n++) await queue.put(smallObject(n));
  }
  queue.flushSync();
  return {};
}

export async function consumer({ name, form, count, warm, capacity }) {
  const queue = SpscQueue.consumer(name, { capacity });
  const watch = new Stopwatch({ count, warm });
  const look = (message) => message[0] + message[message.length - 1];
  let sum = 0;
  ready();
  if (form === 'sync') {
    do sum += look(queue.getSync());
    while (!watch.take());
  } else if (form === 'promise') {
    do sum += look(await queue.get());
    while (!watch.take());
  } else if (form === 'many') {
    for (let done = false; !done; ) {
      for (const message of queue.getManySync(BATCH)) {
        sum += look(message);
        done = watch.take();
      }
    }
  } else if (form === 'place') {
    do {
      let message = queue.peek();
      for (let looks = 1; message === undefined; message = queue.peek()) if (looks++ > LOOKS) pause(0.05);
      sum += look(message);
      queue.release();
    } while (!watch.take());
  } else if (form === 'objects') {
    do sum += queue.getSync().value;
    while (!watch.take());
  } else {
    do sum += (await queue.get()).value;
    while (!watch.take());
  }
  return { ...watch.result, sum };
}
