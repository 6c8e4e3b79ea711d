// A load that is being played: its ledger, its objects and its processes.

import { readdirSync, readFileSync } from 'node:fs';
import { inspect as show } from 'node:util';
import { inspect, unlink } from 'isthmus';
import { Ledger, places } from './ledger.mjs';
import { Process } from './process.mjs';

export class Stage {
  /** Of a load that has failed. */
  problem;

  constructor(file, load, prefix, seed, fail) {
    this.file = file;
    this.load = load;
    this.prefix = prefix;
    this.ledger = Ledger.create(`${prefix}-${file}-ledger`, load.cast);
    this.books = load.create({ name: this.name, ledger: this.ledger });
    this.processes = places(load.cast).map(
      (place, number) => new Process(this, number, place, seed, (error) => fail(this, error)),
    );
  }

  name = (what) => `${this.prefix}-${this.file}-${what}`;

  /** Everybody whose progress is watched. */
  get rows() {
    return this.processes.flatMap((one) => one.rows);
  }

  get #context() {
    return { name: this.name, ledger: this.ledger, books: this.books };
  }

  /** Whatever a load needs now and then from somebody who is not killed. */
  tend() {
    this.load.tend?.(this.#context);
  }

  /** `final`: everybody has ended in good order. */
  async check({ final, patience }) {
    await this.load.check({ ...this.#context, final, patience });
  }

  /** What it has done, for the report. */
  counts() {
    const total = (of) => this.processes.reduce((sum, { count }) => sum + count[of], 0);
    return {
      kills: total('kills'),
      stops: total('stops'),
      terminations: this.ledger.sum((row) => row.terminations),
      left: total('left'),
      restarts: total('restarts') + this.ledger.sum((row) => Math.max(0, row.lives - 1)),
      ...this.load.counts(this.#context),
    };
  }

  /** All that can be seen from outside, for somebody who has to find out why nothing moves. */
  describe() {
    const actors = this.processes.flatMap((one) =>
      one.rows.map(
        (row) =>
          `  row ${row.index}, ${row.role}: pid ${row.pid}, thread ${row.thread}, up ${row.up}, ${stateOf(row.pid)}, ${row.beats} steps, in '${row.step}', own ${[...row.own.subarray(0, 12)].join()}`,
      ),
    );
    const objects = filesOf(`${this.prefix}-${this.file}-`).map((file) => {
      const { name, kind, participants, contents, problem } = inspect(file);
      return `  ${show({ name, kind, participants, contents, problem }, { depth: 4, breakLength: 110 })}`;
    });
    return [...actors, ...objects].join('\n');
  }

  close() {
    this.books.close();
    this.ledger.close();
    for (const file of filesOf(`${this.prefix}-${this.file}-`)) unlink(file);
  }
}

export const filesOf = (prefix) =>
  readdirSync('/dev/shm').filter((file) => file.replace(/^sem\./, '').startsWith(prefix));

/** 'S' for asleep, 'R' for running, 'T' for stopped, …, and what it sleeps in. */
function stateOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return `state ${stat.slice(stat.lastIndexOf(')') + 2)[0]} ${readFileSync(`/proc/${pid}/wchan`, 'latin1')}`;
  } catch {
    return 'gone';
  }
}
