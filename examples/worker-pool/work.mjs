// A worker: takes files, measures them, until the dispatcher has ended the queue. Start as many as you like, when you
// like, and kill -9 any of them: the file it was at goes to another one. Run: node work.mjs

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { openJobs, openResults } from './queues.mjs';

const NEWLINE = 10;

async function measure(path) {
  const hash = createHash('sha256');
  const found = { bytes: 0, gzip: 0, lines: 0 };
  await pipeline(
    createReadStream(path),
    async function* (chunks) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        found.bytes += chunk.length;
        for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) found.lines++;
        yield chunk;
      }
    },
    createGzip(),
    async (chunks) => {
      for await (const chunk of chunks) found.gzip += chunk.length;
    },
  );
  return { ...found, sha256: hash.digest('hex') };
}

const jobs = openJobs();
const results = openResults();
for await (const job of jobs.jobs()) {
  const { message, attempt } = job;
  const result = await measure(message.path).catch((error) => ({ error: error.message }));
  // In this order: one who is killed between the two has told the result, and the next one tells it again. The other way
  // round the file would be missing.
  await results.put({ ...message, attempt, ...result });
  job.done();
}
jobs.close();
results.close();
