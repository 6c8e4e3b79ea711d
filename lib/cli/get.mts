/** `isthmus get NAME` */

import { inspect } from 'node:util';
import { type Job, Queue } from '../index.mjs';
import { exitOnSignals } from './ending.mjs';
import { codeOf, EXIT } from './exit-codes.mjs';
import { openOutput } from './output.mjs';

/** Messages taken and written at a time. */
const BATCH = 256;

interface GetOptions {
  readonly count?: number;
  readonly all?: boolean;
  readonly follow?: boolean;
  readonly json?: boolean;
  readonly timeout?: number;
}

/** A message is done when it is written: one that could not be goes back. */
export async function get(name: string, options: GetOptions): Promise<number> {
  const { all = false, follow = false, json = false } = options;
  const write = openOutput();
  exitOnSignals();
  const queue = Queue.attach(name);
  try {
    let left = all || follow ? Number.POSITIVE_INFINITY : (options.count ?? 1);
    while (left > 0) {
      const first = all ? queue.tryTake() : await queue.take({ timeout: options.timeout });
      if (first === undefined) break;
      const jobs = [first, ...more(queue, Math.min(left, BATCH) - 1)];
      try {
        await write(Buffer.concat(jobs.map(({ message }) => shown(message, json))));
      } catch (error) {
        for (const job of jobs) job.retry();
        throw error;
      }
      for (const job of jobs) job.done();
      left -= jobs.length;
    }
    if (Number.isFinite(left) && left > 0) throw ended(queue.name);
  } finally {
    queue.close();
  }
  return EXIT.OK;
}

function more(queue: Queue, most: number): Job[] {
  const jobs: Job[] = [];
  try {
    while (jobs.length < most) {
      const job = queue.tryTake();
      if (job === undefined) break;
      jobs.push(job);
    }
  } catch (error) {
    // No room for more jobs at a time: what we have is enough. A damaged message is gone; it must not take these along.
    if (codeOf(error) !== 'ERR_ISTHMUS_FULL' && codeOf(error) !== 'ERR_ISTHMUS_CORRUPT') throw error;
  }
  return jobs;
}

function ended(path: string): Error {
  return Object.assign(new Error(`'${path}' has ended, and nothing is left`), { code: 'ERR_ISTHMUS_CLOSED' });
}

function shown(message: unknown, json: boolean): Uint8Array {
  if (!json && message instanceof Uint8Array) return message;
  return Buffer.from(`${!json && typeof message === 'string' ? message : onOneLine(message)}\n`);
}

/** As JSON; a message that has no JSON at all (it contains itself) as Node shows it, for it must not be in the way for ever. */
function onOneLine(message: unknown): string {
  try {
    return toJson(message);
  } catch {
    return JSON.stringify(inspect(message, { depth: null, breakLength: Number.POSITIVE_INFINITY }));
  }
}

/** On one line, with what JSON cannot carry as the next best thing. */
function toJson(message: unknown): string {
  // A Buffer's own toJSON would be called before the replacer sees it.
  return JSON.stringify(message instanceof Uint8Array ? base64(message) : message, function (key, one) {
    const itself = (this as Record<string, unknown>)[key];
    if (itself instanceof Uint8Array) return base64(itself);
    if (itself instanceof Map) return [...itself];
    if (itself instanceof Set || (ArrayBuffer.isView(itself) && !(itself instanceof DataView)))
      return [...(itself as Iterable<unknown>)];
    if (itself instanceof Error) return { name: itself.name, message: itself.message };
    if (itself instanceof RegExp || typeof itself === 'bigint') return String(itself);
    if (typeof itself === 'number' && !Number.isFinite(itself)) return String(itself);
    return one;
  });
}

function base64(bytes: Uint8Array): { base64: string } {
  return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64') };
}
