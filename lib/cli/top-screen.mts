/** The terminal: taken over, drawn on line by line, and given back as it was, whatever ends us. */

import { onExit } from './ending.mjs';

const ESC = '\x1b[';
const OTHER_SCREEN = `${ESC}?1049h`;
/** No cursor, and lines that are too long are cut by the terminal instead of running into the next. Then nothing is on it. */
const PREPARE = `${ESC}?25l${ESC}?7l${ESC}2J`;
const LEAVE = `${ESC}0m${ESC}?7h${ESC}?25h${ESC}?1049l`;

/** How a piece of text looks, where there are colours. */
export type Style = 'strong' | 'dim' | 'chosen' | 'bad' | 'good' | 'warm' | 'cool';

const CODES: Readonly<Record<Style, number>> = {
  strong: 1,
  dim: 2,
  chosen: 7,
  bad: 31,
  good: 32,
  warm: 33,
  cool: 36,
};

export class Screen {
  readonly #output: NodeJS.WriteStream;
  readonly #input: NodeJS.ReadStream | undefined;
  readonly #changed: () => void;
  readonly #undo: (() => void)[] = [];
  readonly coloured: boolean;
  #drawn: string[] = [];
  #entered = false;

  /** `changed`: the terminal has another size or was somebody else's meanwhile: draw anew. */
  constructor(output: NodeJS.WriteStream, input: NodeJS.ReadStream | undefined, changed: () => void) {
    this.#output = output;
    this.#input = input;
    this.#changed = changed;
    this.coloured = output.hasColors(); // NO_COLOR and the like are Node's business
  }

  get width(): number {
    return Math.max(1, this.#output.columns || 80);
  }

  get height(): number {
    return Math.max(1, this.#output.rows || 24);
  }

  open(): void {
    this.#take();
    const on = (event: NodeJS.Signals, act: () => void): void => {
      process.on(event, act);
      this.#undo.push(() => void process.off(event, act));
    };
    on('SIGTSTP', this.#onStop);
    on('SIGCONT', () => this.#again());
    const onResize = (): void => this.#again();
    this.#output.on('resize', onResize);
    this.#undo.push(() => void this.#output.off('resize', onResize));
    const giveBack = (): void => this.#giveBack();
    // Before the message of what went wrong: on the other screen it would be gone with it.
    process.prependListener('uncaughtException', giveBack);
    process.on('exit', giveBack);
    this.#undo.push(
      () => void process.off('uncaughtException', giveBack).off('exit', giveBack),
      onExit(giveBack),
    );
  }

  close(): void {
    for (const undo of this.#undo.splice(0)) undo();
    this.#giveBack();
  }

  /** Stops the whole job, as the terminal would have done had it read the key: `npx` runs beside us. */
  suspend(): void {
    this.#stop(0);
  }

  readonly #onStop = (): void => this.#stop(process.pid);

  #stop(whom: number): void {
    this.#giveBack();
    process.off('SIGTSTP', this.#onStop); // now the signal does what it does by itself
    process.kill(whom, 'SIGTSTP');
    // We get here when somebody continues us; or at once, where there is no shell that could.
    setImmediate(() => {
      if (this.#undo.length === 0) return; // closed meanwhile
      process.on('SIGTSTP', this.#onStop);
      this.#again();
    });
  }

  #again(): void {
    if (this.#undo.length === 0) return;
    this.#take(); // a shell may have set it its own way
    this.#changed();
  }

  /** Whatever stands on it is drawn anew the next time. */
  clear(): void {
    if (this.#entered) this.#take();
  }

  /** Draws a picture: as many of its lines as there is room for, and of these the ones that are new. */
  draw(lines: readonly string[]): void {
    if (!this.#entered) return;
    const next = lines.slice(0, this.height);
    let text = '';
    for (let row = 0; row < Math.max(next.length, this.#drawn.length); row++) {
      if (next[row] === this.#drawn[row]) continue;
      // Erased first: behind a full line it would be its last character that goes.
      text += `${ESC}${row + 1};1H${ESC}K${next[row] ?? ''}${ESC}0m`;
    }
    this.#drawn = next;
    if (text !== '') this.#output.write(text);
  }

  style(text: string, ...styles: readonly (Style | undefined)[]): string {
    const codes = styles.filter((one) => one !== undefined).map((one) => CODES[one]);
    return this.coloured && codes.length > 0 ? `${ESC}${codes.join(';')}m${text}${ESC}0m` : text;
  }

  #take(): void {
    if (this.#input?.isTTY) {
      this.#input.setRawMode(true);
      this.#input.resume();
    }
    // Entered once more, it would forget where the cursor was on the first screen.
    this.#output.write(`${this.#entered ? '' : OTHER_SCREEN}${PREPARE}`);
    this.#drawn = [];
    this.#entered = true;
  }

  #giveBack(): void {
    if (!this.#entered) return;
    this.#entered = false;
    try {
      this.#output.write(LEAVE);
      if (this.#input?.isTTY) {
        this.#input.setRawMode(false);
        this.#input.pause();
      }
    } catch {
      // The terminal is gone: there is nothing to give back.
    }
  }
}
