// Fresh processes for each measurement, which share nothing but names, start at the same moment and say what they found.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BENCH = fileURLToPath(new URL('..', import.meta.url));
const ACTOR = fileURLToPath(new URL('actor-main.mjs', import.meta.url));

/** A process that takes longer hangs. */
const PATIENCE = 120_000;

const PREFIX = `isthmus-bench-${process.pid}`;

const running = new Set();
process.on('exit', () => {
  for (const child of running) stop(child);
  sweep();
});

// The processes have groups of their own: an interrupt from the keyboard reaches us alone.
for (const [signal, number] of [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
])
  process.once(signal, () => process.exit(128 + number));

export const freshName = (what = 'x') => `${PREFIX}-${what}-${randomBytes(4).toString('hex')}`;

/** Removes what a run has left in /dev/shm, but for what has one of the names in it. */
export function sweep(kept = []) {
  for (const name of readdirSync('/dev/shm'))
    if (name.includes(PREFIX) && !kept.some((one) => name.includes(one)))
      rmSync(`/dev/shm/${name}`, { recursive: true, force: true });
}

/** A process that runs a role of a module (see actor-main.mjs). */
export function script(module, role, parameters = {}, { env = {}, flags = [] } = {}) {
  const args = [...flags, ACTOR, `${BENCH}${module}`, role, JSON.stringify(parameters)];
  return { command: process.execPath, args, env };
}

const keyValues = (parameters) => Object.entries(parameters).map(([key, value]) => `${key}=${value}`);

export const python = (file, parameters) => ({
  command: 'python3',
  args: [`${BENCH}peers/${file}`, ...keyValues(parameters)],
});

export const program = (path, parameters) => ({ command: path, args: keyValues(parameters) });

/** A running process: `line(prefix)` resolves with its next line that begins so; `result` with its line of JSON. */
export function start({ command, args, env = {}, patience = PATIENCE }) {
  // A group of its own, so that what it has forked can be ended with it.
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    cwd: BENCH,
    env: { ...process.env, ...env },
  });
  running.add(child);
  const lines = [];
  const waiters = [];
  let errors = '';
  let ended;
  const settle = () => {
    for (const waiter of [...waiters]) {
      const at = lines.findIndex((line) => line.startsWith(waiter.prefix));
      if (at < 0 && ended === undefined) continue;
      waiters.splice(waiters.indexOf(waiter), 1);
      if (at >= 0) waiter.resolve(lines.splice(at, 1)[0]);
      else waiter.reject(new Error(`${args[1] ?? command} ${args[2] ?? ''}: ${ended}`));
    }
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    settle();
  });
  child.stderr.on('data', (data) => {
    errors = (errors + data).slice(-2000);
  });
  child.stdin.on('error', () => undefined); // it may have ended already
  const over = (why) => {
    clearTimeout(dog);
    running.delete(child);
    ended ??= why;
    settle();
  };
  const hangs = () => {
    stop(child);
    over(`no result within ${patience / 1000} s`);
  };
  const dog = Number.isFinite(patience) ? setTimeout(hangs, patience) : undefined;
  const exited = new Promise((resolve) => {
    child.on('error', (error) => {
      over(error.message);
      resolve();
    });
    child.on('close', (code, signal) => {
      over(code === 0 ? 'no result' : `ended with ${code ?? signal}: ${errors.trim() || 'no message'}`);
      resolve(code);
    });
  });
  const line = (prefix) =>
    new Promise((resolve, reject) => {
      waiters.push({ prefix, resolve, reject });
      settle();
    });
  return {
    pid: child.pid,
    line,
    exited,
    tell: (text) => child.stdin.write(`${text}\n`),
    kill: () => child.kill('SIGKILL'),
    stop: () => stop(child),
  };
}

function stop(child) {
  // One that is over, with all that had its output, must not be signalled: its number may be somebody else's by now.
  if (child.pid === undefined || !running.has(child)) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // all of the group is gone
  }
}

/**
 * Starts all, lets them go at the same moment, gives what each of them said. Of one with `background` nothing is expected:
 * it is ended when the others are done.
 */
export async function together(actors) {
  const processes = actors.map(start);
  try {
    await Promise.all(processes.map((one) => one.line('READY')));
    for (const one of processes) one.tell('GO');
    const asked = processes.filter((_, index) => !actors[index].background);
    return await Promise.all(asked.map(async (one) => JSON.parse(await one.line('{'))));
  } finally {
    for (const one of processes) one.stop(); // what it was asked for it has said
    await Promise.all(processes.map((one) => one.exited));
  }
}
