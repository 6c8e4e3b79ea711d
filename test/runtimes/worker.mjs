import { parentPort, workerData } from 'node:worker_threads';
import { Lock, Value } from '../../dist/index.mjs';

if (workerData.holds !== undefined) {
  const lock = Lock.open(workerData.holds, { lifetime: 'attached' });
  lock.acquireSync();
  setInterval(() => {}, 1000);
  parentPort.postMessage('held');
} else {
  const value = Value.open(workerData, 'i32', { lifetime: 'attached' });
  value.value = 1;
  await value.waitFor((n) => n === 2);
  value.value = 3;
  value.close();
}
