/** `isthmus bench`: every subject once in each round, each time in fresh processes. */

import { type ChildProcess, execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { list, unlink } from '../index.mjs';
import { SUBJECTS, type Subject } from './bench-subjects.mjs';
import { exitOnSignals, onExit } from './ending.mjs';
import { EXIT } from './exit-codes.mjs';
import { json, table } from './format.mjs';
import { print } from './output.mjs';

const ACTOR = fileURLToPath(new URL('./bench-actor.mjs', import.meta.url));
const ROUNDS = 5;
/** ms for all of it: no round begins that would end later, if it is like the slowest so far. */
const TIME = 17_000;
/** ms for one measurement, which takes a tenth of that where there is a processor for it. */
const PATIENCE = 6_000;

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
  const load = loadavg()[0]!; // before we add to it
  exitOnSignals();
  const undo = onExit(() => sweep(prefix));
  const begun = performance.now();
  try {
    let longest = 0;
    for (let round = 0; round < ROUNDS && performance.now() - begun + longest < TIME; round++) {
      const roundBegun = performance.now();
      for (const [n, subject] of SUBJECTS.entries()) {
        say(`round ${round + 1} of ${ROUNDS}: ${subject.what}`);
        const time = await measure(subject, `${prefix}-${round}-${n}`);
        if (time !== undefined) taken.get(subject)!.push(time);
      }
      longest = Math.max(longest, performance.now() - roundBegun);
    }
  } finally {
    say('');
    sweep(prefix);
    undo();
  }
  const starved = [...taken].find(([, times]) => times.length === 0)?.[0];
  if (starved !== undefined)
    throw new Error(
      `${starved.what} was not done in ${PATIENCE / 1000} s: this machine is too busy to measure`,
    );
  const figures = [...taken].map(([subject, times]) => figuresOf(subject, times));
  const machine = `${cpus()[0]?.model.trim() ?? process.arch}, ${cpus().length} cores, Node.js ${process.versions.node}`;
  await print(
    options.json
      ? json({ machine, load, figures })
      : `${machine}\n\n${tableOf(figures)}${doubts(figures, load)}`,
  );
  return EXIT.OK;
}

/** Why the figures may say little. */
function doubts(figures: readonly Figures[], load: number): string {
  const rounds = Math.min(...figures.map((one) => one.rounds));
  const lines = [
    ...(load > cpus().length / 2
      ? [
          `Other programs were running (load ${load.toFixed(1)} on ${cpus().length} cores): run it again on an idle machine.`,
        ]
      : []),
    ...(rounds < ROUNDS ? [`There was time for ${rounds} ${rounds === 1 ? 'round' : 'rounds'} only.`] : []),
  ];
  return lines.length === 0 ? '' : `\n\n${lines.join('\n')}`;
}

/** ns for each operation; undefined: the machine was too busy for this one. */
async function measure({ id, what }: Subject, name: string): Promise<number | undefined> {
  let running: ChildProcess | undefined;
  const undo = onExit(() => running?.kill('SIGKILL'));
  try {
    return await new Promise((resolve, reject) => {
      const options = { timeout: PATIENCE, killSignal: 'SIGKILL' } as const;
      running = execFile(process.execPath, [ACTOR, id, name], options, (error, out, errors) => {
        if (error?.killed) resolve(undefined);
        else if (error) reject(new Error(`${what} could not be measured: ${reasonOf(error, errors)}`));
        else resolve(Number(out));
      });
    });
  } finally {
    undo();
  }
}

/** What a process said last, without its stack trace. */
function reasonOf(error: Error, errors: string): string {
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
      group === undefined || median === own ? '' : `${ratio(median / own)} times as long`,
    ]);
    return table(
      [heading.padEnd(25), 'MEDIAN'.padStart(8), 'SPREAD'.padStart(20), 'A SECOND'.padStart(12), ''],
      rows,
    );
  }).join('\n\n');
}

function ratio(times: number): string {
  return times >= 1 ? times.toFixed(1) : times.toPrecision(1);
}

function time(ns: number): string {
  if (ns < 1000) return `${ns} ns`;
  return ns < 1e6 ? `${(ns / 1000).toFixed(1)} µs` : `${(ns / 1e6).toFixed(1)} ms`;
}
