// Metrics of all cluster workers at every worker's /metrics: the counts lie in a SharedMap, and prom-client reads them when
// it is asked. No worker asks another one, and none is lost with a worker that dies. Run: node prom-client.mjs

import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { SharedMap, unlink } from 'isthmus';
import { Counter, Registry } from 'prom-client';

const WORKERS = 3;
const REQUESTS = 60;
const counts = SharedMap.open('example-metrics');

/** A counter whose value is what all processes have counted. */
class SharedCounter {
  #name;

  constructor({ name, help, labelNames, registry }) {
    this.#name = name;
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const [key, count] of counts) {
          const [of, labels] = JSON.parse(key);
          if (of === name) this.inc(labels, count);
        }
      },
    });
  }

  /** Labels in the same order each time, please: they are the key. */
  inc(labels = {}, amount = 1) {
    counts.add(JSON.stringify([this.#name, labels]), amount);
  }
}

/** A request on a connection of its own, so that any worker may get it; what it answers. */
async function ask(port, path) {
  const [response] = await once(get({ host: '127.0.0.1', port, path, agent: false }), 'response');
  return (await response.setEncoding('utf8').toArray()).join('');
}

if (cluster.isPrimary) {
  const workers = Array.from({ length: WORKERS }, () => cluster.fork());
  const [[{ port }]] = await Promise.all(workers.map((worker) => once(worker, 'listening')));
  await Promise.all(Array.from({ length: REQUESTS }, (_, n) => ask(port, n % 3 === 0 ? '/missing' : '/')));
  workers[0].process.kill('SIGKILL'); // what it has counted stays
  await once(workers[0], 'exit');
  const metrics = await ask(port, '/metrics');
  console.log(metrics);
  const served = new Set([...counts.keys()].flatMap((key) => key.match(/worker-\d/) ?? []));
  console.log(`${served.size} workers have counted`);

  const right =
    metrics.includes('http_requests_total{status="200"} 40\n') &&
    metrics.includes('http_requests_total{status="404"} 20\n');
  process.exitCode = right ? 0 : 1;
  cluster.disconnect(() => {
    counts.close();
    unlink('example-metrics');
  });
} else {
  const registry = new Registry();
  const requests = new SharedCounter({
    name: 'http_requests_total',
    help: 'Requests by status, of all workers',
    labelNames: ['status'],
    registry,
  });
  const byWorker = new SharedCounter({
    name: 'http_requests_by_worker_total',
    help: 'Requests by worker',
    labelNames: ['worker'],
    registry,
  });
  const server = createServer(async (request, response) => {
    if (request.url === '/metrics') {
      response.setHeader('content-type', registry.contentType).end(await registry.metrics());
      return;
    }
    const status = request.url === '/' ? 200 : 404;
    requests.inc({ status });
    byWorker.inc({ worker: `worker-${cluster.worker.id}` });
    response.writeHead(status).end();
  });
  server.listen(0, '127.0.0.1');
}
