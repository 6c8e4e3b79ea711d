// Starts unrelated processes: own session, no IPC channel, nothing in common but the names they are told.
//
// A script is given as a function; its source is sent to a fresh Node, so it sees only its parameters:
//   const peer = start(({ Value }, { args, say }) => { say(Value.attach(args[0]).value) }, name);
//   expect(await peer.said()).toBe(3);

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { deserialize, serialize } from 'node:v8';
import { afterEach } from 'vitest';

type Isthmus = typeof import('isthmus');

/** What a script gets beside the package. */
export interface Context {
  readonly args: readonly never[];
  /** Sends a value to the test. */
  say(value?: unknown): void;
  /** Waits for the test's next `tell`. */
  heard(): Promise<unknown>;
  sleep(ms: number): Promise<void>;
  readonly require: NodeJS.Require;
}

// biome-ignore lint/suspicious/noConfusingVoidType: scripts may return nothing
type Script = (isthmus: Isthmus, context: Context) => Promise<unknown> | void;

export interface Options {
  readonly env?: Record<string, string>;
  readonly execArgv?: readonly string[];
  readonly uid?: number;
  /** Run through this command, for example ['unshare', '--mount']. */
  readonly through?: readonly string[];
  /** ms after which a process that still runs is killed and reported. */
  readonly watchdog?: number;
}

const ROOT = new URL('../..', import.meta.url).pathname;
const WATCHDOG = 90_000;

const running = new Set<Peer>();
const names = new Set<string>();

/** An unrelated process. */
export class Peer {
  readonly child: ChildProcess;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
  readonly #said: unknown[] = [];
  readonly #listeners: ((value: { value: unknown } | { error: Error }) => void)[] = [];
  #stderr = '';

  constructor(script: Script, args: readonly unknown[], options: Options) {
    const source = `
      import * as isthmus from 'isthmus';
      import { createRequire } from 'node:module';
      import { createInterface } from 'node:readline';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { writeSync } from 'node:fs';
      import v8 from 'node:v8';
      const lines = createInterface({ input: process.stdin });
      const heard = [], hearing = [];
      lines.on('line', (line) => { const value = v8.deserialize(Buffer.from(line, 'base64')); hearing.length ? hearing.shift()(value) : heard.push(value); });
      process.stdin.unref?.();
      const context = {
        args: v8.deserialize(Buffer.from(${JSON.stringify(serialize(args).toString('base64'))}, 'base64')),
        say: (value) => writeSync(1, v8.serialize(value).toString('base64') + '\\n'),
        heard: () => heard.length ? Promise.resolve(heard.shift()) : new Promise((resolve) => { process.stdin.ref?.(); hearing.push((v) => { process.stdin.unref?.(); resolve(v); }); }),
        sleep,
        require: createRequire(${JSON.stringify(`${ROOT}test/x.js`)}),
      };
      await (${script.toString()})(isthmus, context);
    `;
    const [command, ...prefix] = [...(options.through ?? []), process.execPath] as unknown as [
      string,
      ...string[],
    ];
    this.child = spawn(
      command,
      [...prefix, ...(options.execArgv ?? []), '--input-type=module', '-e', source],
      {
        cwd: ROOT,
        detached: true, // a session of its own
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { ...process.env, ...options.env },
        ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
      },
    );
    running.add(this);
    this.child.stderr!.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.#deliver({ value: deserialize(Buffer.from(line, 'base64')) });
    });
    this.child.stdin!.on('error', () => undefined); // it may be gone already
    const dog = setTimeout(() => {
      this.#stderr += '\n[watchdog: still running, killed]';
      this.kill();
    }, options.watchdog ?? WATCHDOG);
    this.exited = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        clearTimeout(dog);
        running.delete(this);
        resolve({ code, signal, stderr: this.#stderr });
        this.#deliver({
          error: new Error(`the process ended (code ${code}, ${signal}) without a word: ${this.#stderr}`),
        });
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  #deliver(word: { value: unknown } | { error: Error }): void {
    const listener = this.#listeners.shift();
    if (listener !== undefined) listener(word);
    else this.#said.push(word);
    // Whoever asks after the end gets the same answer again.
    if ('error' in word && this.#said.length === 0) this.#said.push(word);
    if ('error' in word) for (const other of this.#listeners.splice(0)) other(word);
  }

  /** What the process says next. Rejects when it ends first. */
  said<T = unknown>(): Promise<T> {
    const take = (word: unknown): T => {
      const answer = word as { value: T } | { error: Error };
      if ('error' in answer) throw answer.error;
      return answer.value;
    };
    if (this.#said.length > 0) {
      const word = this.#said[0] as { error?: Error };
      if (word.error === undefined) this.#said.shift();
      return Promise.resolve().then(() => take(word));
    }
    return new Promise((resolve) => this.#listeners.push(resolve as never)).then(take);
  }

  tell(value?: unknown): void {
    this.child.stdin!.write(`${serialize(value).toString('base64')}\n`);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    try {
      process.kill(this.pid, signal);
    } catch {
      // gone already
    }
  }

  /** Waits for a normal end; anything else is an error with what the process wrote. */
  async done(): Promise<void> {
    const { code, signal, stderr } = await this.exited;
    if (code !== 0) throw new Error(`the process ended with code ${code}, signal ${signal}: ${stderr}`);
  }
}

export function start(script: Script, ...args: readonly unknown[]): Peer {
  return new Peer(script, args, {});
}

export function startWith(options: Options, script: Script, ...args: readonly unknown[]): Peer {
  return new Peer(script, args, options);
}

/** A name nobody else uses; what is left under it is removed after the test. */
export function freshName(hint = 'test'): string {
  const name = `it-${hint}-${process.pid}-${randomBytes(4).toString('hex')}`;
  names.add(name);
  return name;
}

/** The names in /dev/shm that belong to this test's names. */
export function leftovers(): string[] {
  return readdirSync('/dev/shm').filter((file) => names.has(file) || names.has(file.replace(/^sem\./, '')));
}

afterEach(async () => {
  const ends = [...running].map((peer) => {
    peer.kill();
    return peer.exited;
  });
  await Promise.all(ends);
  for (const file of leftovers()) rmSync(`/dev/shm/${file}`, { recursive: true, force: true });
  names.clear();
});

export const nodeRequire: NodeJS.Require = createRequire(import.meta.url);

/** Both forms of every wait, to run each blocking case in each. */
export const FORMS = ['Sync', 'promise'] as const;
