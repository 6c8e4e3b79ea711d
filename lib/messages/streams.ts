/** Queue ends as Node streams, with back-pressure. */

import { Readable, Writable } from 'node:stream';
import { invalidType } from '../errors.js';
import { checkOptions, type WaitOptions } from '../options.js';

/** Options of `writable()`. */
export interface WritableOptions {
  /** Each chunk is one message of any type. Default false: bytes and strings, cut where they are too large. */
  objectMode?: boolean;
  highWaterMark?: number;
}

/** Options of `readable()`. */
export interface ReadableOptions {
  /** Each message is one chunk. Default false: a stream of bytes. */
  objectMode?: boolean;
  highWaterMark?: number;
}

interface Sink {
  readonly closed: boolean;
  readonly maxMessageBytes: number;
  putMany(messages: readonly never[], wait?: WaitOptions): Promise<void>;
  end(): void;
}

interface Source {
  readonly closed: boolean;
  getMany(max?: number, wait?: WaitOptions): Promise<unknown[]>;
}

const KEYS = ['objectMode', 'highWaterMark'] as const;
/** Messages taken at a time: enough to make waiting cheap, few enough for back-pressure to mean something. */
const BATCH = 64;

export function makeWritable(sink: Sink, options: WritableOptions | undefined): Writable {
  const { objectMode = false, ...rest } = checkOptions(options, KEYS);
  const abort = new AbortController();
  const messagesOf = (chunk: unknown): unknown[] =>
    objectMode ? [chunk] : cut(chunk as Buffer, sink.maxMessageBytes);
  const put = (messages: unknown[], done: (error?: Error | null) => void): void => {
    sink.putMany(messages as never[], { signal: abort.signal }).then(() => done(), done);
  };
  return new Writable({
    ...rest,
    objectMode,
    write: (chunk: unknown, _encoding, done) => put(messagesOf(chunk), done),
    writev: (chunks, done) =>
      put(
        chunks.flatMap(({ chunk }) => messagesOf(chunk)),
        done,
      ),
    final: (done) => {
      try {
        sink.end();
        done();
      } catch (error) {
        done(error as Error);
      }
    },
    destroy: (error, done) => {
      abort.abort(error ?? new Error('the stream was destroyed'));
      done(error);
    },
  });
}

/** An empty chunk stays a message: Node never writes one by itself. */
function cut(chunk: Buffer, most: number): Buffer[] {
  if (chunk.length <= most) return [chunk];
  const parts: Buffer[] = [];
  for (let at = 0; at < chunk.length; at += most) parts.push(chunk.subarray(at, at + most));
  return parts;
}

export function makeReadable(source: Source, options: ReadableOptions | undefined): Readable {
  const { objectMode = false, ...rest } = checkOptions(options, KEYS);
  const abort = new AbortController();
  /** Taken and not yet pushed: handed out is consumed, so they wait here for the reader's demand. */
  let pending: unknown[] = [];
  let reading = false;

  const stream = new Readable({
    ...rest,
    objectMode,
    read: () => {
      if (!reading) void fill();
    },
    destroy: (error, done) => {
      abort.abort(error ?? new Error('the stream was destroyed'));
      done(error);
    },
  });

  async function fill(): Promise<void> {
    reading = true;
    try {
      for (let more = true; more && !stream.destroyed; ) {
        if (pending.length === 0) {
          pending = (await source.getMany(BATCH, { signal: abort.signal })).reverse();
          if (pending.length === 0) {
            stream.push(null);
            return;
          }
        }
        more = stream.push(chunkOf(pending.pop()));
      }
    } catch (error) {
      stream.destroy(error as Error);
    } finally {
      reading = false;
    }
  }

  function chunkOf(message: unknown): unknown {
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

  return stream;
}
