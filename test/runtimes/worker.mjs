import { workerData } from 'node:worker_threads';
import { Value } from '../../dist/index.mjs';

const value = Value.open(workerData, 'i32', { lifetime: 'attached' });
value.value = 1;
await value.waitFor((n) => n === 2);
value.value = 3;
value.close();
