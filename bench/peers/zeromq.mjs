// zeromq.js over ipc://: push and pull one way, pair for round trips.

import { Pair, Pull, Push } from 'zeromq';
import { now, ready, Stopwatch } from '../lib/actor.mjs';
import { bytesOf, smallObject } from '../lib/messages.mjs';

export async function producer({ path, form, bytes, count, warm }) {
  const socket = new Push();
  await socket.bind(`ipc://${path}`);
  const message = bytesOf(bytes ?? 0);
  ready();
  for (let n = 0; n < warm + count; n++)
    await socket.send(form === 'objects' ? JSON.stringify(smallObject(n)) : message);
  // What is still in its queues would be lost: it stays until it is ended.
  setTimeout(() => socket.close(), 1e8);
}

export async function consumer({ path, form, count, warm }) {
  const socket = new Pull();
  socket.connect(`ipc://${path}`);
  const watch = new Stopwatch({ count, warm });
  let sum = 0;
  ready();
  for await (const [message] of socket) {
    sum +=
      form === 'objects' ? JSON.parse(message.toString()).value : message[0] + message[message.length - 1];
    if (watch.take()) break;
  }
  return { ...watch.result, sum };
}

export async function echo({ path }) {
  const socket = new Pair();
  await socket.bind(`ipc://${path}`);
  ready();
  for await (const [message] of socket) await socket.send(message);
}

export async function roundTrip({ path, bytes, count, warm, pause }) {
  const socket = new Pair();
  socket.connect(`ipc://${path}`);
  const message = bytesOf(bytes);
  ready();
  let busy = 0;
  for (let n = 0; n < warm + count; n++) {
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    const began = now();
    await socket.send(message);
    await socket.receive();
    if (n >= warm) busy += now() - began;
  }
  return { ns: busy };
}
