/** How far the data is: a line on the terminal, drawn by itself; nothing where stderr is no terminal. */

import cliProgress from 'cli-progress';
import { onExit } from './ending.mjs';
import { bytes, duration } from './format.mjs';

const FRAMES_PER_SECOND = 10;
const BAR_WIDTH = 24;
/** The rate is that of the last so many frames. */
const WINDOW = 3 * FRAMES_PER_SECOND;

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

interface ProgressOptions {
  readonly shown: boolean;
  /** How many bytes have arrived; asked for ten times a second. */
  bytes(): number;
}

export class Progress {
  readonly #title: string;
  readonly #peer: string;
  readonly #total: number | undefined;
  readonly #bytes: () => number;
  readonly #bar: cliProgress.SingleBar | undefined;
  #samples: Sample[] = [];
  /** The last look at which nothing had moved yet. */
  #began = performance.now();
  #stopped = false;

  /**
   * @param title what is going on
   * @param peer the command that we wait for until the first byte moves
   * @param total how many bytes it will be, if that is known
   */
  constructor(title: string, peer: string, total: number | undefined, options: ProgressOptions) {
    this.#title = title;
    this.#peer = peer;
    this.#total = total;
    this.#bytes = options.bytes;
    if (!options.shown || !process.stderr.isTTY) return;
    this.#bar = new cliProgress.SingleBar({
      stream: process.stderr,
      fps: FRAMES_PER_SECOND,
      format: () => this.#line(),
      hideCursor: true,
      gracefulExit: false, // signals are ours
    });
    this.#bar.start(total ?? 0, 0);
    onExit(() => this.stop());
  }

  /** Draws the last line and leaves the terminal as it was. Idempotent. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#bar?.stop();
  }

  #line(): string {
    const now: Sample = { at: performance.now(), bytes: this.#look() };
    if (now.bytes === 0) {
      this.#began = now.at;
      return `${this.#title}  ${this.#stopped ? '0 B' : `waiting for: ${this.#peer}`}`;
    }
    if (this.#samples.length === 0) this.#samples.push({ at: this.#began, bytes: 0 });
    this.#samples = [...this.#samples.slice(-WINDOW), now];
    return this.#stopped ? this.#summary(now) : this.#progress(now);
  }

  #look(): number {
    try {
      return this.#bytes();
    } catch {
      return this.#samples.at(-1)?.bytes ?? 0; // the transfer itself meets the same trouble, and says so
    }
  }

  #summary({ at, bytes: done }: Sample): string {
    const seconds = Math.max(at - this.#began, 1) / 1000;
    return `${this.#title}  ${bytes(done)} in ${seconds.toFixed(1)} s, ${bytes(done / seconds)}/s`;
  }

  #progress({ at, bytes: done }: Sample): string {
    const first = this.#samples[0]!;
    const rate = at > first.at ? ((done - first.bytes) / (at - first.at)) * 1000 : 0;
    const speed = `${bytes(rate)}/s`;
    if (this.#total === undefined) {
      return `${this.#title}  ${bytes(done)}  ${speed}  ${duration((at - this.#began) / 1000)}`;
    }
    const share = Math.min(1, done / Math.max(1, this.#total));
    const full = Math.round(share * BAR_WIDTH);
    const bar = `[${'='.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}]`;
    const left = rate > 0 ? `${duration((this.#total - done) / rate)} left` : '';
    const percent = `${Math.floor(share * 100)}%`.padStart(4);
    return `${this.#title}  ${bar} ${percent}  ${bytes(done)} of ${bytes(this.#total)}  ${speed}  ${left}`;
  }
}
