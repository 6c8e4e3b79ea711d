/** Ends of queues and pipes as Node streams, with back-pressure. Web streams are in web-streams.ts. */

import { Duplex, Readable, Writable } from 'node:stream';
import { invalidType } from '../errors.js';
import { checkOptions, type WaitOptions } from '../options.js';

/** Options of `writable()` and `webWritable()`. */
export interface WritableOptions {
  /** Each chunk is one message of any type. Default false: bytes and strings, cut where they are too large. */
  objectMode?: boolean;
  /** As for Node's streams. */
  highWaterMark?: number;
}

/** Options of `readable()` and `webReadable()`. */
export interface ReadableOptions {
  /** Each message is one chunk. Default false: a stream of bytes. */
  objectMode?: boolean;
  /** As for Node's streams. */
  highWaterMark?: number;
}

/** Options of `duplex()`. */
export interface DuplexOptions {
  /** Each message is one chunk, each chunk one message. Default false: streams of bytes both ways. */
  objectMode?: boolean;
  /** As for Node's streams. */
  highWaterMark?: number;
  /** As a socket's: false ends the writing side when the other end has ended. Default true. */
  allowHalfOpen?: boolean;
}

/** What a stream writes to. */
export interface Sink {
  readonly maxMessageBytes: number;
  putMany(messages: readonly never[], wait?: WaitOptions): Promise<void>;
  end(): void;
}

/** What a stream reads from. */
export interface Source {
  getMany(max?: number, wait?: WaitOptions): Promise<unknown[]>;
}

export const STREAM_KEYS = ['objectMode', 'highWaterMark'] as const;
const DUPLEX_KEYS = [...STREAM_KEYS, 'allowHalfOpen'] as const;
/** Messages taken at a time: enough to make waiting cheap, few enough for back-pressure to mean something. */
const BATCH = 64;

type Done = (error?: Error | null) => void;

/** The writing half of a stream. */
function writing(sink: Sink, objectMode: boolean, signal: AbortSignal) {
  const messagesOf = (chunk: unknown): unknown[] =>
    objectMode ? [chunk] : cut(chunk as Buffer, sink.maxMessageBytes);
  const put = (messages: unknown[], done: Done): void => {
    sink.putMany(messages as never[], { signal }).then(() => done(), done);
  };
  return {
    write: (chunk: unknown, _encoding: unknown, done: Done) => put(messagesOf(chunk), done),
    writev: (chunks: { chunk: unknown }[], done: Done) =>
      put(
        chunks.flatMap(({ chunk }) => messagesOf(chunk)),
        done,
      ),
    final: (done: Done) => {
      try {
        sink.end();
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  };
}

/** An empty chunk stays a message: Node never writes one by itself. */
export function cut(chunk: Uint8Array, most: number): Uint8Array[] {
  if (chunk.length <= most) return [chunk];
  const parts: Uint8Array[] = [];
  for (let at = 0; at < chunk.length; at += most) parts.push(chunk.subarray(at, at + most));
  return parts;
}

/** The reading half of a stream: its `read`. */
function reading(source: Source, objectMode: boolean, signal: AbortSignal): (this: Readable) => void {
  /** Taken and not yet pushed: handed out is consumed, so they wait here for the reader's demand. */
  let pending: unknown[] = [];
  let filling = false;

  async function fill(stream: Readable): Promise<void> {
    filling = true;
    try {
      for (let more = true; more && !stream.destroyed; ) {
        if (pending.length === 0) {
          pending = (await source.getMany(wanted(stream, objectMode), { signal })).reverse();
          if (pending.length === 0) {
            stream.push(null);
            return;
          }
        }
        more = stream.push(chunkOf(pending.pop(), objectMode));
      }
    } catch (error) {
      fail(stream, error as Error);
    } finally {
      filling = false;
    }
  }

  return function read() {
    if (!filling) void fill(this);
  };
}

/** How many to take at a time: of messages no more than the stream wants, the others are for other consumers. */
function wanted(stream: Readable, objectMode: boolean): number {
  if (!objectMode) return BATCH;
  return Math.max(1, Math.min(BATCH, stream.readableHighWaterMark - stream.readableLength));
}

/** Ends a stream with an error behind what it has taken: destroying it at once would drop that. */
function fail(stream: Readable, error: Error): void {
  if (stream.readableLength === 0) {
    stream.destroy(error);
    return;
  }
  const { read } = stream;
  stream.read = function (size) {
    const chunk: unknown = read.call(this, size);
    if (this.readableLength === 0) process.nextTick(() => this.destroy(error));
    return chunk;
  };
}

function chunkOf(message: unknown, objectMode: boolean): unknown {
  if (objectMode) {
    if (message !== null) return message;
    throw invalidType(
      'a message that travels through a Node stream',
      'anything but null (which would end it)',
      message,
    );
  }
  if (message instanceof Uint8Array || typeof message === 'string') return message;
  throw invalidType(
    'a message read as a stream of bytes',
    'bytes or a string (or use { objectMode: true })',
    message,
  );
}

/** A stream's `destroy`: its waits end, then `after`. */
function destroying(abort: AbortController, after?: () => void) {
  return (error: Error | null, done: Done): void => {
    abort.abort(error ?? new Error('the stream was destroyed'));
    after?.();
    done(error);
  };
}

export function makeWritable(sink: Sink, options: WritableOptions | undefined): Writable {
  const { objectMode = false, ...rest } = checkOptions(options, STREAM_KEYS);
  const abort = new AbortController();
  return new Writable({
    ...rest,
    objectMode,
    ...writing(sink, objectMode, abort.signal),
    destroy: destroying(abort),
  });
}

export function makeReadable(source: Source, options: ReadableOptions | undefined): Readable {
  const { objectMode = false, ...rest } = checkOptions(options, STREAM_KEYS);
  const abort = new AbortController();
  return new Readable({
    ...rest,
    objectMode,
    read: reading(source, objectMode, abort.signal),
    destroy: destroying(abort),
  });
}

/** `close`: hangs up; runs when the stream is destroyed, also after both sides have ended. */
export function makeDuplex(
  sink: Sink | undefined,
  source: Source | undefined,
  close: () => void,
  options: DuplexOptions | undefined,
): Duplex {
  const { objectMode = false, ...rest } = checkOptions(options, DUPLEX_KEYS);
  const abort = new AbortController();
  return new Duplex({
    ...rest,
    objectMode,
    ...(sink === undefined ? { writable: false } : writing(sink, objectMode, abort.signal)),
    ...(source === undefined ? { readable: false } : { read: reading(source, objectMode, abort.signal) }),
    destroy: destroying(abort, close),
  });
}
