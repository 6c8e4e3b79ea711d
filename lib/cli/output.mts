/** Standard output: every byte or an error, at the reader's pace. */

import { fstatSync, write as writeFile } from 'node:fs';
import { promisify } from 'node:util';

const STDOUT = 1;
const writeSome = promisify(writeFile);

/** Writes the bytes, resolving when the system has taken them; EPIPE when nobody reads them any more. */
export type Write = (bytes: Uint8Array) => Promise<void>;

/** How to write to what standard output is. */
export function openOutput(): Write {
  // Node's own stream for files does not notice when the disk takes less than it was given.
  return fstatSync(STDOUT).isFile() ? toFile : toStream();
}

async function toFile(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await writeSome(STDOUT, bytes, at, bytes.length - at, null);
    at += bytesWritten;
  }
}

function toStream(): Write {
  let broken: Error | undefined;
  process.stdout.on('error', (error) => {
    broken = error; // also handed to the write that failed
  });
  return (bytes) =>
    new Promise((resolve, reject) => {
      if (broken !== undefined) return reject(broken);
      process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
}

/** A text and a newline. */
export async function print(text: string): Promise<void> {
  await openOutput()(Buffer.from(`${text}\n`));
}
