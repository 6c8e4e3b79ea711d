// The books of locked changes in two steps: 1 to what all have counted together, then 1 to the holder's own account.
// Whoever finds the one without the other must have been told that the holder before it died (guard.abandoned).

import { check as demand } from './ledger.mjs';

/** How many locks there may be. The changes under each are operations of its kind: 0, 1. */
export const LOCKS = 2;

/** Of the common elements, for each lock: the count, who is inside, how many half-made changes were mended. */
export const TOTAL = 8;
const INSIDE = 10;
const MENDED = 12;

/** Of a row. TOLD: guards that were abandoned. GAVE_UP: times that it closed the lock it held. */
const TOLD = 0;
const GAVE_UP = 1;
/** For each lock: 1 while it is certain that it holds it; how often it died so. */
const HOLDS = 2;
const DIED_HOLDING = 4;
/** From here on a row's own elements are the load's. */
export const FREE = 6;

/** The two steps of a change, and what a new holder looks at before it. */
export function changes({ row, ledger, random }, which) {
  const { common } = ledger;
  const inside = () =>
    demand(
      common[INSIDE + which] === row.index,
      () => `two hold lock ${which}: row ${row.index} finds row ${common[INSIDE + which]}`,
    );
  return {
    inside,
    look({ abandoned }) {
      if (abandoned) row.own[TOLD]++;
      row.own[HOLDS + which] = 1;
      common[INSIDE + which] = row.index;
      const total = common[TOTAL + which];
      const sum = ledger.least(which);
      if (total === sum) return;
      demand(
        abandoned && total === sum + 1,
        () => `lock ${which}: ${total} counted, ${sum} in the accounts, abandoned: ${abandoned}`,
      );
      common[MENDED + which]++;
      common[TOTAL + which] = sum;
    },
    first() {
      row.begin(which);
      common[TOTAL + which]++;
      for (let work = random.below(30_000); work > 0; work--) inside(); // time to die between the two
    },
    second() {
      inside();
      row.done(which);
      row.own[HOLDS + which] = 0;
    },
    /** It has looked, and is about to close the lock instead. */
    giveUp() {
      row.own[HOLDS + which] = 0;
      row.own[GAVE_UP]++;
    },
    /** It has looked, and is about to release the lock without a change. */
    leave() {
      row.own[HOLDS + which] = 0;
    },
  };
}

/** An actor is gone: by a kill, or in good order and then holding nothing. */
export function mourn(row) {
  for (let which = 0; which < LOCKS; which++) {
    if (row.own[HOLDS + which] === 0) continue;
    row.own[HOLDS + which] = 0;
    row.own[DIED_HOLDING + which]++;
  }
}

/** `books.locks`: those that there are. */
export async function check({ ledger, books, final, patience }) {
  const [row] = ledger.rows;
  for (const [which, lock] of books.locks.entries()) {
    const guard = await lock.acquire({ timeout: patience });
    const { look, leave } = changes({ row, ledger }, which);
    look(guard);
    leave();
    guard.release();
  }
  // The deaths are counted beforehand, so there may be more of them than anybody was told of.
  const told = ledger.own(TOLD);
  const explained = ledger.deaths + ledger.own(GAVE_UP);
  demand(told <= explained, `${told} guards were abandoned, ${explained} deaths explain it`);
  if (!final) return;
  const known = ledger.own(DIED_HOLDING) + ledger.own(DIED_HOLDING + 1) + ledger.own(GAVE_UP);
  demand(told >= known, `${known} holders died, only ${told} times somebody was told`);
  const open = notFinished(ledger);
  demand(open <= ledger.deaths, `${open} changes not finished, ${ledger.deaths} deaths`);
}

const notFinished = ({ most, least }) => most(0) + most(1) - least(0) - least(1);

export function counts({ ledger }) {
  return {
    operations: ledger.least(0) + ledger.least(1),
    'abandoned guards': ledger.own(TOLD),
    'closed while they held': ledger.own(GAVE_UP),
    'half-made changes mended': ledger.common[MENDED] + ledger.common[MENDED + 1],
    'not finished': notFinished(ledger),
  };
}
