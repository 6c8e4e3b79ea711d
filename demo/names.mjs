// What the demo's processes have in common: names that follow from one prefix, and nothing else.

export function namesFor(prefix) {
  return {
    text: `${prefix}-text`, //         SpscQueue, reader -> counter: the text in pieces, null between two files
    totals: `${prefix}-totals`, //     SharedArray, kept by the counter, read by all
    progress: `${prefix}-progress`, // Value, the bytes counted so far: the parent waits for it to change
    words: `${prefix}-words`, //       SpscQueue, counter -> parent: the finished table
  };
}

/**
 * How long each side waits for the other to do anything, in ms. The death of somebody who was there ends a wait at once;
 * this is for the one who never came, because all the others were killed before.
 */
export const PATIENCE = { timeout: 30_000 };

/** What the elements of the totals are. */
export const TOTAL = { MESSAGES: 0, BYTES: 1, WORDS: 2, LINES: 3, MILLISECONDS: 4, LENGTH: 5 };
