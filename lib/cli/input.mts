/** Standard input, in chunks. */

import { fstatSync, read as readFile, readFileSync, type Stats } from 'node:fs';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';

const STDIN = 0;
const readSome = promisify(readFile);

export interface Input {
  /** How many bytes will come, if that is known. */
  readonly size: number | undefined;
  /** What comes, at most `most` bytes at a time; a chunk is valid until the next one is asked for. */
  chunks(most: number): AsyncIterable<Buffer>;
}

/** Throws EISDIR for a directory, before anything is started. */
export function openInput(): Input {
  const stat = fstatSync(STDIN);
  if (stat.isDirectory()) throw new Error('standard input is a directory; give a file or a pipe');
  // A read of a pipe or terminal may never end, and such a read in Node's thread pool would keep the process from
  // exiting; Node's stream for these does not use the pool.
  const mayBlock = stat.isFIFO() || stat.isSocket() || isatty(STDIN);
  return { size: sizeOf(stat), chunks: mayBlock ? fromStream : fromFile };
}

async function* fromFile(most: number): AsyncGenerator<Buffer, void, undefined> {
  const buffer = Buffer.allocUnsafeSlow(most);
  for (;;) {
    const { bytesRead } = await readSome(STDIN, buffer, 0, most, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* fromStream(most: number): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; at += most) yield chunk.subarray(at, at + most);
  }
}

/** From where standard input stands: somebody may have read a part of the file before us. */
function sizeOf(stat: Stats): number | undefined {
  if (!stat.isFile()) return undefined;
  try {
    const position = /^pos:\s*(\d+)/m.exec(readFileSync('/proc/self/fdinfo/0', 'utf8'))?.[1];
    return Math.max(0, stat.size - Number(position ?? 0));
  } catch {
    return stat.size;
  }
}
