// A Redis list as a queue, over loopback.

import { createRequire } from 'node:module';
import { ready, Stopwatch } from '../lib/actor.mjs';
import { bytesOf } from '../lib/messages.mjs';

const connect = (port) => {
  const { createClient } = createRequire(import.meta.url)('redis');
  return createClient({ socket: { host: '127.0.0.1', port } }).connect();
};

/** So many requests are under way at a time: Redis is at its best with a pipeline. */
const WINDOW = 64;

export async function producer({ socket, name, bytes, count, warm }) {
  const client = await connect(socket);
  const message = bytesOf(bytes).toString('latin1');
  ready();
  for (let left = warm + count; left > 0; left -= WINDOW)
    await Promise.all(Array.from({ length: Math.min(WINDOW, left) }, () => client.lPush(name, message)));
  client.destroy();
  return {};
}

export async function consumer({ socket, name, count, warm }) {
  const client = await connect(socket);
  const watch = new Stopwatch({ count, warm });
  let sum = 0;
  ready();
  for (let done = false; !done; ) {
    const { element } = await client.brPop(name, 0);
    sum += element.length;
    done = watch.take();
  }
  client.destroy();
  return { ...watch.result, sum };
}
