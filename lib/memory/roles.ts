/** Roles: a word of an object that names the one participant who may do something (produce, consume). */

import { RoleTakenError } from '../errors.js';
import type { Roster } from './roster.js';
import { OWNER_ABANDONED, OWNER_MASK } from './roster-layout.js';

/**
 * Takes the role for this environment. Refused while its holder lives; taken over from a dead one.
 *
 * @returns whether the former holder died instead of giving the role back
 */
export function claimRole(
  words: Int32Array,
  index: number,
  roster: Roster,
  role: string,
  path: string,
): boolean {
  for (;;) {
    const found = Atomics.load(words, index);
    const holder = found & OWNER_MASK;
    if (holder !== 0 && !roster.isDead(found)) {
      const { pid } = roster.holderOf(found);
      const where =
        holder === roster.owner ? 'another handle of this very process or worker' : `process ${pid}`;
      throw new RoleTakenError(
        `'${path}' has its ${role} already: ${where} holds the role; close that one first`,
        pid,
      );
    }
    // Pairs with every other CAS on the role word: one of several claimers wins, the others look again.
    if (Atomics.compareExchange(words, index, found, roster.owner) === found) {
      return holder !== 0 || (found & OWNER_ABANDONED) !== 0;
    }
  }
}

/** Gives the role back, if it is still this environment's. */
export function releaseRole(words: Int32Array, index: number, roster: Roster): void {
  Atomics.compareExchange(words, index, roster.owner, 0);
}

/** `'died'`: its last holder did not give it back, and it has no successor. */
type RoleState = 'free' | 'held' | 'died';

/** As `roleState(…) === 'died'`, from memory alone: false may only mean "not yet known". */
export function roleLooksDead(found: number, roster: Roster): boolean {
  if ((found & OWNER_MASK) === 0) return (found & OWNER_ABANDONED) !== 0;
  return roster.looksDead(found);
}

/** Of what a role word said. */
export function roleState(found: number, roster: Roster): RoleState {
  if ((found & OWNER_MASK) === 0) return (found & OWNER_ABANDONED) === 0 ? 'free' : 'died';
  return roster.isDead(found) ? 'died' : 'held';
}
