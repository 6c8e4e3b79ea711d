/** Promise forms of one handle of which each waits for something of its own: none of them holds up another. */

import { type Blocking, PENDING } from './blocking.js';
import { Line } from './line.js';

export class SeparateLines {
  readonly #lines = new Set<Line>();
  #keepsAlive = true;

  /** Done at once if it can be, otherwise it waits in a line for itself: see {@link Line.wait}. */
  async wait<T>(
    operation: Blocking<T>,
    timeout: number,
    signal: AbortSignal | undefined,
    what: string,
  ): Promise<T> {
    const result = operation.attempt();
    if (result !== PENDING) return result;
    const line = new Line();
    line.keepsAlive = this.#keepsAlive;
    this.#lines.add(line);
    try {
      return await line.wait(operation, timeout, signal, what);
    } finally {
      this.#lines.delete(line);
    }
  }

  /** Whether they keep the process alive. */
  get keepsAlive(): boolean {
    return this.#keepsAlive;
  }

  set keepsAlive(value: boolean) {
    this.#keepsAlive = value;
    for (const line of this.#lines) line.keepsAlive = value;
  }

  /** Ends all of them with an error. */
  failAll(makeError: () => Error): void {
    for (const line of [...this.#lines]) line.failAll(makeError);
  }
}
