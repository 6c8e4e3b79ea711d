// A stream socket in the file system, messages with their length before them.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { now, ready, Stopwatch } from '../lib/actor.mjs';
import { bytesOf } from '../lib/messages.mjs';

/** Writes of one turn of the event loop go out together (writev). */
function writeFramed(socket, message) {
  if (socket.writableCorked === 0) {
    socket.cork();
    process.nextTick(() => socket.uncork());
  }
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32LE(message.length);
  socket.write(head);
  return socket.write(message);
}

/** Cuts what comes from a socket into messages. */
function readFramed(socket, take) {
  let kept = [];
  let bytes = 0;
  socket.on('data', (chunk) => {
    kept.push(chunk);
    bytes += chunk.length;
    if (bytes < 4) return;
    // A large message comes in many chunks: joined once, when all are there.
    if (kept[0].length >= 4 && bytes < 4 + kept[0].readUInt32LE()) return;
    const all = kept.length === 1 ? kept[0] : Buffer.concat(kept, bytes);
    let at = 0;
    while (all.length - at >= 4) {
      const end = at + 4 + all.readUInt32LE(at);
      if (end > all.length) break;
      take(all.subarray(at + 4, end));
      at = end;
    }
    kept = at < all.length ? [all.subarray(at)] : [];
    bytes = all.length - at;
  });
}

export async function producer({ path, bytes, count, warm }) {
  const message = bytesOf(bytes);
  ready();
  const socket = connect(path);
  await once(socket, 'connect');
  for (let n = 0; n < warm + count; n++) {
    if (!writeFramed(socket, message)) await once(socket, 'drain');
  }
  socket.end();
  return {};
}

export async function consumer({ path, count, warm }) {
  const watch = new Stopwatch({ count, warm });
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  ready();
  const [socket] = await once(server, 'connection');
  let sum = 0;
  await new Promise((resolve) => {
    readFramed(socket, (message) => {
      sum += message[0] + message[message.length - 1];
      if (watch.take()) resolve();
    });
  });
  server.close();
  return { ...watch.result, sum };
}

export async function echo({ path }) {
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  ready();
  const [socket] = await once(server, 'connection');
  readFramed(socket, (message) => writeFramed(socket, message));
  await once(socket, 'close');
  server.close();
  return {};
}

export async function roundTrip({ path, bytes, count, warm, pause }) {
  const message = bytesOf(bytes);
  ready();
  const socket = connect(path);
  await once(socket, 'connect');
  let arrived = () => undefined;
  readFramed(socket, () => arrived());
  let busy = 0;
  for (let n = 0; n < warm + count; n++) {
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    const began = now();
    const answer = new Promise((resolve) => {
      arrived = resolve;
    });
    writeFramed(socket, message);
    await answer;
    if (n >= warm) busy += now() - began;
  }
  socket.destroy();
  return { ns: busy };
}
