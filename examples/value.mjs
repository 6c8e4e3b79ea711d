// Four processes count together; nothing is lost. Run: node value.mjs

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { unlink, Value } from 'isthmus';

const PROCESSES = 4;
const TIMES = 10_000;
const count = Value.open('example-value', 'i64');

if (process.argv[2] === 'count') {
  for (let i = 0; i < TIMES; i++) count.add(1);
  count.close();
} else {
  const self = fileURLToPath(import.meta.url);
  for (let i = 0; i < PROCESSES; i++) spawn(process.execPath, [self, 'count'], { stdio: 'inherit' });

  // The event loop runs on while we wait; i64 values are bigints.
  const total = await count.waitFor((n) => n >= PROCESSES * TIMES, { timeout: 30_000 });
  console.log(`${PROCESSES} processes added 1 ${TIMES} times each: ${total}`);

  count.close();
  unlink('example-value');
}
