// npm run stress [-- --messages=10000000] [-- --only=Sync]
//
// Ten million messages of 0 to 256 bytes, every thousandth up to the maximum, cross an SpscQueue between two separately
// started scripts; the receiver compares each, byte for byte, with what must come next.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { SpscQueue, unlink } from 'isthmus';

const option = (name, otherwise) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;
const count = Number(option('messages', 10_000_000));
const only = option('only', '');
const capacity = 65_536;
const WATCHDOG = 20 * 60_000;

const FALLBACK = { ISTHMUS_DISABLE: 'futex_waitv' };
const runs = ['Sync', 'promise', 'zero-copy'].flatMap((form) => [
  { form, label: 'positions from 0', start: 0, env: {} },
  { form, label: 'fallback waiter', start: 0, env: FALLBACK },
  { form, label: 'positions near 2^31', start: 2 ** 31 - 8 * 1024, env: {} },
  { form, label: 'positions near 2^32', start: 2 ** 32 - 8 * 1024, env: {} },
]);

function script(file, name, form, env) {
  const child = spawn(
    process.execPath,
    [new URL(file, import.meta.url).pathname, name, form, String(count), String(capacity)],
    {
      detached: true, // a session of its own, no channel: only the name in common
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...env },
    },
  );
  const dog = setTimeout(() => child.kill('SIGKILL'), WATCHDOG);
  return once(child, 'exit').then(([code, signal]) => {
    clearTimeout(dog);
    if (code !== 0) throw new Error(`${file} ${form} ended with ${code ?? signal}`);
  });
}

const before = readdirSync('/dev/shm');
console.log(`Node ${process.version}, ${count} messages a run, a ring of ${capacity} bytes`);
let failed = 0;
for (const { form, label, start, env } of runs) {
  if (only !== '' && form !== only) continue;
  const name = `stress-${process.pid}-${randomBytes(4).toString('hex')}`;
  SpscQueue.create(name, { capacity, startPosition: start }).close();
  const began = performance.now();
  const results = await Promise.allSettled([
    script('consumer.mjs', name, form, env),
    script('producer.mjs', name, form, env),
  ]);
  const seconds = (performance.now() - began) / 1000;
  unlink(name);
  const errors = results
    .filter((result) => result.status === 'rejected')
    .map((result) => result.reason.message);
  if (errors.length > 0) failed++;
  const rate = (count / seconds / 1e6).toFixed(2);
  console.log(
    `${form.padEnd(10)} ${label.padEnd(20)} ${errors.length === 0 ? 'ok' : `FAILED: ${errors.join('; ')}`}  ${seconds.toFixed(1)} s, ${rate} M/s`,
  );
}
const left = readdirSync('/dev/shm').filter((file) => !before.includes(file));
if (left.length > 0) console.log(`left in /dev/shm: ${left.join(', ')}`);
console.log(failed === 0 && left.length === 0 ? 'stress passed' : 'stress FAILED');
process.exitCode = failed === 0 && left.length === 0 ? 0 : 1;
