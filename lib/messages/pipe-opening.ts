/** From a name and options to an end of a pipe, and what tools see of one. */

import { ClosedError } from '../errors.js';
import type { Activity } from '../memory/activity.js';
import { registerDescriber } from '../memory/directory.js';
import { rounds } from '../memory/patience.js';
import { attachSegment, createSegment, openSegment, type Segment } from '../memory/segment.js';
import { checkObjectName } from '../options.js';
import type { InnerCodec } from './codecs.js';
import type { PeerDeath } from './peer.js';
import { claimEnd, type End, finished } from './pipe-ends.js';
import { DIRECTION_WORDS, END_CLOSED, PIPE } from './pipe-layout.js';
import {
  agree,
  checkWish,
  PIPE_TYPE,
  type PipeAttachOptions,
  type PipeCreateOptions,
  type PipeShape,
  type PipeWish,
} from './pipe-shape.js';
import { messagesIn, type Waiting } from './ring-description.js';
import { codecFor, shapeFor } from './spsc-shape.js';
import { ringActivity, usedBytes } from './transfers.js';

registerDescriber(
  'pipe',
  ({ header, words, owner, word, payload, limit }) => {
    const { capacity, codec, duplex } = PIPE_TYPE.parse(header.schema, header, 'the object');
    const size = duplex ? header.payloadBytes / 2 : header.payloadBytes;
    const messages = (from: number, ring: number): Waiting | undefined =>
      limit === undefined
        ? undefined
        : messagesIn({
            words: words.subarray(from, from + DIRECTION_WORDS),
            word: (index) => word(from + index),
            bytes: (offset, bytes) => payload(ring * size + offset, bytes),
            ...{ capacity, codec, size, limit },
          });
    const [waitingToB, waitingToA] = [
      messages(PIPE.A_TO_B, 0),
      duplex ? messages(PIPE.B_TO_A, 1) : undefined,
    ];
    const used = (from: number): number =>
      usedBytes(words.subarray(from, from + DIRECTION_WORDS), capacity, 'the object');
    return {
      capacity,
      toB: used(PIPE.A_TO_B),
      toA: duplex ? used(PIPE.B_TO_A) : undefined,
      closed: [words[PIPE.A] === END_CLOSED && 'A', words[PIPE.B] === END_CLOSED && 'B'].filter(Boolean),
      finished: finished(words),
      a: owner(PIPE.A),
      b: owner(PIPE.B),
      ...(limit === undefined ? {} : { waitingToB, waitingToA }),
      problem: waitingToB?.problem ?? waitingToA?.problem,
    };
  },
  ({ header, words, owner }) => {
    const { duplex } = PIPE_TYPE.parse(header.schema, header, 'the object');
    const [a, b] = [owner(PIPE.A), owner(PIPE.B)];
    const way = (from: number, of: string, sides: Parameters<typeof ringActivity>[2]): Activity =>
      ringActivity(words.subarray(from, from + DIRECTION_WORDS), of, sides);
    const all = [way(PIPE.A_TO_B, ' A to B', { producer: a, consumer: b })];
    if (duplex) all.push(way(PIPE.B_TO_A, ' B to A', { producer: b, consumer: a }));
    return { counts: all.flatMap(({ counts }) => counts), waits: all.flatMap(({ waits }) => waits) };
  },
);

/** An end that is this environment's. */
export interface OpenedPipe {
  readonly segment: Segment;
  readonly shape: PipeShape;
  readonly codec: InnerCodec;
  readonly end: End;
  readonly peerDeath: PeerDeath;
}

export function openPipe(name: string, options: PipeCreateOptions<never> | undefined): OpenedPipe {
  const bare = checkObjectName(name);
  const wish = checkWish(options, true, true);
  // One that both ends leave between our attaching and taking an end has to be replaced, too.
  for (const _ of rounds()) {
    const { segment, shape } = openSegment(
      bare,
      PIPE_TYPE,
      wish.rest,
      (found) => agree(`/${bare}`, found, wish),
      () => pipeShapeFor(wish),
    );
    const opened = take(segment, shape, wish);
    if (opened !== undefined) return opened;
  }
  throw finishedError(`/${bare}`);
}

export function createPipe(name: string, options: PipeCreateOptions<never> | undefined): OpenedPipe {
  const bare = checkObjectName(name);
  const wish = checkWish(options, true, false);
  const shape = pipeShapeFor(wish);
  const opened = take(createSegment(bare, PIPE_TYPE, shape, wish.rest), shape, wish);
  if (opened === undefined) throw finishedError(`/${bare}`); // two others were faster, and are done already
  return opened;
}

export function attachPipe(name: string, options: PipeAttachOptions<never> | undefined): OpenedPipe {
  const bare = checkObjectName(name);
  const wish = checkWish(options, false, true);
  const { segment, shape } = attachSegment(bare, PIPE_TYPE, wish.rest, (found) =>
    agree(`/${bare}`, found, wish),
  );
  const opened = take(segment, shape, wish);
  if (opened === undefined) throw finishedError(`/${bare}`);
  return opened;
}

function pipeShapeFor(wish: PipeWish): PipeShape {
  return { ...shapeFor(wish), duplex: wish.duplex ?? true };
}

/** Takes an end; undefined if the pipe is finished. Gives the segment back when there is none to have. */
function take(segment: Segment, shape: PipeShape, wish: PipeWish): OpenedPipe | undefined {
  let end: End | undefined;
  try {
    end = claimEnd(segment, shape.duplex, wish.end);
  } finally {
    if (end === undefined) segment.release();
  }
  return end && { segment, shape, codec: codecFor(shape, wish), end, peerDeath: wish.peerDeath };
}

function finishedError(path: string): ClosedError {
  return new ClosedError(
    `'${path}' is finished: both its ends were closed; Pipe.open makes a new one, or unlink it first`,
  );
}
