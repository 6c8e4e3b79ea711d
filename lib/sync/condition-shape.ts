/** What a Condition is made of: which lock, and where its words lie. */

import { damaged, invalidType, MismatchError } from '../errors.js';
import { queued } from '../memory/activity.js';
import { type Looked, type Owner, registerDescriber } from '../memory/directory.js';
import { type ObjectType, type Segment, WORDS_ONLY } from '../memory/segment.js';
import { closedError } from '../memory/shared-object.js';
import { readSlotTable, slotTableBytes, slotTableOwners } from '../memory/slot-table.js';
import { type AttachOptions, type CreateOptions, checkObjectName, checkOptions } from '../options.js';
import { CONDITION, WAITING_MASK } from './condition-layout.js';
import { Lock } from './lock.js';
import { RLock } from './rlock.js';

/** What lock a {@link Condition} has: one of its own, of either kind, or one that exists. */
export type ConditionLock = 'lock' | 'rlock' | Lock | RLock;

/** The class of that lock. */
export type LockOf<K extends ConditionLock | undefined> = K extends 'lock'
  ? Lock
  : K extends 'rlock'
    ? RLock
    : K extends Lock | RLock
      ? K
      : Lock | RLock;

/** Options of a {@link Condition}. */
export interface ConditionOptions<K extends ConditionLock | undefined> {
  /**
   * `'lock'` (the default) or `'rlock'`: a lock of its own. A `Lock` or `RLock`: that one, which several conditions may
   * share; it is not closed with the condition.
   */
  lock?: K | undefined;
}

export interface ConditionShape {
  readonly lock: 'lock' | 'rlock';
  /** The lock's name, if it is not the condition's own, and which of those that may have had the name it is. */
  readonly name?: string | undefined;
  readonly instance?: string | undefined;
}

function wordsBytes(participants: number): number {
  return 4 * CONDITION.WAITERS + slotTableBytes(participants);
}

export const CONDITION_TYPE: ObjectType<ConditionShape> = {
  ...WORDS_ONLY,
  kind: 'condition',
  wordsBytes: (_shape, participants) => wordsBytes(participants),
  ownerWords: (_shape, participants) => [CONDITION.LOCK, ...slotTableOwners(CONDITION.WAITERS, participants)],
  schema: ({ lock, name, instance }) => ({ lock, ...(name !== undefined && { name, instance }) }),
  parse({ lock, name, instance }, header, path) {
    if (lock !== 'lock' && lock !== 'rlock') throw damaged(path, 'its schema names no kind of lock');
    const named = isObjectName(name) && typeof instance === 'string';
    if (!named && name !== undefined) throw damaged(path, 'its schema does not say which lock it has');
    if (header.wordsBytes < wordsBytes(header.participants))
      throw damaged(path, 'it is too small for the waiters of a Condition');
    return named ? { lock, name, instance } : { lock };
  },
};

function isObjectName(name: unknown): name is string {
  try {
    checkObjectName(name);
    return true;
  } catch {
    return false;
  }
}

function waitersOf({ header, words, owner }: Looked): { waiting: number; waiters: Owner[] } {
  const entries = readSlotTable(words, CONDITION.WAITERS, header.participants, owner);
  const waiters = entries.filter(({ owner: one, count }) => one.alive && (count & WAITING_MASK) > 0);
  return {
    waiting: waiters.reduce((sum, { count }) => sum + (count & WAITING_MASK), 0),
    waiters: waiters.map(({ owner: one }) => one),
  };
}

registerDescriber(
  'condition',
  (looked) => ({ holder: looked.owner(CONDITION.LOCK), ...waitersOf(looked) }),
  (looked) => {
    const { waiting, waiters } = waitersOf(looked);
    const notified = waiting === 0 ? [] : [{ for: 'notification', count: waiting, who: waiters }];
    return { waits: [...notified, ...queued(looked.words, CONDITION.LOCK)] };
  },
);

export const OWN_LOCK: ConditionShape = { lock: 'lock' };

export function openLock(
  segment: Segment,
  { lock, name, instance }: ConditionShape,
  owner: AttachOptions['owner'],
): Lock | RLock {
  const kind = lock === 'lock' ? Lock : RLock;
  if (name === undefined) return new kind(segment.retain(), CONDITION.LOCK);
  const opened = kind.attach(name, owner === undefined ? {} : { owner });
  if (opened.instanceId === instance) return opened;
  opened.close();
  throw new MismatchError(
    `'${segment.path}' was made with another ${lock} '${name}' than the one that has the name now; unlink both together, and make them anew`,
  );
}

/** The lock's option, checked, apart from the others, and the shape that it asks for. */
export function splitLock(
  options: (CreateOptions & AttachOptions & ConditionOptions<ConditionLock | undefined>) | undefined,
  known: readonly (keyof (CreateOptions & AttachOptions))[],
): {
  lock: ConditionLock | undefined;
  shape: ConditionShape | undefined;
  rest: CreateOptions & AttachOptions;
} {
  const { lock, ...rest } = checkOptions(options, [...known, 'lock']);
  return { lock, shape: lock === undefined ? undefined : shapeOf(lock), rest };
}

function shapeOf(lock: ConditionLock): ConditionShape {
  if (lock === 'lock' || lock === 'rlock') return { lock };
  if (!(lock instanceof Lock || lock instanceof RLock))
    throw invalidType('lock', "'lock', 'rlock', a Lock or an RLock", lock);
  if (lock.closed) throw closedError(lock.name);
  return { lock: lock instanceof Lock ? 'lock' : 'rlock', name: lock.name, instance: lock.instanceId };
}

export function agree(bare: string, found: ConditionShape, wanted: ConditionShape | undefined): void {
  if (wanted === undefined) return;
  if (found.lock === wanted.lock && found.name === wanted.name && found.instance === wanted.instance) return;
  const say = ({ lock, name, instance }: ConditionShape): string =>
    name === undefined ? `a ${lock} of its own` : `the ${lock} '${name}' (${instance})`;
  throw new MismatchError(
    `'/${bare}' is a condition with ${say(found)}, not with ${say(wanted)}; open it with that, or unlink it first`,
  );
}
