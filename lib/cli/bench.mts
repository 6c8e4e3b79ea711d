/** `isthmus bench`: every subject once in each round, each time in fresh processes. */

import { type ChildProcess, execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { list, unlink } from '../index.mjs';
import { SUBJECTS, type Subject } from './bench-subjects.mjs';
import { exitOnSignals, onExit } from './ending.mjs';
import { EXIT } from './exit-codes.mjs';
import { json, table } from './format.mjs';
import { print } from './output.mjs';

const ACTOR = fileURLToPath(new URL('./bench-actor.mjs', import.meta.url));
const ROUNDS = 5;
/** No round begins after so many ms, so that a slow machine does not make it long. */
const LAST_ROUND = 13_000;
/** ms for one measurement, which takes a tenth of that. */
const PATIENCE = 15_000;

interface Figures {
  readonly subject: string;
  readonly crosses?: 'one way' | 'round trip';
  /** ns for each operation. */
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly perSecond: number;
  readonly rounds: number;
}

export async function bench(options: { json?: boolean }): Promise<number> {
  const prefix = `isthmus-bench-${process.pid}-${randomBytes(4).toString('hex')}`;
  const taken = new Map<Subject, number[]>(SUBJECTS.map((subject) => [subject, []]));
  exitOnSignals();
  const undo = onExit(() => sweep(prefix));
  const begun = performance.now();
  try {
    for (let round = 0; round < ROUNDS && performance.now() - begun < LAST_ROUND; round++) {
      for (const [n, subject] of SUBJECTS.entries()) {
        say(`round ${round + 1} of ${ROUNDS}: ${subject.what}`);
        taken.get(subject)!.push(await measure(subject, `${prefix}-${round}-${n}`));
      }
    }
  } finally {
    say('');
    sweep(prefix);
    undo();
  }
  const figures = [...taken].map(([subject, times]) => figuresOf(subject, times));
  const machine = `${cpus()[0]?.model.trim() ?? process.arch}, ${cpus().length} cores, Node.js ${process.versions.node}`;
  await print(options.json ? json({ machine, figures }) : `${machine}\n\n${tableOf(figures)}`);
  return EXIT.OK;
}

async function measure({ id, what }: Subject, name: string): Promise<number> {
  let running: ChildProcess | undefined;
  const undo = onExit(() => running?.kill('SIGKILL'));
  try {
    const text = await new Promise<string>((resolve, reject) => {
      running = execFile(process.execPath, [ACTOR, id, name], { timeout: PATIENCE }, (error, out, errors) =>
        error ? reject(new Error(`${what} could not be measured: ${reasonOf(error, errors)}`)) : resolve(out),
      );
    });
    return Number(text);
  } finally {
    undo();
  }
}

/** What a process said last, without its stack trace. */
function reasonOf(error: Error & { killed?: boolean }, errors: string): string {
  if (error.killed) return `it took more than ${PATIENCE / 1000} s`;
  const line = errors.split('\n').find((one) => /^(?:\w*Error|Uncaught)\b.*:/.test(one));
  return line ?? error.message.split('\n')[0]!;
}

/** Whatever a measurement that broke off has left; nothing otherwise. */
function sweep(prefix: string): void {
  for (const { name } of list()) if (name.startsWith(`/${prefix}-`)) unlink(name);
}

/** On a terminal only, and gone afterwards. */
function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

function figuresOf({ what, crosses }: Subject, times: readonly number[]): Figures {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return {
    subject: what,
    ...(crosses === undefined ? {} : { crosses }),
    median: Math.round(median),
    least: Math.round(sorted[0]!),
    most: Math.round(sorted.at(-1)!),
    perSecond: Math.round(1e9 / median),
    rounds: sorted.length,
  };
}

const HEADINGS: readonly [Figures['crosses'], string][] = [
  ['one way', '64 BYTES, ONE WAY'],
  ['round trip', '64 BYTES, THERE AND BACK'],
  [undefined, 'ONE PROCESS, NOBODY ELSE'],
];

/** Each beside this package's own subject of its group. */
function tableOf(figures: readonly Figures[]): string {
  return HEADINGS.map(([group, heading]) => {
    const members = figures.filter(({ crosses }) => crosses === group);
    const own = members[0]!.median;
    const rows = members.map(({ subject, median, least, most, perSecond }) => [
      subject.padEnd(25),
      time(median).padStart(8),
      `${time(least)} to ${time(most)}`.padStart(20),
      perSecond.toLocaleString('en-US').padStart(12),
      group === undefined || median === own ? '' : `${(median / own).toFixed(1)} times as long`,
    ]);
    return table(
      [heading.padEnd(25), 'MEDIAN'.padStart(8), 'SPREAD'.padStart(20), 'A SECOND'.padStart(12), ''],
      rows,
    );
  }).join('\n\n');
}

function time(ns: number): string {
  if (ns < 1000) return `${ns} ns`;
  return ns < 1e6 ? `${(ns / 1000).toFixed(1)} µs` : `${(ns / 1e6).toFixed(1)} ms`;
}
