/** What a Barrier is made of: its options, its schema, the checks on both, and what tools see of it. */

import { damaged, MismatchError } from '../errors.js';
import { WORD_WRAP } from '../memory/activity.js';
import { registerDescriber } from '../memory/directory.js';
import { type ObjectType, WORDS_ONLY } from '../memory/segment.js';
import { readSlotTable, slotTableBytes, slotTableOwners } from '../memory/slot-table.js';
import { checkFunction, checkInteger, checkOptions } from '../options.js';
import { ARRIVED_MASK, BARRIER, BARRIER_BROKEN, ROUND_SHIFT } from './barrier-layout.js';

/** What a {@link Barrier} does when all have arrived. */
export interface BarrierOptions {
  /**
   * Run by the last to arrive, before all go on; each handle runs its own, so give all the same. For the promise form it
   * may be asynchronous. If it throws, the barrier is broken, and the one that ran it gets the error.
   */
  action?: (() => unknown) | undefined;
}

export interface BarrierShape {
  readonly parties: number;
}

function wordsBytes(participants: number): number {
  return 4 * BARRIER.PARTIES + slotTableBytes(participants);
}

const MOST_PARTIES = ARRIVED_MASK;

export const BARRIER_TYPE: ObjectType<BarrierShape> = {
  ...WORDS_ONLY,
  kind: 'barrier',
  wordsBytes: (_shape, participants) => wordsBytes(participants),
  ownerWords: (_shape, participants) => slotTableOwners(BARRIER.PARTIES, participants),
  schema: ({ parties }) => ({ parties }),
  parse({ parties }, header, path) {
    if (!Number.isInteger(parties) || (parties as number) < 1 || (parties as number) > MOST_PARTIES)
      throw damaged(path, `a barrier for ${String(parties)} parties makes no sense`);
    if (header.wordsBytes < wordsBytes(header.participants))
      throw damaged(path, 'it is too small for the parties of a Barrier');
    return { parties: parties as number };
  },
};

registerDescriber(
  'barrier',
  ({ header, words, owner }) => {
    const state = words[BARRIER.STATE] ?? 0;
    const parties = readSlotTable(words, BARRIER.PARTIES, header.participants, owner);
    return {
      waiting: state & ARRIVED_MASK,
      broken: (state & BARRIER_BROKEN) !== 0,
      rounds: state >>> ROUND_SHIFT,
      seen: parties.map(({ owner: one }) => one),
    };
  },
  ({ words }) => {
    const state = words[BARRIER.STATE] ?? 0;
    const arrived = state & ARRIVED_MASK;
    const wrap = WORD_WRAP / 2 ** ROUND_SHIFT;
    const rounds = { what: 'rounds', unit: 'rounds', way: 'in', count: state >>> ROUND_SHIFT, wrap } as const;
    return { counts: [rounds], waits: arrived === 0 ? [] : [{ for: 'parties', count: arrived }] };
  },
);

export function checkParties(parties: unknown): BarrierShape {
  return { parties: checkInteger('parties', parties, 1, MOST_PARTIES) };
}

/** The action, checked, apart from the other options. */
export function splitAction<O extends object>(
  options: (O & BarrierOptions) | undefined,
  known: readonly (keyof O & string)[],
): { action: (() => unknown) | undefined; rest: O } {
  const { action, ...rest } = checkOptions<O & BarrierOptions>(options, [...known, 'action']);
  if (action !== undefined) checkFunction('action', action);
  return { action, rest: rest as unknown as O };
}

export function agreeOnBarrier(bare: string, found: BarrierShape, wanted: BarrierShape): void {
  if (found.parties === wanted.parties) return;
  throw new MismatchError(
    `'/${bare}' is a barrier for ${found.parties} parties, not ${wanted.parties}; open it with that number, or unlink it first`,
  );
}
