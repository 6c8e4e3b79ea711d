/** `isthmus send NAME` */

import type { SpscProducer, SpscQueue } from '../index.mjs';
import { type CarryOptions, join, type Place, passesAway, patiently } from './conversation.mjs';
import { codeOf, EXIT } from './exit-codes.mjs';
import { type Input, openInput } from './input.mjs';
import { LineCutter } from './lines.mjs';
import { Progress } from './progress.mjs';
import { leaveOnSignals } from './signals.mjs';

/** The largest chunk: enough to make the way through the queue cheap, and several fit into the queue. */
const CHUNK = 128 * 1024;

interface SendOptions extends CarryOptions {
  readonly lines?: boolean;
}

export async function send(name: string, options: SendOptions): Promise<number> {
  const input = openInput();
  leaveOnSignals();
  const place = await join(name, options, claim);
  let put = 0;
  const progress = new Progress(`send ${name}`, `isthmus receive ${name}`, input.size, {
    shown: options.progress && !process.stdin.isTTY,
    // What lies in the queue has not arrived.
    bytes: () => Math.max(0, put - place.queue.used),
  });
  try {
    for await (const messages of messagesOf(input, place, options)) {
      await putAll(place, messages, options.timeout);
      for (const message of messages) put += message.length;
    }
    // An empty message for empty input: somebody must have been there to take it, or nobody would ever learn of it.
    if (put === 0) await putAll(place, [Buffer.alloc(0)], options.timeout);
    place.role.end();
    await patiently(place, options.timeout, (wait) => place.role.flush(wait));
  } finally {
    progress.stop();
  }
  place.leave();
  return EXIT.OK;
}

function claim(queue: SpscQueue): SpscProducer | undefined {
  try {
    return queue.producer();
  } catch (error) {
    if (codeOf(error) === 'ERR_ISTHMUS_CLOSED' && passesAway(queue)) return undefined;
    throw error;
  }
}

async function* messagesOf(
  input: Input,
  { role }: Place<SpscProducer>,
  { lines }: SendOptions,
): AsyncGenerator<Uint8Array[], void, undefined> {
  const most = role.maxMessageBytes;
  const chunks = input.chunks(Math.min(CHUNK, most));
  if (!lines) {
    for await (const chunk of chunks) yield [chunk];
    return;
  }
  const cutter = new LineCutter(most);
  for await (const chunk of chunks) yield cutter.cut(chunk);
  yield cutter.rest();
}

async function putAll(
  place: Place<SpscProducer>,
  messages: Uint8Array[],
  timeout: number | undefined,
): Promise<void> {
  let left = messages;
  await patiently(place, timeout, async (wait) => {
    try {
      await place.role.putMany(left, wait);
    } catch (error) {
      left = left.slice((error as { accepted?: number }).accepted ?? 0);
      throw error;
    }
  });
}
