// child_process.send, json and advanced: the parent sends, its child receives.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { now, ready, Stopwatch, say } from '../lib/actor.mjs';
import { bytesOf, smallObject } from '../lib/messages.mjs';

const SELF = fileURLToPath(import.meta.url);

function child(role, serialization, parameters) {
  return fork(SELF, [role, JSON.stringify(parameters)], { serialization, stdio: 'inherit' });
}

export async function oneWay(parameters) {
  const { serialization, form, bytes, count, warm } = parameters;
  const other = child('consumer', serialization, { form, count, warm });
  await once(other, 'message');
  const message = bytesOf(bytes ?? 0);
  // JSON cannot carry bytes: base64 is what one does.
  const make =
    form === 'objects'
      ? smallObject
      : serialization === 'json'
        ? () => message.toString('base64')
        : () => message;
  ready();
  // false means that the channel is backed up: then wait until the next message has gone out.
  for (let n = 0, free = true; n < warm + count; n++) {
    if (free) free = other.send(make(n));
    else {
      await new Promise((resolve) => other.send(make(n), resolve));
      free = true;
    }
  }
  await once(other, 'exit');
}

/** The child has the runner's standard output, too, and says the result itself. */
function consumer({ form, count, warm }) {
  const watch = new Stopwatch({ count, warm });
  let sum = 0;
  process.on('message', (message) => {
    if (form === 'objects') sum += message.value;
    else {
      const found = typeof message === 'string' ? Buffer.from(message, 'base64') : message;
      sum += found[0] + found[found.length - 1];
    }
    if (!watch.take()) return;
    say(JSON.stringify({ ...watch.result, sum }));
    process.disconnect();
  });
  process.send('ready');
}

/** There and back: `pause` ms between the round trips. */
export async function roundTrip({ serialization, bytes, count, warm, pause }) {
  const other = child('echo', serialization, {});
  await once(other, 'message');
  const message = bytesOf(bytes).toString('latin1');
  ready();
  let busy = 0;
  for (let n = 0; n < warm + count; n++) {
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    const began = now();
    const answer = once(other, 'message');
    other.send(message);
    await answer;
    if (n >= warm) busy += now() - began;
  }
  other.kill();
  return { ns: busy };
}

function echo() {
  process.on('message', (message) => process.send(message));
  process.send('ready');
}

if (process.argv[1] === SELF) {
  const [, , role, parameters] = process.argv;
  if (role === 'consumer') consumer(JSON.parse(parameters));
  else echo();
}
