/** `isthmus get NAME` */

import { type Job, Queue } from '../index.mjs';
import { exitOnSignals } from './ending.mjs';
import { codeOf, EXIT } from './exit-codes.mjs';
import { onOneLine } from './one-line.mjs';
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
