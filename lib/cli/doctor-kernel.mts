/** `isthmus doctor`: the native part, the runtime, and what the kernel lets us do. */

import { readFileSync } from 'node:fs';
import type { Trial, Trials } from '../memory/trials.js';
import { type Finding, ok, problem, warning } from './finding.mjs';
import { readText } from './system-facts.mjs';

/** All of it; the trials only where the native part loads, without which nothing else of the package does. */
export async function checkKernel(): Promise<{ findings: Finding[]; loaded: boolean }> {
  const { problem: failed, trials } = await load();
  if (trials === undefined) {
    const found = problem('native part', failed!, 'one of the possible solutions that it lists');
    return { findings: [runtime(), found], loaded: false };
  }
  return { findings: [runtime(), nativePart(), ...switches(), ...judge(trials)], loaded: true };
}

/** Behind the package's face, as an exception: what is tried here is nothing that programs should call. */
async function load(): Promise<{ trials?: Trials; problem?: string }> {
  let runTrials: typeof import('../memory/trials.js').runTrials;
  try {
    ({ runTrials } = await import('../memory/trials.js'));
  } catch (error) {
    return { problem: (error as Error).message.replaceAll('\n', ' ') };
  }
  return { trials: runTrials() };
}

const LEAST_NODE = 20;

function runtime(): Finding {
  const { versions } = process as { versions: Record<string, string | undefined> };
  const other = ['electron', 'bun', 'deno'].find((name) => versions[name] !== undefined);
  if (other === 'electron') {
    return problem(
      'runtime',
      `Electron ${versions[other]} refuses ArrayBuffers on foreign memory`,
      'run isthmus in a Node.js process beside it (child_process.fork with execPath: node)',
    );
  }
  const node = `Node.js ${versions.node}, ${process.arch}, Linux ${release()}`;
  if (other !== undefined) return ok('runtime', `${other} ${versions[other]} (as ${node})`);
  return Number.parseInt(versions.node!, 10) >= LEAST_NODE
    ? ok('runtime', node)
    : problem('runtime', node, `use Node.js ${LEAST_NODE} or newer`);
}

function release(): string {
  return readText('/proc/sys/kernel/osrelease')?.trim() ?? '?';
}

/** Of the binary that this process has mapped, whatever was meant to be loaded. */
function nativePart(): Finding {
  const path = loadedBinary();
  if (path === undefined) return ok('native part', 'loaded');
  const origin = path.includes('/prebuilds/') ? 'prebuilt' : 'built here';
  return ok('native part', `${origin}: ${path}${needs(path)}`);
}

function loadedBinary(): string | undefined {
  const paths = (readText('/proc/self/maps') ?? '').matchAll(/ (\/\S.*\.node)(?: \(deleted\))?$/gm);
  return [...new Set([...paths].map(([, path]) => path!))].find((path) => !path.includes('msgpackr-extract'));
}

/** The newest version of the C library's symbols that the binary names, and the one that runs. */
function needs(path: string): string {
  try {
    const versions = [
      ...readFileSync(path)
        .toString('latin1')
        .matchAll(/GLIBC_(\d+)\.(\d+)\b/g),
    ];
    const [, major, minor] = versions.sort((a, b) => +b[1]! - +a[1]! || +b[2]! - +a[2]!)[0] ?? [];
    if (major === undefined) return '';
    const here = glibc();
    return `, needs glibc ${major}.${minor}${here === undefined ? '' : ` (here: ${here})`}`;
  } catch {
    return '';
  }
}

function glibc(): string | undefined {
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true; // it would look up names
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime;
}

const SWITCHES: Readonly<Record<string, string>> = {
  futex_waitv: 'waits poll',
  o_tmpfile: 'new objects get a temporary name first',
  death_marks: 'deaths are noticed later',
  sem_clockwait: "a Semaphore's Sync waits follow the wall clock",
};

function switches(): Finding[] {
  const wanted = (process.env['ISTHMUS_DISABLE'] ?? '').split(',').filter((name) => name !== '');
  if (wanted.length === 0) return [];
  const unknown = wanted.filter((name) => SWITCHES[name] === undefined);
  const effects = wanted
    .filter((name) => SWITCHES[name] !== undefined)
    .map((name) => `${name} (${SWITCHES[name]})`);
  const parts = [
    ...(effects.length > 0 ? [`switches off ${effects.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`names what there is not: ${unknown.join(', ')}`] : []),
  ];
  return [
    warning(
      'ISTHMUS_DISABLE',
      parts.join('; '),
      'it is meant for tests: unset it in the environment of your programs',
    ),
  ];
}

interface Meaning {
  readonly check: string;
  readonly good: string;
  /** What is lost without it. */
  readonly bad: string;
  readonly advice: string;
  /** There is nothing instead. */
  readonly needed?: true;
}

const SANDBOX = 'where a sandbox refuses it (see its seccomp profile), allow it there; otherwise';

const MEANINGS: Readonly<Record<keyof Trials, Meaning>> = {
  futexWaitv: {
    check: 'futex_waitv',
    good: 'one sleep watches many words: waits wake at once',
    bad: 'fallback: waits on several things poll, so that promise forms and waits for the living hear of it 1 to 50 ms late and cost some CPU',
    advice: `${SANDBOX} use Linux 5.16 or newer (Docker 20.10.11 or newer)`,
  },
  unnamedFiles: {
    check: 'O_TMPFILE and linkat',
    good: 'an object has no name before it is complete',
    bad: 'fallback: new objects have a temporary name at first, which stays behind when their maker is killed',
    advice: 'mount a tmpfs on /dev/shm and /proc on /proc; run isthmus gc after such deaths',
  },
  making: {
    check: 'making objects',
    good: 'a file in /dev/shm can be made, named, reserved and mapped as an ArrayBuffer',
    bad: 'no object can be made',
    advice:
      'see what is said about /dev/shm below; where a sandbox refuses a call (seccomp profile), allow it there',
    needed: true,
  },
  mirror: {
    check: 'mirrored mapping',
    good: 'rings can be mapped twice in a row',
    bad: 'SpscQueue and Pipe cannot be opened',
    advice: 'see the address space below',
    needed: true,
  },
  byteLocks: {
    check: 'OFD locks',
    good: 'locks of open file descriptions tell who is attached',
    bad: 'nobody can tell who is alive: locks of the dead would be held for ever',
    advice: `${SANDBOX} use Linux 3.15 or newer with a tmpfs on /dev/shm`,
    needed: true,
  },
  deathFreesLocks: {
    check: 'death frees locks',
    good: 'the lock of a process that was killed for it was free afterwards',
    bad: 'who holds something when it is killed holds it for ever',
    advice: 'use a kernel that implements F_OFD_SETLK as Linux does',
    needed: true,
  },
  deathMarks: {
    check: 'robust list',
    good: 'the kernel marked the death of a process that was killed for it: deaths are known within 1 or 2 ms',
    bad: 'fallback: a death is noticed up to 50 ms after the process is entirely gone',
    advice: `${SANDBOX} use glibc or musl and pages of 4 KiB`,
  },
};

function judge(trials: Trials): Finding[] {
  return Object.entries(MEANINGS).map(([key, meaning]) => finding(meaning, trials[key as keyof Trials]));
}

function finding({ check, good, bad, advice, needed }: Meaning, { state, why }: Trial): Finding {
  if (state === 'works') return ok(check, good);
  if (state === 'untried') return warning(check, `could not be tried: ${why}`, 'mend that first');
  const reason = state === 'off' ? 'not used' : `refused: ${why}`;
  const remedy =
    state === 'off' && process.env['ISTHMUS_DISABLE'] !== undefined ? 'see ISTHMUS_DISABLE' : advice;
  return (needed ? problem : warning)(check, `${reason}; ${bad}`, remedy);
}
