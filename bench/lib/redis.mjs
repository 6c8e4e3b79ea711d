// A redis-server of our own on loopback, which keeps nothing and goes with us.

import { createServer } from 'node:net';
import { start } from './processes.mjs';

let running;

/** Its port. */
export async function redisPort() {
  running ??= launch();
  return (await running).port;
}

export async function stopRedis() {
  if (running === undefined) return;
  const { server } = await running.catch(() => ({}));
  server?.stop();
  running = undefined;
}

async function launch() {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = start({ command: 'redis-server', args, patience: Number.POSITIVE_INFINITY });
  for (;;) {
    const line = await server.line('');
    if (line.includes('Ready to accept connections')) return { port, server };
  }
}

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
