// What dispatch.mjs and work.mjs agree on: two names, and what is behind them. They share nothing else.

import { Queue } from 'isthmus';

// A file that kills whoever looks at it must not go round for ever: a job that was taken 20 times and never done goes to
// the results as it is, and the dispatcher reports it.
const RESULTS = 'example-files-results';

/** Jobs: { run, id, path }. The queue goes when the last process has left it. */
export function openJobs() {
  return Queue.open('example-files-jobs', {
    capacity: '256KB',
    lifetime: 'attached',
    maxAttempts: 20,
    deadLetter: RESULTS,
  });
}

/** Results: the job, and { attempt, bytes, sha256, gzip, lines } or { error }. */
export function openResults() {
  return Queue.open(RESULTS, { capacity: '256KB', lifetime: 'attached' });
}
