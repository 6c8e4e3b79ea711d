// Counts the words of the text that comes through shared memory: node demo/counter.mjs PREFIX

import { PeerDiedError, SharedArray, SpscQueue, Value } from 'isthmus';
import { namesFor, PATIENCE, TOTAL } from './names.mjs';
import { WordCounter } from './words.mjs';

const names = namesFor(process.argv[2]);
const consumer = SpscQueue.attach(names.text).consumer();
const totals = SharedArray.attach(names.totals);
const progress = Value.attach(names.progress);
const table = SpscQueue.attach(names.words).producer();

let partner = 'the reader';
let messages = 0;
try {
  const counter = new WordCounter();
  let began = 0;
  for (;;) {
    const batch = await consumer.getMany(undefined, PATIENCE);
    if (batch.length === 0) break;
    began ||= performance.now();
    for (const text of batch) {
      if (text === null) counter.endOfText();
      else counter.add(text);
    }
    messages += batch.length;
    totals.view[TOTAL.MESSAGES] = messages; // plain stores on the shared pages: they wake nobody …
    totals.view[TOTAL.BYTES] = counter.bytes;
    totals.view[TOTAL.WORDS] = counter.words;
    totals.view[TOTAL.LINES] = counter.lines;
    totals.view[TOTAL.MILLISECONDS] = performance.now() - began;
    progress.value = counter.bytes; // … this one does
  }
  partner = 'whoever takes the table';
  const entries = [...counter.table];
  for (let at = 0; at < entries.length; at += 1000)
    await table.putMany(entries.slice(at, at + 1000), PATIENCE);
  table.end();
  await table.flush(PATIENCE);
} catch (error) {
  // The reader's death ends the wait after its last whole message, not before.
  const died = `${partner} (process ${error.pid}) died; every message that came is counted: ${messages}`;
  console.error(`demo, counter: ${error instanceof PeerDiedError ? died : error.message}`);
  process.exitCode = 1;
} finally {
  for (const one of [consumer, totals, progress, table]) one.close();
}
