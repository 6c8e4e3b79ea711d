// worker_threads' postMessage: threads of one process, so a little less than what the others do.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { now, ready, Stopwatch, say } from '../lib/actor.mjs';
import { bytesOf, smallObject } from '../lib/messages.mjs';

const SELF = fileURLToPath(import.meta.url);
/** postMessage has no back-pressure: so many messages may be under way, and so many are acknowledged at a time. */
const WINDOW = 4096;
const STEP = 1024;

export async function oneWay({ form, bytes, count, warm }) {
  const worker = new Worker(SELF, { workerData: { role: 'consumer', form, count, warm } });
  await once(worker, 'message');
  const message = bytesOf(bytes ?? 0);
  const window = Math.max(4, Math.min(WINDOW, 2 ** 24 / (bytes ?? 64)));
  let taken = 0;
  let wake = () => undefined;
  worker.on('message', (sofar) => {
    taken = sofar;
    wake();
  });
  ready();
  for (let n = 0; n < warm + count; n++) {
    while (n - taken >= window)
      await new Promise((resolve) => {
        wake = resolve;
      });
    worker.postMessage(form === 'objects' ? smallObject(n) : message);
  }
  await once(worker, 'exit');
}

function consumer({ form, count, warm }) {
  const watch = new Stopwatch({ count, warm });
  const port = parentPort;
  let sum = 0;
  let taken = 0;
  port.on('message', (message) => {
    sum += form === 'objects' ? message.value : message[0] + message[message.length - 1];
    const step = form !== 'objects' && message.length > 4096 ? 1 : STEP;
    if (++taken % step === 0) port.postMessage(taken);
    if (!watch.take()) return;
    say(JSON.stringify({ ...watch.result, sum }));
    process.exit();
  });
  port.postMessage('ready');
}

export async function roundTrip({ bytes, count, warm, pause }) {
  const worker = new Worker(SELF, { workerData: { role: 'echo' } });
  await once(worker, 'message');
  const message = bytesOf(bytes).toString('latin1');
  ready();
  let busy = 0;
  for (let n = 0; n < warm + count; n++) {
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    const began = now();
    const answer = once(worker, 'message');
    worker.postMessage(message);
    await answer;
    if (n >= warm) busy += now() - began;
  }
  worker.terminate();
  return { ns: busy };
}

function echo() {
  parentPort.on('message', (message) => parentPort.postMessage(message));
  parentPort.postMessage('ready');
}

if (!isMainThread && workerData?.role !== undefined) {
  if (workerData.role === 'consumer') consumer(workerData);
  else echo();
}
