/** `isthmus top` on a terminal: rounds of looking, keys, and the picture that follows from both. */

import { exit, exitOnSignals } from './ending.mjs';
import { codeOf, EXIT } from './exit-codes.mjs';
import { listenToKeys, type Wish } from './top-keys.mjs';
import { helpPicture, listPicture, objectPicture, rowsThatFit } from './top-picture.mjs';
import { isSame, type Known } from './top-rates.mjs';
import { Sampler } from './top-sampler.mjs';
import { files } from './top-sampling.mjs';
import { Screen } from './top-screen.mjs';
import { arrange, COLUMN_NAMES, type Order } from './top-table.mjs';

export interface LiveOptions {
  /** ms from round to round. */
  readonly interval: number;
  readonly rounds: number;
  readonly order: Order;
  readonly filter: string;
}

/** The object that is looked at closely. */
interface Close {
  readonly file: string;
  /** What it was when it was chosen, and what was known of it last. */
  readonly chosen: Known | undefined;
  last: Known | undefined;
  first: number;
  most: number;
}

export async function topLive(options: LiveOptions): Promise<number> {
  const live = new Live(options);
  exitOnSignals();
  try {
    await live.run();
  } finally {
    live.close();
  }
  return EXIT.OK;
}

class Live {
  readonly #screen: Screen;
  readonly #sampler: Sampler;
  readonly #options: LiveOptions;
  readonly #ended = new AbortController();
  readonly #stopKeys: () => void;
  #failure: unknown;
  #hungUp = false;
  #all: string[] = [];
  #order: Order;
  #filter: string;
  #typing = false;
  #help = false;
  #close: Close | undefined;
  /** The row that is chosen: its file, and its place, for when the file has gone. */
  #chosen: string | undefined;
  #place = 0;
  #first = 0;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#order = options.order;
    this.#filter = options.filter;
    this.#sampler = new Sampler(options.interval);
    const keys = process.stdin.isTTY ? process.stdin : undefined;
    this.#screen = new Screen(process.stdout, keys, () => this.#draw());
    process.stdout.on('error', this.#fail);
    this.#stopKeys =
      keys === undefined
        ? () => undefined
        : listenToKeys(
            keys,
            () => this.#typing,
            (wish) => this.#obey(wish),
          );
    keys?.on('end', this.#hangUp).on('error', this.#hangUp); // the terminal has gone
    process.prependListener('SIGHUP', this.#hangUp);
  }

  async run(): Promise<void> {
    this.#screen.open();
    for (let round = 0; !this.#ended.signal.aborted; round++) {
      await this.#round();
      this.#draw();
      if (round >= this.#options.rounds) break; // the first has no rates, and does not count
      await this.#sampler.pause(() => this.#visible(this.#arranged()), this.#ended.signal);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    this.#stopKeys();
    this.#screen.close();
    process.stdin.unref?.();
  }

  /**
   * The terminal is gone, or about to go. An ordinary exit would be an abort: Node insists on setting the terminal as it
   * was. So we die of the signal, as everybody does who has not asked for it; we are attached to nothing.
   */
  readonly #hangUp = (): void => {
    if (this.#hungUp) return; // giving the terminal back may tell us once more that it is gone
    this.#hungUp = true;
    this.close();
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  };

  readonly #fail = (error: unknown): void => {
    if (codeOf(error) === 'EIO') this.#hangUp();
    this.#failure ??= error;
    this.#ended.abort();
  };

  async #round(): Promise<void> {
    this.#all = files();
    this.#sampler.tracker.keep(new Set(this.#all));
    const arranged = this.#arranged();
    // By name, nobody has to know more than what is on the screen.
    await this.#sampler.round(this.#visible(arranged), this.#order.by === 'name' ? [] : arranged);
  }

  #arranged(): string[] {
    return arrange(this.#all, this.#filter, this.#order, (file) => this.#sampler.tracker.get(file));
  }

  #visible(arranged: readonly string[]): string[] {
    if (this.#close !== undefined) return [this.#close.file];
    return arranged.slice(this.#first, this.#first + rowsThatFit(this.#screen));
  }

  /** The chosen row stays chosen wherever it goes; if it has gone, the one in its place is. And it is on the screen. */
  #choose(arranged: readonly string[]): void {
    const at = this.#chosen === undefined ? -1 : arranged.indexOf(this.#chosen);
    this.#place = at >= 0 ? at : Math.max(0, Math.min(this.#place, arranged.length - 1));
    this.#chosen = arranged[this.#place];
    const room = rowsThatFit(this.#screen);
    this.#first = Math.max(0, Math.min(this.#first, arranged.length - room));
    if (this.#place < this.#first) this.#first = this.#place;
    if (this.#place >= this.#first + room) this.#first = this.#place - room + 1;
  }

  #draw(): void {
    if (this.#ended.signal.aborted) return;
    if (this.#help) this.#screen.draw(helpPicture(this.#screen));
    else if (this.#close !== undefined) this.#drawObject(this.#close);
    else this.#drawList();
  }

  #drawList(): void {
    const arranged = this.#arranged();
    this.#choose(arranged);
    this.#sampler.acquaint(this.#visible(arranged), this.#order.by !== 'name');
    const view = {
      files: arranged,
      all: this.#all.length,
      first: this.#first,
      chosen: this.#chosen,
      order: this.#order,
      filter: this.#filter,
      typing: this.#typing,
      interval: this.#options.interval,
    };
    this.#screen.draw(listPicture(this.#screen, view, (file) => this.#sampler.tracker.get(file)));
  }

  #drawObject(close: Close): void {
    const known = this.#sampler.tracker.get(close.file);
    const replaced =
      known !== undefined && close.chosen !== undefined && !isSame(close.chosen.look, known.look);
    const { lines, most } = objectPicture(this.#screen, { ...close, known, replaced });
    close.most = most;
    if (known !== undefined) close.last = { ...known };
    this.#screen.draw(lines);
  }

  #obey(wish: Wish): void {
    try {
      if (wish.do === 'interrupt') exit(EXIT.INTERRUPTED);
      else if (wish.do === 'suspend') this.#screen.suspend();
      else if (wish.do === 'quit') this.#ended.abort();
      else if (wish.do === 'redraw') this.#screen.clear();
      else if (this.#help) this.#help = false;
      else if (wish.do === 'help') this.#help = true;
      else if (this.#typing) this.#type(wish);
      else if (this.#close !== undefined) this.#inObject(this.#close, wish);
      else this.#inList(wish);
      this.#draw();
    } catch (error) {
      this.#fail(error);
    }
  }

  #type(wish: Wish): void {
    if (wish.do === 'text') this.#filter += wish.text;
    else if (wish.do === 'erase') this.#filter = this.#filter.slice(0, -1);
    else if (wish.do === 'enter') this.#typing = false;
    else if (wish.do === 'back') {
      this.#filter = '';
      this.#typing = false;
    }
  }

  #inObject(close: Close, { do: what }: Wish): void {
    const page = rowsThatFit(this.#screen);
    const steps: Partial<Record<Wish['do'], number>> = {
      up: -1,
      down: 1,
      'page-up': -page,
      'page-down': page,
    };
    if (what === 'back' || what === 'enter' || what === 'erase') this.#close = undefined;
    else if (what === 'first') close.first = 0;
    else if (what === 'last') close.first = close.most;
    else close.first = Math.max(0, Math.min(close.most, close.first + (steps[what] ?? 0)));
  }

  #inList({ do: what }: Wish): void {
    const page = rowsThatFit(this.#screen);
    if (what === 'up') this.#move(-1);
    else if (what === 'down') this.#move(1);
    else if (what === 'page-up') this.#move(-page);
    else if (what === 'page-down') this.#move(page);
    else if (what === 'first') this.#move(Number.NEGATIVE_INFINITY);
    else if (what === 'last') this.#move(Number.POSITIVE_INFINITY);
    else if (what === 'sort-next') this.#sort(1);
    else if (what === 'sort-previous') this.#sort(-1);
    else if (what === 'reverse') this.#order = { ...this.#order, reverse: !this.#order.reverse };
    else if (what === 'busiest') this.#order = { by: 'in', reverse: false };
    else if (what === 'filter') this.#typing = true;
    else if (what === 'back') this.#filter = '';
    else if (what === 'enter') this.#lookClosely();
  }

  #move(by: number): void {
    const arranged = this.#arranged();
    this.#choose(arranged);
    this.#place = Math.max(0, Math.min(arranged.length - 1, this.#place + by));
    this.#chosen = arranged[this.#place];
  }

  #sort(by: number): void {
    const at = COLUMN_NAMES.indexOf(this.#order.by) + by + COLUMN_NAMES.length;
    this.#order = { by: COLUMN_NAMES[at % COLUMN_NAMES.length]!, reverse: false };
  }

  #lookClosely(): void {
    if (this.#chosen === undefined) return;
    const known = this.#sampler.tracker.get(this.#chosen);
    const chosen = known === undefined ? undefined : { ...known };
    this.#close = { file: this.#chosen, chosen, last: chosen, first: 0, most: 0 };
  }
}
