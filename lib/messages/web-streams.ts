/**
 * Ends of queues and pipes as Web streams. Not through Node's adapters: there a write is done when Node has buffered it,
 * and what was read ahead is lost when the reader cancels. Here a write is done when it is in shared memory, and nothing
 * is taken before somebody asks for it.
 */

// Types only: the classes are Node's globals, which it loads when they are first used.
import type * as web from 'node:stream/web';
import { invalidType } from '../errors.js';
import { checkOptions } from '../options.js';
import {
  cut,
  type ReadableOptions,
  type Sink,
  type Source,
  STREAM_KEYS,
  type WritableOptions,
} from './streams.js';

/** Bytes that a stream of bytes takes before it asks its writer to wait. */
const BYTES_AHEAD = 64 * 1024;

export function makeWebWritable<T>(sink: Sink, options: WritableOptions | undefined): web.WritableStream<T> {
  const { objectMode = false, highWaterMark } = checkOptions(options, STREAM_KEYS);
  return new WritableStream<T>(
    {
      async write(chunk, controller) {
        const { signal } = controller as { signal?: AbortSignal }; // missing in the types, not in Node
        const messages = objectMode ? [chunk] : cut(bytesOf(chunk), sink.maxMessageBytes);
        await sink.putMany(messages as never[], { signal });
      },
      close: () => sink.end(),
    },
    objectMode
      ? { highWaterMark: highWaterMark ?? 1 }
      : { highWaterMark: highWaterMark ?? BYTES_AHEAD, size: lengthOf },
  );
}

export function makeWebReadable<T>(
  source: Source,
  options: ReadableOptions | undefined,
): web.ReadableStream<T> {
  const { objectMode = false, highWaterMark = 0 } = checkOptions(options, STREAM_KEYS);
  const abort = new AbortController();
  /** It ends the stream behind what was read ahead: an error would drop that. */
  let failure: unknown;
  return new ReadableStream<T>(
    {
      async pull(controller) {
        for (;;) {
          if (failure !== undefined) {
            if ((controller.desiredSize ?? 0) < highWaterMark) return;
            throw failure;
          }
          let message: unknown;
          try {
            [message] = await source.getMany(1, { signal: abort.signal });
          } catch (error) {
            failure = error;
            continue;
          }
          if (abort.signal.aborted) return; // cancelled in this very moment
          if (message === undefined) {
            controller.close();
            return;
          }
          const chunk = objectMode ? message : bytesOf(message);
          if (!objectMode && lengthOf(chunk) === 0) continue; // no bytes to hand out
          controller.enqueue(chunk as T);
          return;
        }
      },
      cancel: (reason) => abort.abort(reason ?? new Error('the stream was cancelled')),
    },
    objectMode ? { highWaterMark } : { highWaterMark, size: lengthOf },
  );
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk, 'utf8');
  throw invalidType('a chunk of a stream of bytes', 'bytes or a string (or use { objectMode: true })', chunk);
}

function lengthOf(chunk: unknown): number {
  return typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk.length : 1;
}
