// One at a time on this machine: whoever sweeps /dev/shm (collect, gc) as fast as it can, and whoever leaves orphans or
// unfinished files there and wants to find them again. Other test files and other runs do both.

import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A socket's name outside the file system: the kernel gives it back with its process. */
const NAME = '\0isthmus-tests-sweep';

/** How long to wait for the others, in a test's hook. */
export const TURN = 300_000;

/** Waits for our turn; what it returns ends it. */
export async function takeTurn() {
  for (;;) {
    const server = createServer();
    const ours = await new Promise((resolve, reject) => {
      server.once('listening', () => resolve(true));
      server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
      server.listen(NAME);
    });
    if (ours) {
      server.unref();
      return () => new Promise((resolve) => server.close(() => resolve()));
    }
    await sleep(50);
  }
}
