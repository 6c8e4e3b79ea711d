// Counts the words of the text that comes through shared memory: node demo/counter.mjs PREFIX

import { SharedArray, SpscQueue, Value } from 'isthmus';
import { namesFor, TOTAL } from './names.mjs';
import { WordCounter } from './words.mjs';

const names = namesFor(process.argv[2]);
const consumer = SpscQueue.attach(names.text).consumer();
const totals = SharedArray.attach(names.totals);
const progress = Value.attach(names.progress);
const table = SpscQueue.attach(names.words).producer();

/** Somebody takes the table all the time; if nobody does for so long, nobody will. */
const PATIENCE = { timeout: 30_000 };

try {
  const counter = new WordCounter();
  let messages = 0;
  let began = 0;
  for await (const batch of consumer.batches()) {
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
  const entries = [...counter.table];
  for (let at = 0; at < entries.length; at += 1000)
    await table.putMany(entries.slice(at, at + 1000), PATIENCE);
  table.end();
  await table.flush(PATIENCE);
} catch (error) {
  console.error(`demo, counter: ${error.message}`);
  process.exitCode = 1;
} finally {
  for (const one of [consumer, totals, progress, table]) one.close();
}
