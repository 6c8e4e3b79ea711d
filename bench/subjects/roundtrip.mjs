// There and back through two SpscQueues.

import { now, ready } from '../lib/actor.mjs';
import { SpscQueue } from '../lib/isthmus.mjs';
import { bytesOf } from '../lib/messages.mjs';

export async function echo({ name, form }) {
  const requests = SpscQueue.consumer(`${name}-there`);
  const answers = SpscQueue.producer(`${name}-back`);
  ready();
  if (form === 'sync') {
    for (let message = requests.getSync(); message !== undefined; message = requests.getSync())
      answers.putSync(message);
  } else {
    for await (const message of requests) await answers.put(message);
  }
  return {};
}

export async function roundTrip({ name, form, bytes, count, warm, pause }) {
  const requests = SpscQueue.producer(`${name}-there`);
  const answers = SpscQueue.consumer(`${name}-back`);
  const message = bytesOf(bytes);
  let busy = 0;
  ready();
  for (let n = 0; n < warm + count; n++) {
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    const began = now();
    if (form === 'sync') {
      requests.putSync(message);
      answers.getSync();
    } else {
      await requests.put(message);
      await answers.get();
    }
    if (n >= warm) busy += now() - began;
  }
  requests.end();
  return { ns: busy };
}
