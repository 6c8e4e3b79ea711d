// The process whose objects are overwritten under its hands. It gets one case at a time and tells what went wrong; that it
// crashed or hangs, its parent sees (cases.mjs).

import { fork } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { DIST, KINDS } from './kinds.mjs';
import { moved, rescue, rescued } from './rescuer.mjs';
import { NEIGHBOUR } from './scribbles.mjs';

const require = createRequire(import.meta.url);
const isthmus = require(`${DIST}/index.js`);
const { native } = require(`${DIST}/native/load.js`);
const { SLOT_BYTE } = require(`${DIST}/memory/header-layout.js`);
const { SLOT, SLOT_BYTES, SLOT_CLAIMED } = require(`${DIST}/memory/roster-layout.js`);
const { inspectVerb } = await import(`${DIST}/cli/inspect.mjs`);
const { ls } = await import(`${DIST}/cli/ls.mjs`);

/** Nothing here needs more: beyond it, a length was believed. In KB, above what the process had before. */
const MOST_MEMORY = 150_000;
/** collect() sweeps all of /dev/shm: only where that is ours alone. */
const ALONE = process.env.SHM_IS_PRIVATE === '1';

const strays = [];
process.on('unhandledRejection', (error) => strays.push(error));
process.on('uncaughtException', (error) => strays.push(error));
let trace = false;
/** How many handles were opened last: a case in which nothing could be is a weak one. */
let attached = 0;

const OURS = new Set(
  Object.values(isthmus).filter(
    (one) => one === isthmus.IsthmusError || one?.prototype instanceof isthmus.IsthmusError,
  ),
);

/** A documented error. What V8 and Node throw when the package has made a mistake has other words and codes. */
function documented(error) {
  if (OURS.has(error?.constructor)) return !(error instanceof isthmus.NativeError);
  if (error instanceof DOMException) return error.name === 'AbortError' || error.name === 'TimeoutError';
  // An overwritten schema may name another codec, which has its own limits.
  if (error instanceof TypeError && /^codec '.*' cannot encode /s.test(error.message)) return true;
  const ours = / must be .*; got /s.test(error?.message ?? '');
  return ours && (error.code === 'ERR_OUT_OF_RANGE' || error.code === 'ERR_INVALID_ARG_TYPE');
}

/** Runs one call; its failures are collected, and `undefined` is its value. */
function judged(failures, what, call) {
  if (trace) writeSync(2, `${what}\n`);
  moved();
  const failed = (error) => {
    if (trace) writeSync(2, `  ${error?.name}: ${error?.message}\n`);
    if (!documented(error)) failures.push(`${what}: ${error?.stack ?? error}`);
    return undefined;
  };
  try {
    const result = call();
    return result instanceof Promise ? result.catch(failed) : result;
  } catch (error) {
    return failed(error);
  }
}

/** Somebody else who is attached and lives: a slot whose byte another description holds. */
function moveIn(name, header, fd) {
  const file = native.open(name, true);
  file.tryLock(SLOT_BYTE + NEIGHBOUR.slot);
  const slot = new Int32Array(SLOT_BYTES / 4);
  slot[SLOT.GENERATION] = NEIGHBOUR.generation;
  slot[SLOT.STATE] = SLOT_CLAIMED;
  slot[SLOT.PID] = process.ppid;
  writeSync(
    fd,
    new Uint8Array(slot.buffer),
    0,
    SLOT_BYTES,
    header.rosterOffset + NEIGHBOUR.slot * SLOT_BYTES,
  );
  return file;
}

/** Overwrites through the descriptor, never beyond the file; tells the place and the bytes that it came to. */
function scribble(fd, header, { area, offset, how, bytes }) {
  const base = {
    header: 0,
    words: header.wordsOffset,
    roster: header.rosterOffset,
    marks: header.marksOffset,
  };
  const end = { header: header.wordsOffset, words: header.rosterOffset, roster: header.marksOffset };
  const from = base[area] ?? header.payloadOffset;
  const size = (end[area] ?? (area === 'marks' ? header.payloadOffset : header.fileBytes)) - from;
  if (size === 0) return undefined;
  const place = from + (offset % size);
  const given = Buffer.from(bytes, 'hex').subarray(0, header.fileBytes - place);
  const now = Buffer.from(given);
  if (how !== 'set') readSync(fd, now, 0, now.length, place);
  if (how === 'set') given.copy(now);
  else if (how === 'add' && now.length === 4) now.writeInt32LE((now.readInt32LE() + given.readInt32LE()) | 0);
  else for (let i = 0; i < now.length; i++) now[i] ^= given[i];
  writeSync(fd, now, 0, now.length, place);
  return [place, now.toString('hex')];
}

/** Opens every part; those that cannot be opened are undefined. */
function openParts(kind, name, failures) {
  const handles = {};
  attached = 0;
  for (const [part, { open }] of Object.entries(kind.parts)) {
    handles[part] = judged(failures, `open ${part}`, () => open(isthmus, name, handles));
    if (handles[part] !== undefined) attached++;
  }
  return handles;
}

export function callsOf(kind) {
  return Object.entries(kind.parts).flatMap(([part, { calls }]) => calls.map((call) => ({ part, call })));
}

function use({ part, call }, handles, failures) {
  if (handles[part] === undefined) return undefined;
  return judged(failures, `${part}: ${call}`, () => call(handles[part]));
}

function closeParts(handles, failures) {
  for (const [part, handle] of Object.entries(handles))
    judged(failures, `close ${part}`, () => handle?.close?.());
}

async function look(name, failures) {
  judged(failures, 'list', () => isthmus.list());
  judged(failures, 'inspect', () => isthmus.inspect(name));
  await judged(failures, 'isthmus ls', () => ls({}));
  await judged(failures, 'isthmus inspect', () => inspectVerb(name, {}));
  await judged(failures, 'isthmus inspect --json', () => inspectVerb(name, { json: true }));
}

/** Overwritten first, then looked at, opened, and every call made. */
async function before({ kind, place, failures, writes }) {
  place.original.close();
  const done = writes.map((write) => scribble(place.fd, place.header, write));
  await look(place.name, failures);
  for (const [part, { again }] of Object.entries(kind.parts)) {
    if (again) judged(failures, `open ${part} again`, () => again(isthmus, place.name).close());
  }
  const handles = openParts(kind, place.name, failures);
  for (const call of callsOf(kind)) await use(call, handles, failures);
  closeParts(handles, failures);
  if (ALONE) judged(failures, 'collect', () => isthmus.collect());
  judged(failures, 'unlink', () => isthmus.unlink(place.name));
  return done;
}

/** In use: calls, and scribbles between them, under promise forms that wait. */
async function during({ kind, place, failures, steps }) {
  const handles = openParts(kind, place.name, failures);
  const calls = callsOf(kind);
  const pending = [];
  const done = [];
  for (const { write, call, wait } of steps) {
    if (write) for (const one of write) done.push(scribble(place.fd, place.header, one));
    if (call === undefined) continue;
    const result = use(calls[call % calls.length], handles, failures);
    if (wait) await result;
    else pending.push(result);
  }
  await Promise.all(pending);
  await look(place.name, failures);
  closeParts(handles, failures);
  place.original.close();
  return done;
}

let partner;

/** In use here and in another process, which scribbles between its own calls. */
async function storm({ kind, place, failures }, job) {
  partner ??= fork(new URL(import.meta.url), [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const theirs = new Promise((resolve) => {
    partner.once('message', resolve);
    partner.once('exit', (code, signal) => {
      partner = undefined;
      resolve({ failures: [`the other process ended (code ${code}, ${signal})`] });
    });
  });
  const { name, header } = place;
  partner.send({ ...job, family: 'partner', name, header });
  const used = await useForAWhile(kind, name, job, failures);
  const { failures: more } = await theirs;
  partner?.removeAllListeners('exit');
  failures.push(...more.map((failure) => `(the other process) ${failure}`));
  place.original.close();
  return [used];
}

async function useForAWhile(kind, name, { ms, seed }, failures, between = () => {}) {
  const deadline = performance.now() + ms;
  const calls = callsOf(kind);
  let random = seed | 1;
  let count = 0;
  while (performance.now() < deadline && failures.length === 0) {
    const handles = openParts(kind, name, failures);
    for (let i = 0; i < 30 && performance.now() < deadline; i++, count++) {
      random = Math.imul(random, 1664525) + 1013904223;
      between();
      const result = use(calls[(random >>> 8) % calls.length], handles, failures);
      if (result instanceof Promise) setImmediate(between);
      await result;
    }
    closeParts(handles, failures);
    await new Promise(setImmediate);
  }
  return count;
}

async function asPartner(job) {
  const failures = [];
  const fd = openSync(`/dev/shm/${job.name}`, 'r+');
  const { lock } = KINDS[job.kind];
  if (lock !== undefined) rescue(fd, job.header.wordsOffset + 4 * lock);
  let next = 0;
  const between = () => {
    for (let i = 0; i < 3; i++) scribble(fd, job.header, job.writes[next++ % job.writes.length]);
  };
  await useForAWhile(KINDS[job.kind], job.name, { ...job, seed: job.seed + 1 }, failures, between);
  rescued();
  closeSync(fd);
  return { failures };
}

/** Objects that nobody overwrites must not notice. */
const healthy = {};
function spoilt() {
  const message = { a: [1, 'two'], b: 'ünï', three: { a: 4 } };
  for (const codec of ['msgpack', 'json', 'v8']) {
    healthy[codec] ??= (() => {
      const name = `it-fuzz-healthy-${process.pid}-${codec}`;
      const ends = ['producer', 'consumer'].map((end) =>
        isthmus.SpscQueue[end](name, { codec, capacity: 4096 }),
      );
      isthmus.unlink(name);
      return ends;
    })();
    const [producer, consumer] = healthy[codec];
    producer.putSync(message);
    const found = consumer.tryGet();
    if (!isDeepStrictEqual(found, message))
      return [`a healthy queue (${codec}) gave ${JSON.stringify(found)}`];
  }
  return [];
}

function peak() {
  return Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
}

let count = 0;
async function run(job) {
  trace = job.trace ?? false;
  if (job.family === 'partner') return asPartner(job);
  const failures = [];
  const kind = KINDS[job.kind];
  const name = `it-fuzz-${process.pid}-${count++}`;
  writeFileSync('/proc/self/clear_refs', '5'); // the peak starts anew
  const memory = peak();
  const original = kind.create(isthmus, name);
  const { header } = isthmus.inspect(name);
  const fd = openSync(`/dev/shm/${name}`, 'r+');
  const neighbour = moveIn(name, header, fd);
  if (kind.lock !== undefined) rescue(fd, header.wordsOffset + 4 * kind.lock);
  const place = { original, name, header, fd };
  let done;
  try {
    done = await { before, during, storm }[job.family]({ ...job, kind, place, failures }, job);
  } catch (error) {
    failures.push(`the case itself: ${error.stack}`);
  }
  neighbour.close();
  rescued();
  closeSync(fd);
  for (const file of [name, `${name}-lock`, `${name}-dead`]) rmSync(`/dev/shm/${file}`, { force: true });
  await new Promise(setImmediate);
  failures.push(...strays.splice(0).map((error) => `nobody caught: ${error?.stack ?? error}`), ...spoilt());
  const grown = peak() - memory;
  if (grown > MOST_MEMORY) failures.push(`the process grew by ${grown} KB`);
  return { failures, done, attached: attached > 0 };
}

process.on('message', async (job) => process.send(await run(job)));
process.on('disconnect', () => process.exit());
