// A real (pseudo-)terminal with a shell in it, and what stands on its screen. Needs Python 3, whose pty module makes it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { afterEach } from 'vitest';

export const noTerminal = spawnSync('python3', ['-c', 'import pty, termios']).status !== 0;

const WATCHDOG = 90_000;
const running = new Set<Terminal>();

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: they are what a terminal is told with
const TOKENS = /\x1b\[([?0-9;]*)([A-Za-z])|\r|\n|[^\x00-\x1f\x7f]|[\x00-\x1f\x7f]/gu;
const WHOLE = /^\x1b\[[?0-9;]*[A-Za-z]/;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: as above

/** Knows the few sequences that `isthmus top` and a shell without an editor write. */
export class Terminal {
  readonly #child: ChildProcess;
  #rows: number;
  #columns: number;
  #screens: string[][] = [[''], ['']];
  #other = 0;
  #row = 0;
  #column = 0;
  #rest = '';
  #cursor = true;
  /** Everything that was ever written. */
  output = '';

  constructor(rows: number, columns: number, env: Record<string, string> = {}) {
    this.#rows = rows;
    this.#columns = columns;
    const script = new URL('terminal.py', import.meta.url).pathname;
    const { NO_COLOR: _, FORCE_COLOR: __, ...rest } = process.env;
    this.#child = spawn('python3', [script, String(rows), String(columns)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...rest, ...env },
    });
    running.add(this);
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      this.#take(text);
    });
    this.#child.stdin!.on('error', () => undefined);
  }

  /** Presses keys. */
  type(keys: string): void {
    this.#child.stdin!.write(`${JSON.stringify({ keys })}\n`);
  }

  resize(rows: number, columns: number): void {
    this.#rows = rows;
    this.#columns = columns;
    this.#child.stdin!.write(`${JSON.stringify({ size: [rows, columns] })}\n`);
  }

  get lines(): string[] {
    return this.#screens[this.#other]!.map((line) => line.trimEnd());
  }

  get text(): string {
    return this.lines.join('\n');
  }

  /** Whether the second screen is shown, which a full-screen program takes and must give back. */
  get onOtherScreen(): boolean {
    return this.#other === 1;
  }

  get cursorShown(): boolean {
    return this.#cursor;
  }

  /** Waits until the screen is so. */
  async until(what: string, condition: (terminal: this) => boolean): Promise<void> {
    const deadline = performance.now() + WATCHDOG;
    while (!condition(this)) {
      if (performance.now() > deadline)
        throw new Error(`it never came to this: ${what}; the screen:\n${this.text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async shows(pattern: RegExp): Promise<void> {
    await this.until(String(pattern), ({ text }) => pattern.test(text));
  }

  kill(): void {
    running.delete(this);
    this.#child.kill('SIGKILL');
  }

  #take(text: string): void {
    const all = this.#rest + text;
    const half = all.lastIndexOf('\x1b');
    const isHalf = half >= 0 && !WHOLE.test(all.slice(half));
    this.#rest = isHalf ? all.slice(half) : '';
    for (const [token, parameters, final] of (isHalf ? all.slice(0, half) : all).matchAll(TOKENS)) {
      if (final !== undefined) this.#command(parameters!, final);
      else if (token === '\r') this.#column = 0;
      else if (token === '\n') this.#newLine();
      else if (token >= ' ') this.#put(token);
    }
  }

  #command(parameters: string, final: string): void {
    const screen = this.#screens[this.#other]!;
    if (final === 'H')
      [this.#row, this.#column] = parameters.split(';').map((one) => Number(one) - 1) as [number, number];
    else if (final === 'K')
      this.#set(
        this.#row,
        [...(screen[this.#row] ?? '')].slice(0, Math.min(this.#column, this.#columns - 1)).join(''),
      );
    else if (final === 'J') screen.length = 0;
    else if (parameters === '?1049') {
      this.#other = final === 'h' ? 1 : 0;
      this.#screens[1] = [];
      this.#row = this.#screens[this.#other]!.length - 1;
    } else if (parameters === '?25') this.#cursor = final === 'h';
  }

  #put(character: string): void {
    if (this.#column >= this.#columns) return; // lines are cut, as top asks for it
    const line = [...(this.#screens[this.#other]![this.#row] ?? '').padEnd(this.#column)];
    line[this.#column++] = character;
    this.#set(this.#row, line.join(''));
  }

  #set(row: number, line: string): void {
    const screen = this.#screens[this.#other]!;
    while (screen.length < row) screen.push('');
    screen[row] = line;
  }

  #newLine(): void {
    if (++this.#row >= this.#rows && this.#other === 1) this.#row = this.#rows - 1;
    this.#set(this.#row, this.#screens[this.#other]![this.#row] ?? '');
  }
}

afterEach(() => {
  for (const terminal of running) terminal.kill();
});
