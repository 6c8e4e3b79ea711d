// One process of a load, started again whenever it is gone: a session of its own, no channel, nothing in common with
// the others but names.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomFrom } from './random.mjs';

const ACTOR = new URL('./actor.mjs', import.meta.url).pathname;

/** Features of the kernel that some lives do without, and how many do: populations are mixed. */
const WITHOUT = [
  ['death_marks', 0.25],
  ['futex_waitv', 0.1],
  ['o_tmpfile', 0.1],
  ['sem_clockwait', 0.1],
];

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Process {
  #stage;
  #number;
  #place;
  #seed;
  #fail;
  #child;
  #doomed = false;
  #closing = false;
  #resume;
  #life = 0;
  count = { kills: 0, stops: 0, left: 0, restarts: 0 };

  /** `fail`: told of an end that nobody wished for. */
  constructor(stage, number, place, seed, fail) {
    this.#stage = stage;
    this.#number = number;
    this.#place = place;
    this.#seed = seed;
    this.#fail = fail;
  }

  /** Its own row, and those of its workers. */
  get rows() {
    const { ledger } = this.#stage;
    return [this.#place, ...this.#place.workers].map(({ row }) => ledger.rows[row]);
  }

  get running() {
    return this.#child !== undefined;
  }

  get stopped() {
    return this.#resume !== undefined;
  }

  /** Its main thread has begun, and may be about to attach. */
  get up() {
    return this.running && !this.#doomed && this.rows[0].up === this.#life;
  }

  get title() {
    return `${this.#stage.file}: ${this.#place.role} (pid ${this.#child?.pid}, life ${this.#life}${this.without && `, without ${this.without}`})`;
  }

  start() {
    const life = ++this.#life;
    const { file, prefix } = this.#stage;
    const random = randomFrom(this.#seed, file, this.#number, life, 'environment');
    this.without = WITHOUT.filter(([, share]) => random.chance(share))
      .map(([feature]) => feature)
      .join();
    const words = [file, prefix, this.#seed, this.#number, life].map(String);
    const child = spawn(process.execPath, [ACTOR, ...words], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ISTHMUS_DISABLE: this.without },
    });
    this.#child = child;
    this.#doomed = false;
    this.startedAt = performance.now();
    running.add(child);
    child.once('error', (error) => this.#fail(error));
    child.once('exit', (code, signal) => this.#gone(child, code, signal));
  }

  #gone(child, code, signal) {
    const { title } = this;
    running.delete(child);
    this.#child = undefined;
    this.continue();
    const { ledger, load } = this.#stage;
    for (const row of this.rows) {
      row.up = 0;
      load.mourn?.(row, ledger);
    }
    if (!this.#doomed && code !== 0) {
      const hint = signal === null ? 'it has said why' : 'not by us: is memory short?';
      this.#fail(new Error(`${title} ended with ${code ?? signal} (${hint})`));
    }
    if (!this.#doomed) this.count.left++;
    if (this.#closing) return;
    this.count.restarts++;
    this.start();
  }

  kill() {
    this.#doomed = true;
    this.count.kills++;
    for (const row of this.rows) row.kills++;
    this.#child.kill('SIGKILL'); // a stopped one, too
  }

  /** SIGSTOP, and SIGCONT after so many ms. */
  stop(ms) {
    this.count.stops++;
    this.#child.kill('SIGSTOP');
    const timer = setTimeout(() => this.continue(), ms);
    this.#resume = () => {
      clearTimeout(timer);
      this.#child?.kill('SIGCONT');
    };
  }

  continue() {
    this.#resume?.();
    this.#resume = undefined;
  }

  /** Asks it to end in good order, in the middle of everything. */
  leave() {
    this.rows[0].leave = 1;
  }

  stay() {
    this.rows[0].leave = 0;
  }

  /** From now on it is not started again. */
  close() {
    this.#closing = true;
  }

  /** The end, whatever it is doing. */
  async end() {
    this.close();
    const child = this.#child;
    if (child === undefined) return;
    this.#doomed = true;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}
