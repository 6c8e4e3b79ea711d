/** `isthmus tail NAME` */

import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from '../index.mjs';
import { exitOnSignals } from './ending.mjs';
import { EXIT } from './exit-codes.mjs';
import { printable } from './format.mjs';
import { openOutput } from './output.mjs';

/** How often to look, in ms. */
const LOOK_AGAIN = 500;
/** The queue's counts wrap there. */
const WRAP = 2 ** 30;

interface Look {
  readonly instance: string;
  readonly size: number;
  readonly jobs: number;
  readonly put: number;
  readonly taken: number;
  readonly ended: boolean;
}

/** Looks from outside: it attaches to nothing, so that nobody can tell that it is there. */
export async function tail(name: string): Promise<number> {
  const write = openOutput();
  exitOnSignals();
  const first = look(name);
  const say = (line: string): Promise<void> => write(Buffer.from(`${line}\n`));
  await say(state(first, first.put, first.taken));
  for (let last = first; !(last.ended && last.size === 0 && last.jobs === 0); ) {
    await sleep(LOOK_AGAIN);
    const now = look(name);
    if (now.instance !== first.instance)
      throw new Error(`'${name}' was removed, and something else has the name now`);
    if (state(now, now.put, now.taken) !== state(last, last.put, last.taken))
      await say(state(now, between(last.put, now.put), between(last.taken, now.taken), '+'));
    last = now;
  }
  return EXIT.OK;
}

function look(name: string): Look {
  const { name: path, kind, header, contents, problem } = inspect(name);
  if (problem !== undefined) throw damaged(printable(problem));
  if (kind !== 'queue') throw damaged(`'${printable(path)}' is no Queue; its kind is ${kind}`);
  const { size, jobs, put, taken, ended } = contents as unknown as Omit<Look, 'jobs'> & { jobs: unknown[] };
  // The words are copied one after the other: a take may be seen before its put.
  return { instance: header!.instanceId, size: Math.max(0, size), jobs: jobs.length, put, taken, ended };
}

function damaged(message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_ISTHMUS_MISMATCH' });
}

function between(before: number, now: number): number {
  return (now - before + WRAP) % WRAP;
}

function state({ size, jobs, ended }: Look, put: number, taken: number, sign = ''): string {
  const out = `${jobs} ${jobs === 1 ? 'job' : 'jobs'} out`;
  return `${size} waiting, ${out}, ${sign}${put} put, ${sign}${taken} taken${ended ? ', ended' : ''}`;
}
