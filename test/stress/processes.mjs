// What the stress runs share: unrelated processes, names, time, figures.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** After so many ms a process hangs: it is killed, and the run has failed. */
const WATCHDOG = 20 * 60_000;

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export function freshName(what) {
  return `stress-${what}-${process.pid}-${randomBytes(4).toString('hex')}`;
}

/** Starts a script of this folder: a session of its own, no channel, nothing in common but the names it is told. */
export function start(file, args, env = {}) {
  const child = spawn(process.execPath, [new URL(file, import.meta.url).pathname, ...args.map(String)], {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  });
  running.add(child);
  const dog = setTimeout(() => {
    console.error(`${file} ${args.join(' ')}: hangs, killed`);
    child.kill('SIGKILL');
  }, WATCHDOG);
  const exited = once(child, 'exit').then(([code, signal]) => {
    clearTimeout(dog);
    running.delete(child);
    return { code, signal };
  });
  return {
    pid: child.pid,
    kill: (signal = 'SIGKILL') => child.kill(signal),
    exited,
    gone: () => !running.has(child),
    /** A normal end; anything else is an error. */
    async done() {
      const { code, signal } = await exited;
      if (code !== 0) throw new Error(`${file} ${args[1] ?? ''} ended with ${code ?? signal}`);
    },
  };
}

/** ms on the clock that all processes of the machine share. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

export const random = (below) => Math.floor(Math.random() * below);

/** Looks again and again until something is so; an error if it does not come about. */
export async function until(what, isSo, patience = 60_000) {
  for (const deadline = now() + patience; !isSo(); ) {
    if (now() > deadline) throw new Error(`${what}: not within ${patience / 1000} s`);
    await sleep(1);
  }
}

export function check(condition, what) {
  if (!condition) throw new Error(what);
}

/** "median 0.4 ms, slowest 1.2 ms" */
export function figures(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(2);
  return `median ${at(0.5)} ms, 99 % ${at(0.99)} ms, slowest ${at(1)} ms`;
}
