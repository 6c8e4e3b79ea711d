// Ten million messages of 0 to 256 bytes, every thousandth up to the maximum, cross an SpscQueue between two separately
// started scripts; the receiver compares each, byte for byte, with what must come next. --messages=N --form=F

import { SpscQueue, unlink } from 'isthmus';
import { freshName, start } from './processes.mjs';

const CAPACITY = 65_536;
const FALLBACK = { ISTHMUS_DISABLE: 'futex_waitv' };

export async function run({ option, report, share }) {
  const count = Number(option('messages', Math.round(10_000_000 * share)));
  const only = option('form', '');
  const runs = ['Sync', 'promise', 'zero-copy'].flatMap((form) => [
    { form, label: 'positions from 0', from: 0, env: {} },
    { form, label: 'fallback waiter', from: 0, env: FALLBACK },
    { form, label: 'positions near 2^31', from: 2 ** 31 - 8 * 1024, env: {} },
    { form, label: 'positions near 2^32', from: 2 ** 32 - 8 * 1024, env: {} },
  ]);
  for (const { form, label, from, env } of runs) {
    if (only !== '' && form !== only) continue;
    const name = freshName('messages');
    SpscQueue.create(name, { capacity: CAPACITY, startPosition: from }).close();
    await report(`${count} messages, ${form}, ${label}`, async () => {
      const began = performance.now();
      const sides = ['messages-consumer.mjs', 'messages-producer.mjs'].map((file) =>
        start(file, [name, form, count, CAPACITY], env),
      );
      try {
        await Promise.all(sides.map((side) => side.done()));
      } finally {
        for (const side of sides) side.kill();
        unlink(name);
      }
      return `${(count / (performance.now() - began) / 1000).toFixed(2)} M/s`;
    });
  }
}
