/**
 * Segments: this environment's one attachment to each object, shared and counted by all its handles.
 *
 * Made whole before the name appears; checked whole before anything is mapped.
 */

import { ClosedError, damaged, MismatchError } from '../errors.js';
import type { NativeSegment } from '../native/binding.js';
import { native } from '../native/load.js';
import { type AttachOptions, type CreateOptions, checkCreate, checkOwner } from '../options.js';
import { checkFile, checkMappable, checkSpace, movedAway } from './checks.js';
import { type Header, layOut, readHeader, writeHeader } from './header.js';
import type { Kind } from './header-layout.js';
import { makeUnlessSwept } from './making.js';
import { attachOrCreate, busy } from './opening.js';
import { rounds } from './patience.js';
import { isCondemned, isOpen, removeIfUnused } from './removal.js';
import { Roster } from './roster.js';
import { isSystemError, withSystemErrors } from './system-errors.js';

/**
 * An object's payload: `bytes` in `parts` of equal size (default 1), each mapped apart, or twice in a row. `reserved`: what
 * has pages from the beginning, as pairs of offset and bytes; default: all.
 */
interface PayloadPlan {
  readonly bytes: number;
  readonly mirrored: boolean;
  readonly parts?: number;
  readonly reserved?: readonly (readonly [number, number])[];
}

/** What a kind of object is made of; each kind in the rooms below has one. */
export interface ObjectType<Shape> {
  readonly kind: Kind;
  /** The size of its own control words, in bytes. */
  wordsBytes(shape: Shape, participants: number): number;
  /** Indexes of those words that hold owners (see roster-layout.ts). */
  ownerWords(shape: Shape, participants: number): readonly number[];
  payload(shape: Shape): PayloadPlan;
  schema(shape: Shape): Record<string, unknown>;
  /** Fills a new object that nobody else sees yet. */
  initialise(shape: Shape, words: Int32Array, payload: ArrayBuffer): void;
  /**
   * For kinds that come to an end: whether the object has, for good, so that `open` puts a new one in its place once
   * nobody is attached. Asked of words that may be a copy.
   */
  finished?(words: Int32Array): boolean;
  /** The shape that a schema describes; throws CorruptError if it makes no sense or does not fit the payload. */
  parse(schema: Readonly<Record<string, unknown>>, header: Header, path: string): Shape;
}

/** What the types of kinds have in common that are made of control words alone. */
export const WORDS_ONLY = {
  payload: () => ({ bytes: 0, mirrored: false }),
  initialise: () => undefined,
} as const;

/** One attachment of this environment. */
export class Segment {
  readonly name: string;
  readonly path: string;
  readonly header: Header;
  readonly roster: Roster;
  /** The object's own control words. */
  readonly words: Int32Array;
  /** The parts of the payload. */
  readonly payloads: readonly ArrayBuffer[];
  readonly #native: NativeSegment;
  readonly #control: Int32Array;
  readonly #id: string;
  #handles = 0;

  constructor(name: string, id: string, segment: NativeSegment, header: Header, mapped: Mapped) {
    this.name = name;
    this.path = `/${name}`;
    this.#id = id;
    this.#native = segment;
    this.header = header;
    this.#control = new Int32Array(mapped.control);
    this.words = new Int32Array(mapped.control, header.wordsOffset, header.wordsBytes / 4);
    this.payloads = mapped.payloads;
    this.roster = new Roster(segment, mapped.control, header);
  }

  /** The payload of an object that has it in one part. */
  get payload(): ArrayBuffer {
    return this.payloads[0]!;
  }

  /** True when this environment's mapping of the payload is gone: the user transferred a buffer away. */
  get movedAway(): boolean {
    return this.header.payloadBytes > 0 && this.payloads.some(({ byteLength }) => byteLength === 0);
  }

  /** Locks a slot; false when the object is being removed and the caller must start again from the name. */
  join(ownerWords: readonly number[]): boolean {
    this.roster.claim(this.path, this.words, ownerWords);
    if (!isCondemned(this.name, this.#native, this.#control)) return true;
    this.roster.release();
    return false;
  }

  /** Backs a range of the payload with pages; throws the addon's error if there are none. */
  reserve(offset: number, bytes: number): void {
    this.#native.reserve(this.header.payloadOffset + offset, bytes);
  }

  publish(): void {
    this.#native.publish(this.name);
  }

  /**
   * Finishes the removal of a condemned object, or opens it again if somebody is attached. `finished`: the object has
   * come to its end, so that even a persistent one may go when nobody is attached.
   */
  settle(finished = false): void {
    if (this.header.lifetime === 'persistent' && !finished) {
      if (isOpen(this.#control)) return; // its name has moved on
      throw damaged(this.path, 'its state is not open, which a persistent object always is');
    }
    withSystemErrors(this.path, () =>
      removeIfUnused(this.name, this.#native, this.#control, () => this.roster.anyoneElse()),
    );
  }

  /** True for an 'attached' object whose last user died: it should be gone, and whoever finds it removes it. */
  get orphaned(): boolean {
    return this.header.lifetime === 'attached' && !this.roster.anyoneElse();
  }

  retain(): this {
    attached.set(this.#id, this);
    this.#handles++;
    return this;
  }

  /** The last handle's release leaves the object, and removes an 'attached' one that nobody else uses. */
  release(): void {
    if (--this.#handles > 0) return;
    attached.delete(this.#id);
    this.roster.release();
    try {
      if (this.header.lifetime === 'attached') this.settle();
    } catch (error) {
      // Another user's object, in a directory where only that user may remove it: it is an orphan until that user looks.
      if (!isSystemError(error, 'EPERM') && !isSystemError(error, 'EACCES')) throw error;
    } finally {
      this.discard();
    }
  }

  /** Unmaps and closes without any ceremony. Every view of the object becomes empty. */
  discard(): void {
    const left = this.#native.close();
    if (left > 0) warnAboutMovedBuffers(this.path, left);
  }
}

interface Mapped {
  readonly control: ArrayBuffer;
  readonly payloads: readonly ArrayBuffer[];
}

/** This environment's attachments by file identity. */
const attached = new Map<string, Segment>();

let warned = false;
function warnAboutMovedBuffers(path: string, count: number): void {
  if (warned) return;
  warned = true;
  process.emitWarning(
    `the buffer of '${path}' was transferred away, so ${count} mapping(s) stay until this process ends; copy the data instead of transferring a shared buffer`,
    { code: 'ISTHMUS_MOVED_BUFFER' },
  );
}

function map(segment: NativeSegment, header: Header, parts: number): Mapped {
  const control = segment.map(0, header.payloadOffset, false);
  if (header.payloadBytes === 0) return { control, payloads: [new ArrayBuffer(0)] };
  const bytes = header.payloadBytes / parts;
  const payloads = Array.from({ length: parts }, (_, part) =>
    segment.map(header.payloadOffset + part * bytes, bytes, header.mirrored),
  );
  return { control, payloads };
}

/** Makes a new object; EEXIST if the name is taken. */
export function createSegment<Shape>(
  name: string,
  type: ObjectType<Shape>,
  shape: Shape,
  options: CreateOptions,
): Segment {
  const { mode, lifetime, participants } = checkCreate(options);
  const { bytes, mirrored, parts = 1, reserved = [[0, bytes]] } = type.payload(shape);
  checkMappable((bytes / parts) * (mirrored ? 2 : 1));
  const header = layOut({
    kind: type.kind,
    lifetime,
    participants,
    schema: type.schema(shape),
    wordsBytes: type.wordsBytes(shape, participants),
    payloadBytes: bytes,
    mirrored,
  });
  const path = `/${name}`;
  const wanted = reserved.reduce((sum, [, more]) => sum + more, header.marksOffset);
  checkSpace(path, wanted);
  const make = (): Segment =>
    makeUnlessSwept(path, () => {
      const file = native.create(header.fileBytes, mode);
      try {
        file.reserve(0, header.marksOffset);
        for (const [offset, more] of reserved)
          if (more > 0) file.reserve(header.payloadOffset + offset, more);
        const mapped = map(file, header, parts);
        writeHeader(mapped.control, header);
        const segment = new Segment(name, file.stat().id, file, header, mapped);
        type.initialise(shape, segment.words, segment.payload);
        segment.roster.claim(path, segment.words, []); // before the name exists: nobody can find it unused
        segment.publish();
        return segment.retain();
      } catch (error) {
        file.close();
        throw error;
      }
    });
  return withSystemErrors(path, make, wanted);
}

/**
 * Attaches to what stands under the name; ENOENT if nothing does. `agree` compares the shape with what the caller wants.
 * `replaces`: the caller makes a new object in place of one that is finished, whatever its shape.
 */
export function attachSegment<Shape>(
  name: string,
  type: ObjectType<Shape>,
  options: AttachOptions,
  agree: (shape: Shape) => void = () => undefined,
  replaces = false,
): { segment: Segment; shape: Shape } {
  const accepts = checkOwner(options.owner);
  const path = `/${name}`;
  let over = false;
  for (const _ of rounds()) {
    const file = withSystemErrors(path, () => native.open(name, true));
    let segment: Segment | undefined;
    try {
      const stat = checkFile(file, path, accepts);
      const known = attached.get(stat.id);
      const header = known?.header ?? readHeader(file, stat.size, path);
      if (header.kind !== type.kind) {
        throw new MismatchError(
          `'${path}' is of kind '${header.kind}', not '${type.kind}'; attach it with its own class, or choose another name`,
        );
      }
      const shape = type.parse(header.schema, header, path);
      over = replaces && known === undefined && (type.finished?.(wordsIn(file, header)) ?? false);
      if (!over) agree(shape);
      if (known !== undefined) {
        if (known.movedAway) throw movedAway(path);
        file.close();
        return { segment: known.retain(), shape };
      }
      const { parts = 1 } = type.payload(shape);
      checkMappable((header.payloadBytes / parts) * (header.mirrored ? 2 : 1));
      segment = new Segment(
        name,
        stat.id,
        file,
        header,
        withSystemErrors(path, () => map(file, header, parts)),
      );
      // Not joined: two who came to replace it would take each other for its users.
      if (!over && !segment.orphaned && segment.join(type.ownerWords(shape, header.participants)))
        return { segment: segment.retain(), shape };
      segment.settle(over || (type.finished?.(segment.words) ?? false));
    } catch (error) {
      file.close();
      throw error;
    }
    segment.discard();
  }
  if (over) {
    throw new ClosedError(
      `'${path}' is finished, but somebody is still attached to it; close that one, or unlink it first to start anew under this name`,
    );
  }
  throw busy('attach', path, 'the name kept changing while it was being attached');
}

/** A copy of the kind's control words, of an object that is not mapped. */
function wordsIn(file: NativeSegment, { wordsOffset, wordsBytes }: Header): Int32Array {
  const bytes = file.read(wordsOffset, Math.min(wordsBytes, 65536));
  return new Int32Array(Uint8Array.from(bytes).buffer, 0, bytes.length >> 2);
}

/** Attaches, or creates what is not there; without a race: one of several openers creates, the others attach. */
export function openSegment<Shape>(
  name: string,
  type: ObjectType<Shape>,
  options: CreateOptions & AttachOptions,
  agree: (shape: Shape) => void,
  shapeToCreate: () => Shape,
): { segment: Segment; shape: Shape } {
  return attachOrCreate(
    'open',
    `/${name}`,
    () => attachSegment(name, type, options, agree, true),
    () => {
      const shape = shapeToCreate();
      return { segment: createSegment(name, type, shape, options), shape };
    },
  );
}
