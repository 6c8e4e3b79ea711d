/** From a name and options to an end of a pipe. */

import { ClosedError } from '../errors.js';
import { rounds } from '../memory/patience.js';
import { attachSegment, createSegment, openSegment, type Segment } from '../memory/segment.js';
import { checkObjectName } from '../options.js';
import { codecFor } from './codec-agreement.js';
import type { InnerCodec } from './codecs.js';
import type { PeerDeath } from './peer.js';
import { claimEnd, type End } from './pipe-ends.js';
import {
  agreeOnPipe,
  checkPipeWish,
  PIPE_TYPE,
  type PipeAttachOptions,
  type PipeCreateOptions,
  type PipeShape,
  type PipeWish,
  pipeShapeFor,
} from './pipe-shape.js';

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
  const wish = checkPipeWish(options, true, true);
  // One that both ends leave between our attaching and taking an end has to be replaced, too.
  for (const _ of rounds()) {
    const { segment, shape } = openSegment(
      bare,
      PIPE_TYPE,
      wish.rest,
      (found) => agreeOnPipe(`/${bare}`, found, wish),
      () => pipeShapeFor(wish),
    );
    const opened = take(segment, shape, wish);
    if (opened !== undefined) return opened;
  }
  throw finishedError(`/${bare}`);
}

export function createPipe(name: string, options: PipeCreateOptions<never> | undefined): OpenedPipe {
  const bare = checkObjectName(name);
  const wish = checkPipeWish(options, true, false);
  const shape = pipeShapeFor(wish);
  const opened = take(createSegment(bare, PIPE_TYPE, shape, wish.rest), shape, wish);
  if (opened === undefined) throw finishedError(`/${bare}`); // two others were faster, and are done already
  return opened;
}

export function attachPipe(name: string, options: PipeAttachOptions<never> | undefined): OpenedPipe {
  const bare = checkObjectName(name);
  const wish = checkPipeWish(options, false, true);
  const { segment, shape } = attachSegment(bare, PIPE_TYPE, wish.rest, (found) =>
    agreeOnPipe(`/${bare}`, found, wish),
  );
  const opened = take(segment, shape, wish);
  if (opened === undefined) throw finishedError(`/${bare}`);
  return opened;
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
