/** A raw POSIX segment without a header, as C, Python and others use them. */

import { type InspectOptions, inspect } from 'node:util';
import { ClosedError, invalidType, MismatchError, refuseNew } from '../errors.js';
import type { NativeSegment } from '../native/binding.js';
import { native } from '../native/load.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  checkCreate,
  checkInteger,
  checkObjectName,
  checkOptions,
  checkOwner,
  parseSize,
  type Size,
} from '../options.js';
import { checkFile, checkMappable, checkSpace, movedAway } from './checks.js';
import { consoleForm } from './console-form.js';
import { hasMagic } from './header.js';
import { makeUnlessSwept } from './making.js';
import { attachOrCreate } from './opening.js';
import { withSystemErrors } from './system-errors.js';

/** Options for making a raw segment. */
export interface SharedMemoryCreateOptions {
  /** File permissions, set exactly. Default `0o600`. */
  mode?: number;
}

interface Attachment {
  readonly path: string;
  readonly file: NativeSegment;
  readonly id: string;
  readonly buffer: ArrayBuffer;
  handles: number;
}

/** This environment's raw attachments by file identity: one mapping for all handles. */
const attachments = new Map<string, Attachment>();

const CREATE_KEYS = ['mode'] as const;
const MAGIC_BYTES = 8;

/**
 * A raw POSIX shared-memory segment: bytes under a name, nothing else. No header, no element type, no waiting, no crash
 * rules: what other programs (C's `shm_open`, Python's `SharedMemory(name)`) see is exactly `buffer`.
 *
 * ```js
 * const { SharedMemory, unlink } = require('isthmus');
 * const memory = SharedMemory.create('example-frame', 4096);
 * new Uint8Array(memory.buffer).set([1, 2, 3]); // seen by everybody who attaches 'example-frame'
 * memory.close();
 * unlink('example-frame');
 * ```
 *
 * Stays until `unlink(name)`. Nothing here blocks, and the death of another process changes nothing.
 */
export class SharedMemory {
  readonly #attachment: Attachment;
  #closed = false;

  private constructor(attachment: Attachment) {
    refuseNew(new.target, attachment);
    attachment.handles++;
    attachments.set(attachment.id, attachment);
    this.#attachment = attachment;
  }

  /**
   * Makes a segment of exactly `size` bytes, zeroed, its pages reserved.
   *
   * @param size bytes, or a string such as `'1MB'`; at least 1
   * @throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full; RangeError, TypeError
   */
  static create(name: string, size: Size, options?: SharedMemoryCreateOptions): SharedMemory {
    const bare = checkObjectName(name);
    const bytes = checkSize(size);
    const { mode } = checkCreate(checkOptions(options, CREATE_KEYS));
    checkMappable(bytes);
    const path = `/${bare}`;
    checkSpace(path, bytes);
    const make = (): SharedMemory =>
      makeUnlessSwept(path, () => {
        const file = native.create(bytes, mode);
        try {
          file.reserve(0, bytes);
          const buffer = file.map(0, bytes, false);
          file.publish(bare);
          return new SharedMemory({ path, file, id: file.stat().id, buffer, handles: 0 });
        } catch (error) {
          file.close();
          throw error;
        }
      });
    return withSystemErrors(path, make, bytes);
  }

  /**
   * Attaches to a segment that exists, whoever made it; all of its bytes.
   *
   * @throws SystemError `ENOENT`; ForeignError for another user's segment, a symbolic link, a directory;
   *   MismatchError for one of this package's other objects
   */
  static attach(name: string, options?: AttachOptions): SharedMemory {
    const bare = checkObjectName(name);
    const accepts = checkOwner(checkOptions(options, ATTACH_KEYS).owner);
    const path = `/${bare}`;
    const file = withSystemErrors(path, () => native.open(bare, true));
    try {
      const stat = checkFile(file, path, accepts);
      const known = attachments.get(stat.id);
      if (known !== undefined) {
        if (known.buffer.byteLength === 0) throw movedAway(path);
        file.close();
        return new SharedMemory(known);
      }
      if (stat.size === 0)
        throw new MismatchError(
          `'${path}' has no bytes (its maker has not given it a size yet); try again later`,
        );
      if (hasMagic(file.read(0, MAGIC_BYTES))) {
        throw new MismatchError(
          `'${path}' is an isthmus object with a header, not raw memory; attach it with its own class (see isthmus ls)`,
        );
      }
      checkMappable(stat.size);
      const buffer = withSystemErrors(path, () => file.map(0, stat.size, false));
      return new SharedMemory({ path, file, id: stat.id, buffer, handles: 0 });
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Attaches if the name exists (its size must be `size`), creates it otherwise; without a race. */
  static open(name: string, size: Size, options?: SharedMemoryCreateOptions & AttachOptions): SharedMemory {
    const { mode, owner } = checkOptions(options, [...CREATE_KEYS, ...ATTACH_KEYS]);
    const bytes = checkSize(size);
    return attachOrCreate(
      'open',
      name,
      () => sized(SharedMemory.attach(name, owner === undefined ? {} : { owner }), bytes),
      () => SharedMemory.create(name, bytes, mode === undefined ? {} : { mode }),
    );
  }

  /** The segment's name, with its slash. */
  get name(): string {
    return this.#attachment.path;
  }

  /** The shared bytes themselves; every handle of this environment on the segment has the same ArrayBuffer. */
  get buffer(): ArrayBuffer {
    if (this.#closed)
      throw new ClosedError(`this handle on '${this.name}' is closed; attach again to use it`);
    return this.#attachment.buffer;
  }

  /** Bytes in the segment. */
  get size(): number {
    return this.buffer.byteLength;
  }

  /** True after {@link close}. */
  get closed(): boolean {
    return this.#closed;
  }

  /** @internal What console.log shows. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    return consoleForm(
      this,
      () => this,
      () => ({ size: () => this.size }),
      depth,
      options,
    );
  }

  /** Gives this handle back; with the environment's last one every view of the buffer becomes empty. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const attachment = this.#attachment;
    if (--attachment.handles > 0) return;
    attachments.delete(attachment.id);
    attachment.file.close();
  }

  /** As {@link close}: for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function checkSize(size: Size): number {
  if (size === undefined) throw invalidType('size', 'a number of bytes', size);
  const bytes = parseSize('size', size);
  return checkInteger('size', bytes, 1, Number.MAX_SAFE_INTEGER);
}

function sized(memory: SharedMemory, bytes: number): SharedMemory {
  const actual = memory.size;
  if (actual === bytes) return memory;
  memory.close();
  throw new MismatchError(
    `'${memory.name}' has ${actual} bytes, not ${bytes}; use attach() to take it as it is, or unlink it first`,
  );
}
