/** What a Lock and an RLock are in shared memory: how often its holder has it is not there. */

import { queued } from '../memory/activity.js';
import { registerDescriber } from '../memory/directory.js';
import { PlainKind } from '../memory/plain-kind.js';
import { LOCK, LOCK_WORDS_BYTES } from './lock-layout.js';

/** `what` it is, in messages. */
export function lockKind(kind: 'lock' | 'rlock', what: string): PlainKind {
  registerDescriber(
    kind,
    ({ owner }) => ({ holder: owner(LOCK.OWNER) }),
    ({ words }) => ({ waits: queued(words, LOCK.OWNER) }),
  );
  return new PlainKind(
    kind,
    what,
    () => LOCK_WORDS_BYTES,
    () => [LOCK.OWNER],
  );
}
