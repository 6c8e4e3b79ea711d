/** `isthmus put NAME` */

import { isUtf8 } from 'node:buffer';
import { Queue } from '../index.mjs';
import { exitOnSignals } from './ending.mjs';
import { codeOf, EXIT } from './exit-codes.mjs';
import { type Input, openInput } from './input.mjs';
import { LineCutter } from './lines.mjs';

const CHUNK = 128 * 1024;
const NEWLINE = 10;

interface PutOptions {
  readonly whole?: boolean;
  readonly json?: boolean;
  readonly end?: boolean;
  readonly capacity?: string;
  readonly maxItems?: number;
  readonly timeout?: number;
}

export async function put(name: string, options: PutOptions): Promise<number> {
  const { capacity, maxItems, timeout } = options;
  const input = openInput();
  exitOnSignals();
  const queue = Queue.open(name, {
    ...(capacity === undefined ? {} : { capacity }),
    ...(maxItems === undefined ? {} : { maxItems }),
  });
  let done = 0;
  try {
    for await (const messages of options.whole
      ? whole(input, queue, options)
      : lines(input, queue, options)) {
      // The timeout is for room that does not come, not for all of the messages.
      for (let left = messages; left.length > 0; ) {
        try {
          await queue.putMany(left, { timeout });
          done += left.length;
          break;
        } catch (error) {
          const { accepted = 0 } = error as { accepted?: number };
          done += accepted;
          if (accepted === 0 || codeOf(error) !== 'ERR_ISTHMUS_TIMEOUT') throw error;
          left = left.slice(accepted);
        }
      }
    }
    if (options.end) queue.end();
  } catch (error) {
    throw withCount(error, done);
  } finally {
    queue.close();
  }
  return EXIT.OK;
}

/** A script that goes on after a failure must know from where. */
function withCount(error: unknown, done: number): Error {
  const what =
    error instanceof Error ? error.message.replace(/ \(\d+ of \d+ were put\)$/, '') : String(error);
  const count = `; ${done.toLocaleString('en-US')} message${done === 1 ? ' was' : 's were'} put before that`;
  return Object.assign(new Error(`${what}${done === 0 ? '' : count}`), { code: codeOf(error) });
}

async function* whole(
  input: Input,
  { maxMessageBytes }: Queue,
  { json }: PutOptions,
): AsyncGenerator<unknown[], void, undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of input.chunks(CHUNK)) {
    parts.push(Buffer.from(chunk)); // chunks are reused
    length += chunk.length;
    if (!json && length > maxMessageBytes) break; // too large already: put says so
  }
  const bytes = Buffer.concat(parts);
  yield [json ? parsed(bytes, 'standard input') : bytes];
}

async function* lines(
  input: Input,
  queue: Queue,
  { json = false }: PutOptions,
): AsyncGenerator<unknown[], void, undefined> {
  // What is longer with its newline is too long in any case: no need to hold all of it.
  const cutter = new LineCutter(json ? Number.MAX_SAFE_INTEGER : queue.maxMessageBytes + 2);
  let number = 0;
  const messageOf = (line: Uint8Array): unknown[] => {
    number++;
    const bytes = Buffer.from(line.buffer, line.byteOffset, line.length);
    const text = bytes.at(-1) === NEWLINE ? bytes.subarray(0, -1) : bytes;
    if (!json && text.length > queue.maxMessageBytes) throw tooLong(number, queue);
    if (!json) return [queue.codec === 'raw' ? text : textOf(text, number)];
    return text.toString().trim() === '' ? [] : [parsed(text, `line ${number}`)];
  };
  for await (const chunk of input.chunks(CHUNK)) yield* inTurn(cutter.cut(chunk), messageOf);
  yield* inTurn(cutter.rest(), messageOf);
}

/** What is sound before a line that is not is put first. */
function* inTurn(
  all: readonly Uint8Array[],
  messageOf: (line: Uint8Array) => unknown[],
): Generator<unknown[], void, undefined> {
  const messages: unknown[] = [];
  let failure: unknown;
  for (const line of all) {
    try {
      messages.push(...messageOf(line));
    } catch (error) {
      failure = error;
      break;
    }
  }
  if (messages.length > 0) yield messages;
  if (failure !== undefined) throw failure;
}

function tooLong(number: number, { name, maxMessageBytes }: Queue): Error {
  const message = `line ${number} is too long: a message of '${name}' has at most ${maxMessageBytes} bytes`;
  return Object.assign(new Error(`${message} (its capacity less 8)`), { code: 'ERR_OUT_OF_RANGE' });
}

function textOf(bytes: Buffer, number: number): string {
  if (isUtf8(bytes)) return bytes.toString();
  throw new Error(`line ${number} is no text in UTF-8; --whole takes any bytes, as one message`);
}

function parsed(bytes: Buffer, where: string): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw new Error(`${where} is no JSON: ${(error as Error).message}`);
  }
}
