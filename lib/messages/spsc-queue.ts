/** A lock-free queue from one producer to one consumer, under a name. */

import type { Facts } from '../memory/console-form.js';
import { registerDescriber } from '../memory/directory.js';
import { attachSegment, createSegment, openSegment, type Segment } from '../memory/segment.js';
import { SharedObject } from '../memory/shared-object.js';
import { checkObjectName } from '../options.js';
import { codecFor } from './codec-agreement.js';
import type { InnerCodec } from './codecs.js';
import { ENDED, RING } from './ring-layout.js';
import { usedBytes } from './ring-look.js';
import { agreeOnRing, checkRingWish, type RingShape, ringShapeFor } from './ring-shape.js';
import { SpscConsumer } from './spsc-consumer.js';
import { describeSpsc, spscActivity } from './spsc-description.js';
import { SpscProducer } from './spsc-producer.js';
import {
  checkRoleOptions,
  SPSC_TYPE,
  type SpscAttachOptions,
  type SpscCreateOptions,
  type SpscRoleOptions,
  splitRoleOptions,
} from './spsc-shape.js';

registerDescriber('spsc', describeSpsc, spscActivity);

/**
 * A lock-free queue of messages from one producer to one consumer, in different processes or workers. Either side may
 * come first; the first opener creates the queue. Bytes and strings travel as they are, anything else through the codec.
 *
 * ```js
 * const { SpscQueue, unlink } = require('isthmus');
 * const producer = SpscQueue.producer('example-jobs', { capacity: '1MB' }); // usually in one process …
 * const consumer = SpscQueue.consumer('example-jobs');                      // … and in another
 * producer.putSync({ id: 1, text: 'hello' });
 * producer.end();
 * console.log(consumer.getSync(), consumer.getSync()); // { id: 1, text: 'hello' } undefined
 * producer.close();
 * consumer.close();
 * unlink('example-jobs');
 * ```
 *
 * An `SpscQueue` itself is an observer: it sees how full the queue is and claims no role until asked for one.
 *
 * Source of the algorithm: E. Rigtorp's SPSCQueue (publish after write, cached indexes) over a ring that is mapped twice
 * in a row, with the sleep flag inside the published word as in WebKit's StreamConnectionBuffer.
 */
export class SpscQueue<T = unknown> extends SharedObject {
  readonly #shape: RingShape;
  readonly #codec: InnerCodec;

  private constructor(segment: Segment, shape: RingShape, codec: InnerCodec) {
    super(segment);
    this.#shape = shape;
    this.#codec = codec;
  }

  /**
   * Makes a new queue, claiming no role.
   *
   * @throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full; TypeError or RangeError for bad options
   */
  static create<T = unknown>(name: string, options?: SpscCreateOptions<T>): SpscQueue<T> {
    const bare = checkObjectName(name);
    const wish = checkRingWish(options as SpscCreateOptions<never>, true, false);
    const shape = ringShapeFor(wish);
    return new SpscQueue<T>(createSegment(bare, SPSC_TYPE, shape, wish.rest), shape, codecFor(shape, wish));
  }

  /** Attaches to a queue that exists, claiming no role. Throws SystemError `ENOENT`, MismatchError, ForeignError, CorruptError. */
  static attach<T = unknown>(name: string, options?: SpscAttachOptions<T>): SpscQueue<T> {
    const bare = checkObjectName(name);
    const wish = checkRingWish(options as SpscAttachOptions<never>, false, true);
    const { segment, shape } = attachSegment(bare, SPSC_TYPE, wish.rest, (found) =>
      agreeOnRing(`/${bare}`, found, wish),
    );
    return new SpscQueue<T>(segment, shape, codecFor(shape, wish));
  }

  /** Attaches if the name exists (what the options say must agree), creates it otherwise; without a race. */
  static open<T = unknown>(
    name: string,
    options?: SpscCreateOptions<T> & SpscAttachOptions<T>,
  ): SpscQueue<T> {
    const { segment, shape, codec } = openQueue(name, options as SpscCreateOptions<never>);
    return new SpscQueue<T>(segment, shape, codec);
  }

  /**
   * Opens (or creates) the queue and claims the producer's role.
   *
   * @throws RoleTakenError while another producer lives (it says its pid); ClosedError if the queue has ended;
   *   otherwise as {@link open}
   */
  static producer<T = unknown>(
    name: string,
    options?: SpscCreateOptions<T> & SpscAttachOptions<T> & SpscRoleOptions,
  ): SpscProducer<T> {
    const { peerDeath, rest } = splitRoleOptions(options);
    const { segment, shape, codec } = openQueue(name, rest as SpscCreateOptions<never>);
    return new SpscProducer<T>(segment, shape.capacity, codec, peerDeath);
  }

  /** Opens (or creates) the queue and claims the consumer's role. Throws RoleTakenError while another consumer lives. */
  static consumer<T = unknown>(
    name: string,
    options?: SpscCreateOptions<T> & SpscAttachOptions<T> & SpscRoleOptions,
  ): SpscConsumer<T> {
    const { peerDeath, rest } = splitRoleOptions(options);
    const { segment, shape, codec } = openQueue(name, rest as SpscCreateOptions<never>);
    return new SpscConsumer<T>(segment, shape.capacity, codec, peerDeath);
  }

  /** Claims the producer's role of this queue; the handle it returns is independent of this one. */
  producer(options?: SpscRoleOptions): SpscProducer<T> {
    this.check();
    const peerDeath = checkRoleOptions(options);
    return new SpscProducer<T>(this.segment.retain(), this.#shape.capacity, this.#codec, peerDeath);
  }

  /** Claims the consumer's role of this queue; the handle it returns is independent of this one. */
  consumer(options?: SpscRoleOptions): SpscConsumer<T> {
    this.check();
    const peerDeath = checkRoleOptions(options);
    return new SpscConsumer<T>(this.segment.retain(), this.#shape.capacity, this.#codec, peerDeath);
  }

  /** Bytes the queue holds, each message taking 8 more than its length rounded up to 8. */
  get capacity(): number {
    return this.#shape.capacity;
  }

  /** The name of the codec. */
  get codec(): string {
    return this.#shape.codec;
  }

  /** Bytes in use now (messages with their frames); 0: empty. */
  get used(): number {
    this.check();
    return usedBytes(this.segment.words, this.capacity, this.name);
  }

  /** True when the producer has ended the queue; the consumer may still have messages to take. */
  get ended(): boolean {
    this.check();
    return (Atomics.load(this.segment.words, RING.TAIL) & ENDED) !== 0;
  }

  /** @internal */
  protected override facts(): Facts {
    return {
      used: () => this.used,
      ended: () => this.ended,
      capacity: () => this.capacity,
      codec: () => this.codec,
    };
  }
}

function openQueue(
  name: string,
  options: SpscCreateOptions<never> | undefined,
): { segment: Segment; shape: RingShape; codec: InnerCodec } {
  const bare = checkObjectName(name);
  const wish = checkRingWish(options, true, true);
  const { segment, shape } = openSegment(
    bare,
    SPSC_TYPE,
    wish.rest,
    (found) => agreeOnRing(`/${bare}`, found, wish),
    () => ringShapeFor(wish),
  );
  return { segment, shape, codec: codecFor(shape, wish) };
}
