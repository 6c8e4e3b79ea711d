/** The two ends of a pipe: who gets which, and what is left of one whose owner died. */

import { ClosedError, RoleTakenError } from '../errors.js';
import { OWNER_MASK } from '../memory/roster-layout.js';
import type { Segment } from '../memory/segment.js';
import { DIRECTION_WORDS, END_CLOSED, PIPE } from './pipe-layout.js';
import { ENDED, GONE, RING } from './ring-layout.js';

/** One end: its owner word and the other's, and which directions it writes and reads (index; undefined: none). */
export interface End {
  readonly word: number;
  readonly other: number;
  readonly writes: number | undefined;
  readonly reads: number | undefined;
}

/** Which end of a one-way pipe. */
export type EndChoice = 'send' | 'receive';

const A = { word: PIPE.A, other: PIPE.B } as const;
const B = { word: PIPE.B, other: PIPE.A } as const;
const DUPLEX: readonly End[] = [
  { ...A, writes: 0, reads: 1 },
  { ...B, writes: 1, reads: 0 },
];
const SENDING: End = { ...A, writes: 0, reads: undefined };
const RECEIVING: End = { ...B, writes: undefined, reads: 0 };

/** The ends that will do, the best one first. The first opener of a one-way pipe receives, as in Python. */
function candidates(duplex: boolean, choice: EndChoice | undefined): readonly End[] {
  if (duplex) return DUPLEX;
  if (choice === undefined) return [RECEIVING, SENDING];
  return choice === 'send' ? [SENDING] : [RECEIVING];
}

/** Parking goes by the array itself, so all handles on a segment must have the same ones. */
const directions = new WeakMap<Segment, readonly Int32Array[]>();

/** The control words of each direction: 0 from A to B, 1 from B to A. */
export function directionsOf(segment: Segment): readonly Int32Array[] {
  let found = directions.get(segment);
  if (found === undefined) {
    found = [PIPE.A_TO_B, PIPE.B_TO_A].map((from) => segment.words.subarray(from, from + DIRECTION_WORDS));
    directions.set(segment, found);
  }
  return found;
}

/** Both ends were closed: nothing can ever happen here again. */
export function finished(words: Int32Array): boolean {
  return Atomics.load(words, PIPE.A) === END_CLOSED && Atomics.load(words, PIPE.B) === END_CLOSED;
}

/**
 * Takes an end for this environment: a free one, or that of a dead process.
 *
 * @returns undefined for a pipe that is finished
 * @throws RoleTakenError if others have what was asked for; ClosedError if it is closed for good
 */
export function claimEnd(segment: Segment, duplex: boolean, choice: EndChoice | undefined): End | undefined {
  const { words, roster, path } = segment;
  const wanted = candidates(duplex, choice);
  const holders: { pid: number; text: string }[] = [];
  for (const end of wanted) {
    const found = take(segment, end);
    if (found === 'taken') return end;
    if (found === 'closed') continue;
    const ours = (found & OWNER_MASK) === roster.owner;
    const { pid } = roster.holderOf(found);
    holders.push({ pid, text: ours ? 'another handle of this very process or worker' : `process ${pid}` });
  }
  if (holders.length === wanted.length) {
    const which = choice === undefined ? 'both its ends' : `the end to ${choice}`;
    throw new RoleTakenError(
      `'${path}' has ${which} taken already, by ${holders.map(({ text }) => text).join(' and ')}; close that first`,
      holders[0]!.pid,
    );
  }
  // One that was asked for is closed, and so may be the other by now.
  if (finished(words)) return undefined;
  const rest = holders.length > 0 ? `, and ${holders[0]!.text} has the other one` : '';
  throw new ClosedError(
    `'${path}' has ${choice === undefined ? 'an end' : `its end to ${choice}`} that was closed for good${rest}; ` +
      'when both are closed, opening makes a new pipe: close the other one, or unlink it first to start anew under this name',
  );
}

/** `'taken'`: by us. `'closed'`: for good. A number: what names its living owner. */
function take(segment: Segment, end: End): 'taken' | 'closed' | number {
  const { words, roster } = segment;
  for (;;) {
    const found = Atomics.load(words, end.word);
    if (found === END_CLOSED) return 'closed';
    if ((found & OWNER_MASK) !== 0 && !roster.isDead(found)) return found;
    // Pairs with every other CAS on the end's word: one of several claimers wins, the others look again.
    if (Atomics.compareExchange(words, end.word, found, roster.owner) !== found) continue;
    if (!over(segment, end)) return 'taken';
    closeEnd(segment, end); // its owner died while closing it
    return 'closed';
  }
}

/** Everything but the last step of closing was done. If we die before we do it, the next one finds the same. */
function over(segment: Segment, { writes, reads }: End): boolean {
  const words = directionsOf(segment);
  const ended = writes === undefined || (Atomics.load(words[writes]!, RING.TAIL) & ENDED) !== 0;
  return ended && (reads === undefined || (Atomics.load(words[reads]!, RING.HEAD) & GONE) !== 0);
}

/** The last step of closing an end that is ours. */
export function closeEnd(segment: Segment, end: End): void {
  // Pairs with the load in otherClosed and with take: after this nobody gets the end.
  Atomics.compareExchange(segment.words, end.word, segment.roster.owner, END_CLOSED);
}

/** Whether the other end was closed, normally. */
export function otherClosed(segment: Segment, end: End): boolean {
  return Atomics.load(segment.words, end.other) === END_CLOSED; // pairs with closeEnd
}
