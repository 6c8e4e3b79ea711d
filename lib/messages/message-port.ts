/** A pipe's end as a MessagePort, for what is written for those. */

import { type InspectOptions, inspect } from 'node:util';
import { CorruptError, describe, invalidType } from '../errors.js';
import { consoleForm } from '../memory/console-form.js';
import type { PipeReceiver } from './pipe-receiver.js';
import type { PipeSender } from './pipe-sender.js';

/** What a port's events are called. */
export type PipePortEvent = 'message' | 'messageerror' | 'close';

/** What listeners of `message` and `messageerror` get: a `MessageEvent`. */
export interface PipePortMessage<T> extends Event {
  /** The message. */
  readonly data: T;
}

/** What `onmessage`, `onmessageerror` and `onclose` hold. */
export type PipePortHandler<E> = ((event: E) => void) | null;
type Listener = (value: never) => void;

/** The pipe, as far as the port needs it. */
interface Closeable {
  readonly closed: boolean;
  readonly name: string;
  close(): void;
}

/**
 * An end of a {@link Pipe} with the interface of a `MessagePort`: the Web's (`onmessage`, `addEventListener`, `start`) and
 * Node's (`on('message', value => …)`). Get one with `pipe.port()`.
 *
 * ```js
 * const { Pipe, unlink } = require('isthmus');
 * const here = Pipe.open('example-port').port();  // usually in one process …
 * const there = Pipe.open('example-port').port(); // … and in another
 * there.on('message', (value) => there.postMessage(value * 2));
 * here.onmessage = ({ data }) => {
 *   console.log(data); // 42
 *   here.close(); // and so the other one closes
 * };
 * there.on('close', () => unlink('example-port'));
 * here.postMessage(21);
 * ```
 *
 * It differs from a MessagePort in what processes cannot do: nothing can be transferred, and `undefined` cannot be sent.
 * A port that has been started closes itself when the other end is closed or its process dies.
 */
export class PipePort<Send = unknown, Receive = Send> extends EventTarget {
  readonly #pipe: Closeable;
  readonly #sender: PipeSender;
  readonly #receiver: PipeReceiver;
  readonly #abort = new AbortController();
  readonly #handlers = new Map<PipePortEvent, PipePortHandler<never>>();
  /** What `on` added, so that `off` finds it. */
  readonly #wrapped = new Map<PipePortEvent, Map<Listener, (event: Event) => void>>();
  #started = false;
  #closing = false;
  #closed = false;
  /** Posted and not yet in the pipe. */
  #waiting = 0;
  #reason: Error | undefined;

  /** @internal */
  constructor(pipe: Closeable, sender: PipeSender, receiver: PipeReceiver) {
    super();
    this.#pipe = pipe;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** Why the port closed, if it was not in order: a PeerDiedError, for example. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /**
   * Sends a message. Never blocks: what has no room waits, in order, in this process's memory (encoded already, so that
   * later changes of the value do not matter), and keeps the process alive until it was sent; it is lost if the process
   * exits before. On a port that is closed, nothing happens.
   *
   * @param transfer must be empty
   * @throws TypeError for a message that cannot be encoded and for a transfer list that is not empty; RangeError for a
   *   message larger than the pipe can ever hold
   */
  postMessage(value: Send, transfer?: readonly unknown[] | { transfer?: readonly unknown[] }): void {
    checkTransfer(transfer);
    if (this.#closing || this.#pipe.closed) return;
    let sent: Promise<unknown>;
    try {
      if (this.#sender.trySend(value)) return;
      sent = this.#sender.send(value);
    } catch (error) {
      if (!isEnd(error)) throw error;
      // The other end is closed: the message goes nowhere, as a MessagePort's. What came before is still delivered, and
      // #deliver closes the port behind it.
      return;
    }
    this.#waiting++;
    sent.then(
      () => this.#sent(),
      (error) => {
        this.#waiting--;
        if (this.#started && !this.#closing) return; // #deliver meets the same end, behind the last message
        if (!isEnd(error)) this.#reason ??= error as Error;
        this.#hangUp();
      },
    );
  }

  #sent(): void {
    this.#waiting--;
    if (this.#closing) this.#hangUp();
  }

  /** Messages are delivered from now on; setting `onmessage` and `on('message', …)` do it, too. */
  start(): void {
    if (this.#started || this.#closing) return;
    if (this.#pipe.closed) {
      this.#hangUp();
      return;
    }
    this.#started = true;
    void this.#deliver();
  }

  /**
   * Closes the port and the pipe's end, once everything that was posted has been sent; no message is delivered after this
   * call. Those that the other end sent and that were not yet delivered are lost.
   */
  close(): void {
    this.#hangUp();
  }

  /** As {@link close}: for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** A started port keeps the process alive (the default). */
  ref(): this {
    this.#receiver.turns.keepsAlive = true;
    return this;
  }

  /** Waiting for messages does not keep the process alive. Messages that wait to be sent do. */
  unref(): this {
    this.#receiver.turns.keepsAlive = false;
    return this;
  }

  /** @internal What console.log shows. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    return consoleForm(
      this,
      () => ({ name: this.#pipe.name, closed: this.#closed }),
      () => ({ started: () => this.#started, waiting: () => this.#waiting }),
      depth,
      options,
    );
  }

  /** Called with a `MessageEvent` for each message; setting it starts the port. */
  get onmessage(): PipePortHandler<PipePortMessage<Receive>> {
    return this.#handler('message');
  }

  set onmessage(handler: PipePortHandler<PipePortMessage<Receive>>) {
    this.#handle('message', handler);
    if (typeof handler === 'function') this.start();
  }

  /** Called with a `MessageEvent` whose `data` is the error when a message could not be decoded. */
  get onmessageerror(): PipePortHandler<PipePortMessage<Error>> {
    return this.#handler('messageerror');
  }

  set onmessageerror(handler: PipePortHandler<PipePortMessage<Error>>) {
    this.#handle('messageerror', handler);
  }

  /** Called once when the port has closed, whoever closed it; {@link reason} says why if it was not in order. */
  get onclose(): PipePortHandler<Event> {
    return this.#handler('close');
  }

  set onclose(handler: PipePortHandler<Event>) {
    this.#handle('close', handler);
  }

  /** As Node's MessagePort: the listener gets the message itself. `'close'` gets {@link reason}. */
  on(event: 'message', listener: (value: Receive) => void): this;
  on(event: 'messageerror', listener: (error: Error) => void): this;
  on(event: 'close', listener: (reason: Error | undefined) => void): this;
  on(event: PipePortEvent, listener: Listener): this {
    return this.#add(event, listener, false);
  }

  /** As {@link on}, for the next one only. */
  once(event: 'message', listener: (value: Receive) => void): this;
  once(event: 'messageerror', listener: (error: Error) => void): this;
  once(event: 'close', listener: (reason: Error | undefined) => void): this;
  once(event: PipePortEvent, listener: Listener): this {
    return this.#add(event, listener, true);
  }

  /** Takes back what {@link on} or {@link once} added. */
  off(event: PipePortEvent, listener: (value: never) => void): this {
    const wrapped = this.#wrapped.get(event)?.get(listener);
    if (wrapped === undefined) return this;
    this.#wrapped.get(event)!.delete(listener);
    this.removeEventListener(event, wrapped);
    return this;
  }

  /** The same as {@link on}. */
  addListener(event: PipePortEvent, listener: (value: never) => void): this {
    return this.#add(event, listener, false);
  }

  /** The same as {@link off}. */
  removeListener(event: PipePortEvent, listener: (value: never) => void): this {
    return this.off(event, listener);
  }

  #add(event: PipePortEvent, listener: Listener, once: boolean): this {
    if (typeof listener !== 'function') throw invalidType('listener', 'a function', listener);
    const listeners = this.#wrapped.get(event) ?? new Map();
    this.#wrapped.set(event, listeners);
    if (!listeners.has(listener)) {
      const wrapped = (one: Event): void => {
        if (once) this.off(event, listener);
        listener((one instanceof MessageEvent ? one.data : this.#reason) as never);
      };
      listeners.set(listener, wrapped);
      this.addEventListener(event, wrapped);
    }
    if (event === 'message') this.start();
    return this;
  }

  #handler(event: PipePortEvent): never {
    return (this.#handlers.get(event) ?? null) as never;
  }

  #handle(event: PipePortEvent, handler: PipePortHandler<never>): void {
    // The place among the listeners is that of the first handler, as in browsers.
    if (!this.#handlers.has(event))
      this.addEventListener(event, (one) => this.#handlers.get(event)?.call(this, one as never));
    this.#handlers.set(event, typeof handler === 'function' ? handler : null);
  }

  async #deliver(): Promise<void> {
    const wait = { signal: this.#abort.signal };
    // The pipe may be closed under the port, its memory unmapped.
    while (!this.#closing && !this.#pipe.closed) {
      const before = this.#receiver.position;
      try {
        const data = await this.#receiver.receive(wait);
        if (data === undefined) break;
        // A listener may have closed the port while this message was on its way.
        if (!this.#closing) this.dispatchEvent(new MessageEvent('message', { data }));
      } catch (error) {
        if (this.#closing) return;
        const dropped = error instanceof CorruptError && this.#receiver.position !== before;
        if (error instanceof CorruptError)
          this.dispatchEvent(new MessageEvent('messageerror', { data: error }));
        if (dropped) continue; // that one only
        if (!isEnd(error)) this.#reason ??= error as Error;
        break;
      }
    }
    this.#hangUp();
  }

  /** No more deliveries; the pipe's end is closed when nothing waits to be sent any more. */
  #hangUp(): void {
    this.#closing = true;
    this.#abort.abort();
    if (this.#waiting > 0 || this.#closed) return;
    this.#closed = true;
    this.#pipe.close();
    queueMicrotask(() => this.dispatchEvent(new Event('close')));
  }
}

/** The other end, or this one, is closed: nothing to report. */
function isEnd(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_ISTHMUS_CLOSED';
}

function checkTransfer(transfer: unknown): void {
  if (transfer === undefined || transfer === null) return;
  const list = Array.isArray(transfer) ? transfer : (transfer as { transfer?: unknown }).transfer;
  if (list === undefined || (Array.isArray(list) && list.length === 0)) return;
  throw invalidType(
    'the transfer list of a port between processes',
    'empty, for nothing can be transferred (leave it out: the message is copied)',
    Array.isArray(list) ? `a list with ${describe(list[0])}` : list,
  );
}
