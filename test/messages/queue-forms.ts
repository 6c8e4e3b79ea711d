// Each wait of a Queue in the form that a test is about.

import type { Job, Queue, WaitOptions } from 'isthmus';
import type { Form } from '../sync/kinds.js';

/** So long at most: a test that hangs in a Sync form would hang everything. */
const DOG = { timeout: 30_000 };

/** An error that the Sync form throws becomes a rejection, so that both forms read alike. */
export const forms = <T>(queue: Queue<T>, form: Form) => {
  const sync = form === 'Sync';
  return {
    put: async (message: T, wait: WaitOptions = DOG): Promise<void> =>
      sync ? queue.putSync(message, wait) : queue.put(message, wait),
    putMany: async (messages: readonly T[], wait: WaitOptions = DOG): Promise<void> =>
      sync ? queue.putManySync(messages, wait) : queue.putMany(messages, wait),
    get: async (wait: WaitOptions = DOG): Promise<T | undefined> =>
      sync ? queue.getSync(wait) : queue.get(wait),
    getMany: async (max?: number, wait: WaitOptions = DOG): Promise<T[]> =>
      sync ? queue.getManySync(max, wait) : queue.getMany(max, wait),
    take: async (wait: WaitOptions = DOG): Promise<Job<T> | undefined> =>
      sync ? queue.takeSync(wait) : queue.take(wait),
    join: async (wait: WaitOptions = DOG): Promise<void> => (sync ? queue.joinSync(wait) : queue.join(wait)),
  };
};

/** Message and attempt of a job. */
export const seen = (job: Job | undefined) => job && [job.message, job.attempt];
