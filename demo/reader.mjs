// Streams the files' text, line by line, through shared memory to whoever counts:
// node demo/reader.mjs PREFIX PASSES FILE…

import { createReadStream } from 'node:fs';
import { PeerDiedError, SpscQueue } from 'isthmus';
import { namesFor, PATIENCE } from './names.mjs';

const [prefix, passes, ...files] = process.argv.slice(2);
const PIECE = 64 * 1024;

/** One message per line; a piece of the file may begin and end within one. */
function lines(text) {
  return text === '' ? [] : text.split(/(?<=\n)/);
}

const producer = SpscQueue.attach(namesFor(prefix).text).producer();
try {
  for (let pass = 0; pass < Number(passes); pass++) {
    for (const file of files) {
      // A piece may end within a character: the decoder keeps its first bytes for the next piece.
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
      for await (const bytes of createReadStream(file, { highWaterMark: PIECE })) {
        await producer.putMany(lines(decoder.decode(bytes, { stream: true })), PATIENCE); // waits for room
      }
      await producer.putMany(lines(decoder.decode()), PATIENCE);
      await producer.put(null, PATIENCE); // the end of this file: no word goes on into the next one
    }
  }
  producer.end();
  await producer.flush(PATIENCE);
} catch (error) {
  const died = `the counter (process ${error.pid}) died before it had taken everything`;
  console.error(`demo, reader: ${error instanceof PeerDiedError ? died : error.message}`);
  process.exitCode = 1;
} finally {
  producer.close();
}
