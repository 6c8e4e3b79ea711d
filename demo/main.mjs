// Two programs that know nothing of each other but names process text through shared memory, and a third one watches.
//
//   npm run demo [-- FILE…]
//
//   reader.mjs ──(SpscQueue: text)──> counter.mjs ──(SpscQueue: the table)──> this process
//                                        └──(SharedArray: totals, Value: progress)──┘
//
// Exit codes: 0 all counts agree with a plain count in this one process; 1 they do not, or a process failed;
// 2 wrong file names; 130 interrupted.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import cliProgress from 'cli-progress';
import { PeerDiedError, SharedArray, SpscQueue, unlink, Value } from 'isthmus';
import { chooseFiles } from './files.mjs';
import { namesFor, TOTAL } from './names.mjs';
import { WordCounter } from './words.mjs';

const prefix = `demo-${process.pid}-${randomBytes(4).toString('hex')}`;
const names = namesFor(prefix);
/** Aborted when there is no point in going on: everything that waits here ends then. */
const stop = new AbortController();
const children = [];
/** What went wrong with them, and how long those who survive may take to notice and to end by themselves, in ms. */
const failures = [];
const GRACE = 10_000;

process.exitCode = await main(process.argv.slice(2));

async function main(args) {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(
      'npm run demo [-- FILE…]\n\nCounts the words of text files, by default of those that came with npm ci.',
    );
    return 0;
  }
  let task;
  try {
    task = chooseFiles(args);
  } catch (error) {
    console.error(`demo: ${error.message}`);
    return 2;
  }
  let interrupted = 0;
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ]) {
    process.once(signal, () => {
      interrupted = code;
      stop.abort(new Error('interrupted'));
    });
  }
  try {
    return await run(task);
  } catch (error) {
    for (const line of error.message.split('\n')) console.error(`demo: ${line}`);
    return interrupted || 1;
  } finally {
    await removeEverything();
  }
}

async function run({ files, passes, bytes }) {
  const times = passes > 1 ? `, ${passes} times` : '';
  console.log(`${megabytes(bytes)} of text: ${files.length} file${files.length === 1 ? '' : 's'}${times}`);

  // 'attached': should all of us be killed at once, `isthmus gc` finds what is left.
  const totals = SharedArray.create(names.totals, 'f64', TOTAL.LENGTH, { lifetime: 'attached' });
  const progress = Value.create(names.progress, 'f64', { lifetime: 'attached' });
  const words = SpscQueue.create(names.words, { lifetime: 'attached' }).consumer();
  SpscQueue.create(names.text, { lifetime: 'attached', capacity: '4MB' });

  start('counter', [prefix]);
  start('reader', [prefix, String(passes), ...files]);

  const counted = new AbortController();
  const drawing = draw(progress, bytes, AbortSignal.any([stop.signal, counted.signal]));
  const table = new Map();
  try {
    for (;;) {
      const entries = await words.getMany(undefined, { signal: stop.signal });
      if (entries.length === 0) break;
      counted.abort();
      for (const [word, count] of entries) table.set(word, count);
    }
  } catch (error) {
    // The counter died: how, its exit tells.
    if (!(error instanceof PeerDiedError)) throw error;
  }
  counted.abort();
  await drawing;
  await Promise.race([everybodyGone(), aborted(stop.signal)]);
  if (failures.length > 0) await aborted(stop.signal);
  stop.signal.throwIfAborted();

  const found = {
    table,
    bytes: totals.at(TOTAL.BYTES),
    words: totals.at(TOTAL.WORDS),
    lines: totals.at(TOTAL.LINES),
  };
  report(found, totals.at(TOTAL.MESSAGES), totals.at(TOTAL.MILLISECONDS) / 1000);
  return compare(found, await countHere(files), passes);
}

/** Starts an unrelated process: a session of its own, no IPC channel, nothing in common but the names. */
function start(what, args) {
  const script = fileURLToPath(new URL(`./${what}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [script, ...args], {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = new Promise((resolve) => {
    child.on('error', (error) => {
      resolve();
      failed(`the ${what} could not be started: ${error.message}`);
    });
    child.on('exit', (code, signal) => {
      const how = signal === null ? `failed with exit code ${code}` : `was killed by ${signal}`;
      resolve();
      if (code !== 0) failed(`the ${what} (process ${child.pid}) ${how}`);
    });
  });
  children.push({ child, gone });
}

/** The survivors get the time to say what they have noticed; then there is no point in going on. */
async function failed(failure) {
  failures.push(failure);
  if (failures.length > 1) return;
  await Promise.race([everybodyGone(), sleep(GRACE, undefined, { ref: false })]);
  stop.abort(new Error(failures.join('\n')));
}

function everybodyGone() {
  return Promise.all(children.map(({ gone }) => gone));
}

function aborted(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', resolve, { once: true });
  });
}

/** A bar on a terminal, a few plain lines elsewhere; woken by the counter, from another process, through the Value. */
async function draw(progress, bytes, signal) {
  const line = '[{bar}] {percentage}%  {done} of {all}  {eta_formatted} left';
  const bar = new cliProgress.SingleBar({ format: line, hideCursor: true, gracefulExit: false });
  let told = 0;
  const show = (now) => {
    bar.update(Math.min(now, bytes), { done: megabytes(now) });
    const quarter = Math.min(4, Math.floor((4 * now) / bytes));
    if (!process.stderr.isTTY && quarter > told) console.log(`${25 * quarter}% counted`);
    told = quarter;
  };
  bar.start(bytes, 0, { done: megabytes(0), all: megabytes(bytes) }); // draws only on a terminal
  try {
    for await (const now of progress.changes({ signal })) {
      show(now);
      await sleep(50, undefined, { signal }); // often enough for the eye
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    show(progress.value);
    bar.stop();
  }
}

function report({ table, bytes, words, lines }, messages, seconds) {
  const most = [...table].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, 10);
  const width = Math.min(40, Math.max(...most.map(([word]) => word.length), 0));
  console.log(`\nThe commonest of ${table.size.toLocaleString('en')} words:`);
  for (const [word, count] of most)
    console.log(`  ${word.padEnd(width)}  ${count.toLocaleString('en').padStart(12)}`);
  const rate = (amount) => Math.round(amount / Math.max(seconds, 0.001)).toLocaleString('en');
  const totals = `${words.toLocaleString('en')} words in ${lines.toLocaleString('en')} lines`;
  console.log(`\n${totals}, ${messages.toLocaleString('en')} messages in ${seconds.toFixed(1)} s`);
  console.log(`${rate(messages)} messages/s, ${rate(bytes / 1e6)} MB/s, counting included`);
}

/** The same in one process, without any shared memory. */
async function countHere(files) {
  const counter = new WordCounter();
  for (const file of files) {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const large = { highWaterMark: 4 * 1024 * 1024 };
    for await (const bytes of createReadStream(file, large))
      counter.add(decoder.decode(bytes, { stream: true }));
    counter.add(decoder.decode());
    counter.endOfText();
  }
  return counter;
}

function compare(found, plain, passes) {
  const differences = [];
  const check = (what, actual, once) => {
    if (actual !== once * passes)
      differences.push(`${what}: ${actual}, but a plain count says ${once * passes}`);
  };
  for (const what of ['bytes', 'lines', 'words']) check(what, found[what], plain[what]);
  for (const word of new Set([...found.table.keys(), ...plain.table.keys()])) {
    check(`'${word}'`, found.table.get(word) ?? 0, plain.table.get(word) ?? 0);
  }
  if (differences.length === 0) {
    console.log('counts agree with a plain count in one process');
    return 0;
  }
  console.error(`demo: ${differences.length} counts differ:`);
  for (const difference of differences.slice(0, 20)) console.error(`  ${difference}`);
  return 1;
}

/** Children first, so that nobody makes anything any more; then the names. */
async function removeEverything() {
  // Stopped first: none of them shall notice the death of another and complain.
  for (const signal of ['SIGSTOP', 'SIGKILL']) for (const { child } of children) child.kill(signal);
  await everybodyGone();
  for (const name of Object.values(names)) {
    try {
      unlink(name);
    } catch (error) {
      if (error.code !== 'ENOENT') console.error(`demo: ${error.message}`);
    }
  }
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
