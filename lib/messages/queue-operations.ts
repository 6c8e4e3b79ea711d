/** What a handle on a Queue can do, each as an operation that may have to wait: for messages, for room, or for a lock. */

import { ClosedError, CorruptError, FullError, outOfRange, TimeoutError } from '../errors.js';
import { closedError } from '../memory/shared-object.js';
import { type Blocking, PENDING, type WaitPoint } from '../waiting/blocking.js';
import { AdaptiveSpin, SYNC_LOOKS } from '../waiting/spin.js';
import { blockSync } from '../waiting/sync.js';
import type { InnerCodec } from './codecs.js';
import { Job } from './job.js';
import type { Lease } from './leases.js';
import { checkMessages, keep, type RawMessage, read, tellAccepted, type Written, write } from './message.js';
import type { QueueBlocks } from './queue-blocks.js';
import type { QueueCore } from './queue-core.js';
import type { QueueParts } from './queue-parts.js';
import type { QueuePuts } from './queue-puts.js';
import type { QueueTakes, TakenJob } from './queue-takes.js';
import { FRAME } from './ring-layout.js';

/** ms for which a try form waits for a lock. It is held for microseconds, unless its holder is stopped in that moment. */
const PATIENCE = 20;
/** So many messages are put or taken at most before others may have the lock. */
const MOST_AT_ONCE = 256;
/** Beyond this the private copy of a message is not kept for the next one. */
const SCRATCH_MOST = 1024 * 1024;

/** An attempt that was stopped by more than a busy lock. */
const NOTHING: unique symbol = Symbol('nothing');

/** Takes a message that could not go to anybody any more; false if it cannot now. */
type Bury = (message: Written) => boolean;

export class QueueOperations<T> {
  readonly #core: QueueCore;
  readonly #puts: QueuePuts;
  readonly #takes: QueueTakes;
  readonly #codec: InnerCodec;
  readonly #path: string;
  readonly #bury: Bury;
  readonly #spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);
  #scratch = Buffer.allocUnsafeSlow(8192);

  constructor(parts: QueueParts, codec: InnerCodec, path: string, bury: Bury) {
    this.#core = parts.core;
    this.#puts = parts.puts;
    this.#takes = parts.takes;
    this.#codec = codec;
    this.#path = path;
    this.#bury = bury;
  }

  /** A message as bytes, valid until the next call of a codec. Throws for one that can never be put. */
  write(message: T): Written {
    const written = write(this.#codec, message);
    const length = written.end - written.start;
    if (length <= this.#core.blocks.largest) return written;
    throw outOfRange(
      `a message of '${this.#path}'`,
      `at most ${this.#core.blocks.largest} bytes (capacity - 8); create the queue with a larger capacity`,
      length,
    );
  }

  /** Messages as bytes of their own. */
  writeAll(messages: readonly T[]): Written[] {
    checkMessages(messages);
    return Array.from(messages, (message) => keep(this.write(message)));
  }

  // ---- putting

  /** Whether it was put at once. */
  putNow(message: Written): boolean {
    const done = this.#put([message], 0);
    return done === 1 || (done === PENDING && this.now(this.putting(message)) !== PENDING);
  }

  putting(message: Written): Blocking<true> {
    const messages = [message];
    return this.#untilRoom(() => {
      const done = this.#put(messages, 0);
      return done === PENDING || done === 0 ? PENDING : true;
    });
  }

  /** `accepted`: how many were put so far. */
  puttingMany(messages: readonly Written[]): Blocking<true> & {
    readonly accepted: number;
    explain(error: unknown, signal?: AbortSignal): unknown;
  } {
    let accepted = 0;
    const operation = this.#untilRoom(() => {
      while (accepted < messages.length) {
        const done = this.#put(messages, accepted);
        if (done === PENDING || done === 0) return PENDING;
        accepted += done;
      }
      return true;
    });
    return {
      ...operation,
      get accepted() {
        return accepted;
      },
      explain: (error, signal) => tellAccepted(error, accepted, messages.length, 'put', signal),
    };
  }

  #put(messages: readonly Written[], from: number): number | typeof PENDING {
    const done = this.#puts.put(messages, from, MOST_AT_ONCE);
    if (done !== 0) return done;
    if (this.#core.ended) throw this.endedError();
    const reclaimed = this.#takes.reclaim();
    return reclaimed === true ? this.#puts.put(messages, from, MOST_AT_ONCE) : reclaimed || 0;
  }

  endedError(): ClosedError {
    return new ClosedError(
      `'${this.#path}' has ended: nothing can follow; unlink it first to start anew under this name`,
    );
  }

  #untilRoom<R>(attempt: () => R | typeof PENDING): Blocking<R> {
    let busy: QueueCore['busy'];
    let armed = false;
    return {
      attempt: () => {
        const result = attempt();
        busy = result === PENDING ? this.#core.busy : undefined;
        // Announced, and then told nothing by this attempt: there may have been room before the announcement.
        if (busy !== undefined && armed) this.#puts.disturbPuts();
        return result;
      },
      arm: () => {
        const point = busy === undefined ? this.#puts.armPut() : this.#core.armLock(busy);
        armed = busy === undefined && point !== undefined;
        return point;
      },
    };
  }

  // ---- taking

  /** One message for good; undefined when the queue is over. */
  readonly getting: Blocking<T | undefined> = this.#untilThere(() => {
    this.#bringAway();
    const raw = this.#takes.getOne(this.#toScratch);
    if (raw === PENDING) return PENDING;
    if (raw === undefined) return this.#core.over ? undefined : PENDING;
    return read(this.#path, this.#codec, raw) as T;
  });

  /** At least one message and up to `most`; none when the queue is over. */
  gettingMany(most: number): Blocking<T[]> {
    return this.#untilThere(() => {
      this.#bringAway();
      const all: RawMessage[] = [];
      const wanted = Math.min(most, Math.max(1, this.#core.size)); // what comes meanwhile is for the next call
      while (all.length < wanted) {
        let found: RawMessage[] | typeof PENDING;
        try {
          found = this.#takes.get(Math.min(wanted - all.length, MOST_AT_ONCE), copied);
        } catch (error) {
          if (all.length === 0) throw error;
          break; // those are taken: the next call meets it again
        }
        if (found === PENDING && all.length === 0) return PENDING;
        if (found === PENDING || found.length === 0) break;
        all.push(...found);
      }
      if (all.length === 0 && !this.#core.over) return PENDING;
      return this.#readAll(all);
    });
  }

  /** They are all taken: what is sound of them must not be lost for what is not. */
  #readAll(all: readonly RawMessage[]): T[] {
    const messages: T[] = [];
    let failure: unknown;
    for (const raw of all) {
      try {
        messages.push(read(this.#path, this.#codec, raw) as T);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure instanceof CorruptError) throw Object.assign(failure, { received: messages });
    return messages;
  }

  /** One message as a job; undefined when the queue is over. `leaseOf` notes it for the handle. */
  taking(leaseOf: (taken: TakenJob<unknown>) => Lease): Blocking<Job<T> | undefined> {
    return this.#untilThere(() => {
      this.#bringAway();
      let taken = this.#takes.take(copied);
      // The table may be full of what the dead had, and only the kernel knows.
      if (taken === 'full' && this.#core.jobs.abandonDead()) taken = this.#takes.take(copied);
      if (taken === PENDING) return PENDING;
      if (taken === undefined) return this.#core.over ? undefined : PENDING;
      if (taken === 'full')
        throw new FullError(
          `'${this.#path}' has as many jobs as it can have at a time; call done() or retry() for some, or create it with a larger maxJobs`,
        );
      const lease = leaseOf(taken); // before a codec runs, which may close the handle
      let message: T;
      try {
        message = read(this.#path, this.#codec, taken.message) as T;
      } catch (error) {
        if (lease.state === 'out') lease.finish(); // nobody can read it
        throw error;
      }
      if (lease.state !== 'out') throw closedError(this.#path);
      return new Job(message, taken.attempt, lease);
    });
  }

  /** Messages that were taken too often go elsewhere. */
  #bringAway(): void {
    for (;;) {
      const spent = this.#takes.takeSpent(copied);
      if (spent === undefined) return;
      const { type, bytes, length } = spent.message;
      let buried = false;
      try {
        buried = this.#bury({ bytes, start: 0, end: length, type });
      } finally {
        if (!buried) this.#takes.keepSpent(spent.job); // it has no room for it now, or cannot be opened
      }
      if (!buried) return;
      this.#takes.finish(spent.job); // if we die before it, it is buried twice
    }
  }

  #untilThere<R>(attempt: () => R | typeof PENDING): Blocking<R> {
    let busy: QueueCore['busy'];
    return {
      attempt: () => {
        const result = attempt();
        busy = result === PENDING ? this.#core.busy : undefined;
        return result;
      },
      // armTake finds what is there already; what comes later changes the word that it announced itself in.
      arm: (): WaitPoint | undefined =>
        busy === undefined ? this.#takes.armTake() : this.#core.armLock(busy),
    };
  }

  readonly #toScratch = (blocks: QueueBlocks): RawMessage => {
    const { length, type } = blocks;
    if (type === FRAME.BYTES || type === FRAME.BUFFER) return copied(blocks);
    if (length > this.#scratch.length) {
      const room = Buffer.allocUnsafeSlow((length + 4095) & ~4095);
      if (room.length > SCRATCH_MOST) return copyTo(room, blocks);
      this.#scratch = room;
    }
    return copyTo(this.#scratch, blocks);
  };

  // ---- all of them

  readonly joining: Blocking<true> = {
    attempt: () => (this.#core.allDone ? true : PENDING),
    arm: () => this.#core.armJoin(),
  };

  /** Tries an operation at once, but not in vain for a lock that somebody has for a moment. */
  now<R>(operation: Blocking<R>): R | typeof PENDING {
    const first = operation.attempt();
    if (first !== PENDING || this.#core.busy === undefined) return first;
    const patient: Blocking<R | typeof NOTHING> = {
      attempt: () => {
        const result = operation.attempt();
        return result === PENDING && this.#core.busy === undefined ? NOTHING : result;
      },
      arm: () => operation.arm(),
    };
    try {
      const result = blockSync(patient, this.#spin, PATIENCE, '');
      return result === NOTHING ? PENDING : result;
    } catch (error) {
      if (error instanceof TimeoutError) return PENDING;
      throw error;
    }
  }

  /** As now, for what others may have given up by dying. */
  nowAsking<R>(operation: Blocking<R>): R | typeof PENDING {
    const result = this.now(operation);
    return result === PENDING && this.#core.jobs.abandonDead() ? this.now(operation) : result;
  }
}

/** A copy of its own. */
function copied(blocks: QueueBlocks): RawMessage {
  const { length, type } = blocks;
  return copyTo(type === FRAME.BYTES ? new Uint8Array(length) : Buffer.allocUnsafe(length), blocks);
}

function copyTo(bytes: Uint8Array, blocks: QueueBlocks): RawMessage {
  blocks.copyOut(bytes);
  return { type: blocks.type, bytes, length: blocks.length };
}
