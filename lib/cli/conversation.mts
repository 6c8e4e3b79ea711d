/** Meeting the other side in a queue, whoever comes first, and being patient with it. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  inspect,
  PeerDiedError,
  SpscQueue,
  type SpscRoleOptions,
  unlink,
  type WaitOptions,
} from '../index.mjs';
import { dieInsteadOfLeaving, onExit } from './ending.mjs';
import { codeOf } from './exit-codes.mjs';

/** What `send` and `receive` have in common on the command line. */
export interface CarryOptions {
  readonly capacity?: string;
  readonly timeout?: number;
  readonly progress: boolean;
  readonly waitForSuccessor?: boolean;
}

/** One side's place in the queue. */
export interface Place<Role> {
  readonly role: Role;
  readonly queue: SpscQueue;
  /** Gives the place back, for the conversation is over; the queue goes with the last one that leaves. */
  leave(): void;
}

/** How often to look whether a conversation that is over has left the name, in ms. */
const LOOK_AGAIN = 20;

/**
 * Opens the queue (or makes it) and claims a role. Where a conversation under this name has ended but somebody is still
 * leaving (its receiver may write to a slow reader), waits for the name to be free.
 *
 * If this process ends without having left, the other side sees a death.
 *
 * @param claim gives undefined when the queue's conversation is over
 */
export async function join<Role extends { close(): void }>(
  name: string,
  { capacity, timeout = Number.POSITIVE_INFINITY, waitForSuccessor = false }: CarryOptions,
  claim: (queue: SpscQueue, options: SpscRoleOptions) => Role | undefined,
): Promise<Place<Role>> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const queue = SpscQueue.open(name, {
      lifetime: 'attached',
      ...(capacity === undefined ? {} : { capacity }),
    });
    try {
      const role = claim(queue, { peerDeath: waitForSuccessor ? 'wait' : 'error' });
      if (role !== undefined) return placeOf(role, queue);
      if (performance.now() > deadline) throw stillThere(name, timeout);
    } catch (error) {
      queue.close();
      throw error;
    }
    queue.close();
    await sleep(LOOK_AGAIN);
  }
}

function placeOf<Role extends { close(): void }>(role: Role, queue: SpscQueue): Place<Role> {
  const stay = onExit(() => {
    // Nobody is there to see the death, and nobody would come to remove what it left.
    if (isAlone(queue)) unlink(queue.name);
    dieInsteadOfLeaving();
  });
  const leave = (): void => {
    stay();
    role.close();
    queue.close();
  };
  return { role, queue, leave };
}

/** Whether the queue is ours alone and nobody would miss it. */
function isAlone(queue: SpscQueue): boolean {
  const { participants = [] } = inspect(queue.name);
  // We are among them, unless the name is another object's by now.
  const living = participants.filter(({ alive }) => alive);
  return passesAway(queue) && living.length === 1 && living[0]!.pid === process.pid;
}

/** Whether the queue goes by itself once everybody has left. */
export function passesAway(queue: SpscQueue): boolean {
  return inspect(queue.name).header?.lifetime === 'attached';
}

function stillThere(name: string, timeout: number): Error {
  const message = `'${name}': an earlier conversation has ended, but its processes did not leave within ${timeout} ms`;
  return Object.assign(new Error(message), { code: 'ERR_ISTHMUS_TIMEOUT' });
}

/**
 * Repeats a wait for the other side until it succeeds, or the other side has done nothing at all for the time: a slow
 * one is no missing one.
 */
export async function patiently<T>(
  { queue }: Place<unknown>,
  timeout: number | undefined,
  wait: (options: WaitOptions) => Promise<T>,
): Promise<T> {
  for (;;) {
    const before = queue.used;
    try {
      return await wait({ timeout });
    } catch (error) {
      if (codeOf(error) !== 'ERR_ISTHMUS_TIMEOUT' || queue.used === before) throw error;
    }
  }
}

/** What a PeerDiedError says to people; any other error as it is. */
export function explainDeath(error: unknown, side: 'sender' | 'receiver', state: () => string): unknown {
  if (!(error instanceof PeerDiedError)) return error;
  const who = `the ${side}${error.pid === undefined ? '' : ` (process ${error.pid})`}`;
  const advice = `Start both again; with --wait-for-successor this side waits for another ${side} instead`;
  const message = `${who} broke off: it was killed, was interrupted or failed. ${state()}. ${advice}`;
  return Object.assign(new Error(message), { code: error.code });
}

/** A number of bytes, exactly. */
export function exactBytes(count: number): string {
  return `${count.toLocaleString('en-US')} byte${count === 1 ? '' : 's'}`;
}
