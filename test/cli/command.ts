// Runs the built command as its users do: a process of its own, with a watchdog.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { afterEach } from 'vitest';

export const MAIN = new URL('../../dist/cli/main.mjs', import.meta.url).pathname;
const WATCHDOG = 90_000;

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

interface Options {
  /** What is written to its stdin, which then ends. `null`: it stays open. A number: a file descriptor. */
  readonly input?: Buffer | string | null | number;
  /** Where its stdout goes instead of to us: a file descriptor. */
  readonly output?: number;
  /** Run through this command. */
  readonly through?: readonly string[];
}

const running = new Set<Command>();
const names = new Set<string>();

/** One run of the command. */
export class Command {
  readonly child: ChildProcess;
  readonly #chunks: Buffer[] = [];
  #stderr = '';
  readonly #outcome: Promise<Outcome>;

  constructor(args: readonly string[], { input = '', output, through = [] }: Options) {
    const [command, ...rest] = [...through, process.execPath, MAIN, ...args] as [string, ...string[]];
    const stdin = typeof input === 'number' ? input : 'pipe';
    this.child = spawn(command, rest, { stdio: [stdin, output ?? 'pipe', 'pipe'], detached: true });
    running.add(this);
    this.child.stdout?.on('data', (chunk) => this.#chunks.push(chunk));
    this.child.stderr!.setEncoding('utf8').on('data', (chunk) => {
      this.#stderr += chunk;
    });
    this.child.stdin?.on('error', () => undefined); // it may exit without reading everything
    if (typeof input !== 'number' && input !== null) this.child.stdin?.end(input);
    this.#outcome = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => {
        running.delete(this);
        resolve({ code, signal, stdout: Buffer.concat(this.#chunks), stderr: this.#stderr });
      });
    });
    this.#outcome.catch(() => undefined);
  }

  /** What came of it; kills it and fails if it does not end by itself. */
  async outcome(): Promise<Outcome> {
    let timer: NodeJS.Timeout | undefined;
    const watchdog = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.kill();
        reject(new Error(`${this.child.spawnargs.join(' ')} did not end; stderr: ${this.#stderr}`));
      }, WATCHDOG);
    });
    try {
      return await Promise.race([this.#outcome, watchdog]);
    } finally {
      clearTimeout(timer);
    }
  }

  get stdout(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  get stderr(): string {
    return this.#stderr;
  }

  kill(): void {
    try {
      process.kill(-this.child.pid!, 'SIGKILL');
    } catch {
      // gone already
    }
  }
}

export function start(args: readonly string[], options: Options = {}): Command {
  return new Command(args, options);
}

export function isthmus(args: readonly string[], options: Options = {}): Promise<Outcome> {
  return start(args, options).outcome();
}

/** A name of our own; whatever stands under it is removed after the test. */
export function freshName(): string {
  const name = `cli-test-${process.pid}-${randomBytes(4).toString('hex')}`;
  names.add(name);
  return name;
}

export function fileOf(name: string): string {
  return `/dev/shm/${name}`;
}

export function exists(name: string): boolean {
  return existsSync(fileOf(name));
}

/** Waits for something that another process does. */
export async function eventually(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + WATCHDOG;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

afterEach(async () => {
  for (const command of running) command.kill();
  await Promise.all([...running].map((command) => command.outcome().catch(() => undefined)));
  for (const name of names) {
    rmSync(fileOf(name), { recursive: true, force: true });
    rmSync(fileOf(`sem.${name}`), { force: true });
  }
  names.clear();
});
