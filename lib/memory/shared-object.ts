/** What every named object's handle has: a name, `close()`, and an end that comes even when nobody closes. */

import { type InspectOptions, inspect } from 'node:util';
import { ClosedError, refuseNew } from '../errors.js';
import { consoleForm, type Facts } from './console-form.js';
import { closeOnExit, forgetOnExit } from './leaving.js';
import type { Segment } from './segment.js';

/** The base of all handles on named objects. */
export abstract class SharedObject {
  readonly #name: string;
  readonly #segment: Segment;
  #closed = false;
  #closing: Set<{ wake(): void }> | undefined;

  /** @internal */
  protected constructor(segment: Segment) {
    refuseNew(new.target, segment);
    this.#name = segment.path;
    this.#segment = segment;
    closeOnExit(this);
  }

  /** The object's name, with its slash. */
  get name(): string {
    return this.#name;
  }

  /** True after {@link close}; every other method throws `ClosedError` then. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Gives this handle back: its pending waits end with `ClosedError`, its roles are free. Idempotent, does not block.
   * When it was the environment's last handle on the object, every view of it becomes empty (length 0).
   * The object itself stays until `unlink`, or, with lifetime `'attached'`, until the last process leaves.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    forgetOnExit(this);
    try {
      this.onClose();
    } finally {
      for (const one of [...(this.#closing ?? [])]) one.wake();
      this.#segment.release();
    }
  }

  /** As {@link close}: for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal What console.log shows. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    return consoleForm(
      this,
      () => this,
      () => this.facts(),
      depth,
      options,
    );
  }

  /** @internal What it shows of a handle that is open. */
  protected facts(): Facts {
    return {};
  }

  /** Runs once, while the memory is still mapped: end pending waits, release roles. */
  protected onClose(): void {}

  /** @internal Who is told that this handle is closed, while its memory is still mapped. What is told must not throw. */
  protected get closing(): Set<{ wake(): void }> {
    this.#closing ??= new Set();
    return this.#closing;
  }

  /** @internal */
  protected get segment(): Segment {
    return this.#segment;
  }

  /** @internal Throws when this handle is closed. */
  protected check(): void {
    if (this.#closed) throw closedError(this.#name);
  }
}

export function closedError(path: string): ClosedError {
  return new ClosedError(`this handle on '${path}' is closed; open the object again to use it`);
}
