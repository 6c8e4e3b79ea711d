// An Express app with a limit, in two cluster workers that share one counter. Run: node limited-app.mjs NAME LIMIT
// Prints its port when both listen, and ends with its standard input.

import cluster from 'node:cluster';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import { SharedMemoryStore } from 'isthmus/rate-limit';

const [name, limit] = process.argv.slice(2);
if (cluster.isPrimary) {
  let listening = 0;
  cluster.on('listening', (_, { port }) => {
    if (++listening === 2) console.log(port);
  });
  for (const _ of [1, 2]) cluster.fork();
  process.stdin.resume().on('end', () => cluster.disconnect());
} else {
  const store = new SharedMemoryStore(name);
  const app = express();
  app.use((_, response, next) => {
    response.set({ 'x-worker': process.pid, connection: 'close' });
    next();
  });
  app.use(rateLimit({ windowMs: 600_000, limit: Number(limit), standardHeaders: 'draft-8', store }));
  app.get('/', (request, response) => response.send(`${request.rateLimit.used}`));
  app.listen(0, '127.0.0.1');
  process.on('disconnect', () => store.shutdown());
}
