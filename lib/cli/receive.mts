/** `isthmus receive NAME` */

import type { SpscConsumer, SpscQueue, SpscRoleOptions } from '../index.mjs';
import { type CarryOptions, exactBytes, explainDeath, join, passesAway, patiently } from './conversation.mjs';
import { exitOnSignals } from './ending.mjs';
import { EXIT } from './exit-codes.mjs';
import { openOutput } from './output.mjs';
import { Progress } from './progress.mjs';

/** Messages taken at a time: what is taken and not yet written is lost if we are interrupted. */
const BATCH = 1024;

export async function receive(name: string, options: CarryOptions): Promise<number> {
  const write = openOutput();
  exitOnSignals();
  const place = await join(name, options, claim);
  let written = 0;
  const progress = new Progress(`receive ${name}`, `isthmus send ${name}`, undefined, {
    shown: options.progress && !process.stdout.isTTY,
    bytes: () => written,
  });
  try {
    for (;;) {
      const messages = await patiently(place, options.timeout, (wait) => place.role.getMany(BATCH, wait));
      if (messages.length === 0) break;
      const bytes = joined(messages.map((message) => bytesOf(message, place.queue.name)));
      await write(bytes);
      written += bytes.length;
    }
  } catch (error) {
    throw explainDeath(error, 'sender', () => `All that came is written: ${exactBytes(written)}`);
  } finally {
    progress.stop();
  }
  place.leave();
  return EXIT.OK;
}

/** A queue that is ended and empty when we come is what an earlier conversation left: not ours. */
function claim(queue: SpscQueue, options: SpscRoleOptions): SpscConsumer | undefined {
  const consumer = queue.consumer(options);
  if (!consumer.ended || !passesAway(queue)) return consumer;
  consumer.close();
  return undefined;
}

function joined(parts: Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** A program may be the sender, too: its strings come as UTF-8. */
function bytesOf(message: unknown, path: string): Uint8Array {
  if (message instanceof Uint8Array) return message;
  if (typeof message === 'string') return Buffer.from(message);
  const error = new Error(
    `'${path}' carries a message that is neither bytes nor text; let a program receive it`,
  );
  throw Object.assign(error, { code: 'ERR_ISTHMUS_MISMATCH' });
}
