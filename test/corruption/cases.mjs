// Cases as fast-check generates and shrinks them, and the watch over the process that runs them.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { DIST, KINDS } from './kinds.mjs';
import { beforehand, meanwhile } from './scribbles.mjs';

const VICTIM = new URL('./victim.mjs', import.meta.url).pathname;
/** ms after which a case that has not come to its end hangs: every wait in it has a timeout of a few. */
const WATCHDOG = 20_000;
/** ms for finding a smaller case than the first that failed: one that hangs takes the watchdog's time each. */
const SHRINKING = 60_000;

/** A /dev/shm of its own, where that is permitted. */
const PRIVATE = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mount -t tmpfs -o size=256m tmpfs /dev/shm && SHM_IS_PRIVATE=1 exec "$@"',
  'sh',
];

/** The process that runs the cases; a new one takes its place when it has died. */
export class Victim {
  #child;
  #stderr = '';
  #private = true;
  /** How many cases have come to their end. */
  cases = 0;
  /** In how many of them the object could still be attached. */
  attached = 0;

  #start() {
    const [command, ...args] = [
      ...(this.#private ? PRIVATE : []),
      process.execPath,
      '--max-old-space-size=512',
      '--no-warnings', // guards are forgotten on purpose
      VICTIM,
    ];
    // A group of its own: the process that it may have started ends with it.
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true });
    child.stdout.resume(); // what the CLI's commands print
    this.#stderr = '';
    child.stderr.on('data', (chunk) => {
      this.#stderr = `${this.#stderr}${chunk}`.slice(-20_000);
    });
    child.exited = once(child, 'close');
    return child;
  }

  /** Runs a case to its end; throws with all that is known when it is not as it should be. */
  async judge(job) {
    this.#child ??= this.#start();
    const child = this.#child;
    child.send(job);
    let dog;
    const ended = await Promise.race([
      once(child, 'message').then(([answer]) => answer),
      child.exited.then(([code, signal]) => ({ code, signal })),
      new Promise((resolve) => {
        dog = setTimeout(resolve, WATCHDOG, {});
      }),
    ]);
    clearTimeout(dog);
    if (ended.failures === undefined) {
      await this.stop();
      if (this.cases === 0 && this.#private && /unshare|mount/.test(this.#stderr)) {
        this.#private = false; // not permitted here
        return this.judge(job);
      }
      const how = 'code' in ended ? `DIED: code ${ended.code}, ${ended.signal}` : 'HANGS, and was killed';
      throw new Error(`${how}\n${this.#stderr}`);
    }
    this.cases++;
    if (ended.attached) this.attached++;
    if (ended.failures.length === 0) return;
    const places = job.family === 'storm' ? '' : `\nwritten [offset, bytes]: ${JSON.stringify(ended.done)}`;
    throw new Error(`${ended.failures.join('\n')}${places}\n${this.#stderr}`);
  }

  async stop() {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // gone already
    }
    await child.exited;
    for (const file of readdirSync('/dev/shm').filter((name) => name.startsWith(`it-fuzz-${child.pid}-`)))
      rmSync(`/dev/shm/${file}`);
  }
}

function callCount(kind) {
  return Object.values(KINDS[kind].parts).reduce((sum, { calls }) => sum + calls.length, 0);
}

/** How a case comes about, by family. */
export const FAMILIES = {
  /** Overwritten before anybody attaches, lists, inspects or collects. */
  before: (kind) => beforehand(kind).map((writes) => ({ family: 'before', kind, writes })),
  /** Overwritten while attached, between calls and under waits. */
  during: (kind) => {
    const step = fc.oneof(
      { weight: 2, arbitrary: meanwhile(kind).map((write) => ({ write })) },
      {
        weight: 3,
        arbitrary: fc.record({ call: fc.nat(callCount(kind) - 1), wait: fc.boolean() }),
      },
    );
    return fc
      .array(step, { minLength: 2, maxLength: 40, size: 'max' })
      .map((steps) => ({ family: 'during', kind, steps }));
  },
  /** Overwritten at random by another process that uses it, too. Not replayed step by step: two processes race. */
  storm: (kind, ms = 150) =>
    fc
      .tuple(fc.array(meanwhile(kind), { minLength: 100, maxLength: 200, size: 'max' }), fc.nat())
      .map(([writes, seed]) => ({ family: 'storm', kind, ms, seed, writes: writes.flat() })),
};

/** Holds one kind to the property; returns the report of what broke it, or nothing. */
export async function hold(victim, family, kind, { seed, numRuns, path, ms, trace, endOnFailure = false }) {
  let enough = Number.POSITIVE_INFINITY;
  const property = fc.asyncProperty(FAMILIES[family](kind, ms), async (job) => {
    if (performance.now() > enough) return; // as if it held: the smallest found so far is reported
    try {
      await victim.judge({ ...job, trace });
    } catch (error) {
      enough = Math.min(enough, performance.now() + SHRINKING);
      throw error;
    }
  });
  const details = await fc.check(property, {
    seed,
    numRuns,
    ...(path === undefined ? {} : { path }),
    endOnFailure: endOnFailure || family === 'storm',
  });
  if (!details.failed) return undefined;
  const replay = { family, kind, seed: details.seed, path: details.counterexamplePath };
  const [job] = details.counterexample;
  const what = family === 'storm' ? '' : `${JSON.stringify(job)}\n`;
  const copy = DIST === new URL('../../dist', import.meta.url).pathname ? '' : `ISTHMUS_DIST=${DIST} `;
  return `BROKEN: ${family}, ${kind}\n${details.errorInstance?.message ?? details.error}\n${what}replay: ${copy}npm run fuzz -- --replay='${JSON.stringify(replay)}'`;
}
