/** `isthmus send NAME` */

import type { SpscProducer, SpscQueue, SpscRoleOptions } from '../index.mjs';
import { type CarryOptions, exactBytes, explainDeath, join, passesAway } from './conversation.mjs';
import { exitOnSignals } from './ending.mjs';
import { codeOf, EXIT } from './exit-codes.mjs';
import { type Input, openInput } from './input.mjs';
import { LineCutter } from './lines.mjs';
import { Outgoing } from './outgoing.mjs';
import { Progress } from './progress.mjs';

/** The largest chunk: enough to make the way through the queue cheap, and several fit into the queue. */
const CHUNK = 128 * 1024;

interface SendOptions extends CarryOptions {
  readonly lines?: boolean;
}

export async function send(name: string, options: SendOptions): Promise<number> {
  const input = openInput();
  exitOnSignals();
  const place = await join(name, options, claim);
  const outgoing = new Outgoing(place, options.timeout);
  let read = 0;
  const progress = new Progress(`send ${name}`, `isthmus receive ${name}`, input.size, {
    shown: options.progress && !process.stdin.isTTY,
    bytes: () => outgoing.taken,
  });
  try {
    const count = (bytes: number): void => {
      read += bytes;
    };
    for await (const messages of messagesOf(input, place.role.maxMessageBytes, options, outgoing, count)) {
      await outgoing.put(messages);
    }
    // An empty message for empty input: somebody must have been there to take it, or nobody would ever learn of it.
    if (read === 0) await outgoing.put([Buffer.alloc(0)]);
    await outgoing.end();
  } catch (error) {
    const lost = (): string =>
      `${exactBytes(read - outgoing.taken)} of the ${exactBytes(read)} read so far were not taken`;
    throw explainDeath(error, 'receiver', lost);
  } finally {
    progress.stop();
  }
  place.leave();
  return EXIT.OK;
}

function claim(queue: SpscQueue, options: SpscRoleOptions): SpscProducer | undefined {
  try {
    return queue.producer(options);
  } catch (error) {
    if (codeOf(error) === 'ERR_ISTHMUS_CLOSED' && passesAway(queue)) return undefined;
    throw error;
  }
}

async function* messagesOf(
  input: Input,
  most: number,
  { lines }: SendOptions,
  outgoing: Outgoing,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array[], void, undefined> {
  const cutter = new LineCutter(most);
  const chunks = input.chunks(Math.min(CHUNK, most))[Symbol.asyncIterator]();
  for (;;) {
    const { done, value: chunk } = await outgoing.nextOf(chunks);
    if (done) break;
    count(chunk.length);
    yield lines ? cutter.cut(chunk) : [chunk];
  }
  yield cutter.rest();
}
