/** Meeting the other side in a queue, whoever comes first, and being patient with it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, SpscQueue, type WaitOptions } from '../index.mjs';
import { codeOf } from './exit-codes.mjs';

/** What `send` and `receive` have in common on the command line. */
export interface CarryOptions {
  readonly capacity?: string;
  readonly timeout?: number;
  readonly progress: boolean;
}

/** One side's place in the queue. */
export interface Place<Role> {
  readonly role: Role;
  readonly queue: SpscQueue;
  /** Gives the place back; the queue goes with the last one that leaves. */
  leave(): void;
}

/** How often to look whether a conversation that is over has left the name, in ms. */
const LOOK_AGAIN = 20;

/**
 * Opens the queue (or makes it) and claims a role. Where a conversation under this name has ended but somebody is still
 * leaving (its receiver may write to a slow reader), waits for the name to be free.
 *
 * @param claim gives undefined when the queue's conversation is over
 */
export async function join<Role extends { close(): void }>(
  name: string,
  { capacity, timeout = Number.POSITIVE_INFINITY }: CarryOptions,
  claim: (queue: SpscQueue) => Role | undefined,
): Promise<Place<Role>> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const queue = SpscQueue.open(name, {
      lifetime: 'attached',
      ...(capacity === undefined ? {} : { capacity }),
    });
    try {
      const role = claim(queue) ?? undefined;
      if (role !== undefined)
        return { role, queue, leave: () => [role, queue].forEach((handle) => void handle.close()) };
      if (performance.now() > deadline) throw stillThere(name, timeout);
    } catch (error) {
      queue.close();
      throw error;
    }
    queue.close();
    await sleep(LOOK_AGAIN);
  }
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
