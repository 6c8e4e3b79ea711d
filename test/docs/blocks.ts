// The code in documents and TSDoc comments, and how it is run.
//
// - A ```js block is a script of its own: an ES module if it has an `import` statement, CommonJS otherwise.
// - A first line `// NAME.mjs (terminal 1)` begins a group; blocks with `(terminal 2)`, … that follow belong to it. They
//   are saved under their names and run at the same time, once with the first and once with the last in front. In a
//   group with `(terminal 1, start first)` each starts when the one before has printed a line or ended; it runs once.
//   One with `, killed by …` behind that must end by SIGKILL, which somebody else in the group sends.
//   `(terminal 1, and again in terminal 2)` and `(terminal 1, twice)` are started twice, `(terminal 1, three times)` three
//   times, `(terminal 2, and …)` with anything else once.
// - ```python and ```c blocks are run (compiled with cc) when they belong to a group (`# NAME.py (terminal 2)`,
//   `/* NAME.c (terminal 2) */`). A group is skipped where the tools for it are missing.
// - What a line `console.log(…); // text` or `print(…)  # text` announces must be printed, in this order.
// - Names begin with `doc-` or `example-`. They get a number behind that when they are run, so that two runs of the tests
//   do not meet and whatever is left in /dev/shm is found.
// - Every process must end with exit code 0 and leave no name in /dev/shm.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(fileURLToPath(new URL('../..', import.meta.url)));
/** What blocks may import beside isthmus. */
const LIBRARIES = ['comlink', 'express', 'express-rate-limit', 'keyv', 'prom-client'];
/** ms after which a process that still runs is killed and reported. */
const WATCHDOG = 90_000;

export interface Block {
  /** file:line of its first line. */
  readonly where: string;
  readonly language: string;
  readonly source: string;
  /** The name it wants to be saved under; undefined: a script of its own. */
  readonly file: string | undefined;
  readonly terminal: number;
  /** The last terminal in which it is started; the same as `terminal`, or the next. */
  readonly lastTerminal: number;
  /** How often it is started. */
  readonly times: number;
  readonly startFirst: boolean;
  /** It must be killed by another one of its group. */
  readonly killed: boolean;
}

// ---- finding

/** All blocks of a Markdown file. */
export function markdownBlocks(path: string): Block[] {
  return blocksIn(readFileSync(join(ROOT, path), 'utf8'), path);
}

/** All blocks in the comments of a source file. */
export function commentBlocks(path: string): Block[] {
  const source = readFileSync(join(ROOT, path), 'utf8');
  // What is no comment becomes an empty line, so that line numbers stay right.
  const lines = source.split('\n').map((line) => /^\s*\* ?(.*)$/.exec(line)?.[1] ?? '');
  return blocksIn(lines.join('\n'), path);
}

function blocksIn(text: string, path: string): Block[] {
  const blocks: Block[] = [];
  for (const match of text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    const [, language, source] = match as unknown as [string, string, string];
    const line = text.slice(0, match.index).split('\n').length + 1;
    const first = source.slice(0, source.indexOf('\n'));
    const group =
      /^(?:\/\/|#|\/\*) (\S+) \(terminal (\d+)(, start first)?(, killed by [^)]*)?(?:, and again in terminals? (?:\d+ to )?(\d+)|, (twice|three times)|, and [^)]*)?\)/.exec(
        first,
      );
    const terminal = Number(group?.[2] ?? 0);
    const lastTerminal = Number(group?.[5] ?? terminal);
    const said = group?.[6];
    blocks.push({
      where: `${path}:${line}`,
      language,
      source,
      file: group?.[1],
      terminal,
      lastTerminal,
      times: said === undefined ? lastTerminal - terminal + 1 : said === 'twice' ? 2 : 3,
      startFirst: group?.[3] !== undefined,
      killed: group?.[4] !== undefined,
    });
  }
  return blocks;
}

/** The blocks to be run, alone or in their groups. */
export function groupsOf(blocks: readonly Block[]): Block[][] {
  const groups: Block[][] = [];
  for (const block of blocks) {
    if (block.file === undefined) {
      if (block.language === 'js') groups.push([block]);
    } else if (block.terminal === 1) {
      groups.push([block]);
    } else {
      const last = groups.at(-1);
      if (last?.at(-1)?.lastTerminal !== block.terminal - 1)
        throw new Error(`${block.where}: who is in terminal 1?`);
      last.push(block);
    }
  }
  return groups;
}

/** Every TypeScript file below a folder. */
export function sourcesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.m?ts$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort();
}

// ---- running

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const tools: Record<string, boolean> = { js: true, python: has('python3'), c: has('cc') };

/** Why a group cannot be run here; undefined if it can. */
export function missingFor(group: readonly Block[]): string | undefined {
  return group.map(({ language }) => language).find((language) => tools[language] !== true);
}

/** A folder in which `isthmus` is installed. */
export function makeHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'isthmus-docs-'));
  mkdirSync(join(home, 'node_modules'));
  symlinkSync(ROOT, join(home, 'node_modules', 'isthmus'));
  for (const library of LIBRARIES)
    symlinkSync(join(ROOT, 'node_modules', library), join(home, 'node_modules', library));
  return home;
}

interface Running {
  readonly what: string;
  readonly expected: readonly string[];
  /** It must end by SIGKILL. */
  readonly killed: boolean;
  readonly child: ChildProcess;
  /** Resolves at the first line of output, or at the end. */
  readonly spoke: Promise<void>;
  readonly ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>;
}

/** Runs a group (or a single block) in a folder made by `makeHome`; throws what went wrong. */
export async function runGroup(group: readonly Block[], home: string): Promise<void> {
  const orders = group.length === 1 || group[0]!.startFirst ? [group] : [group, [...group].reverse()];
  for (const order of orders) {
    const id = freshId();
    const running: Running[] = [];
    try {
      for (const block of order.flatMap((one) => Array(one.times).fill(one) as Block[])) {
        const source = personal(block.source, id);
        const [program, ...args] = commandFor(block, source, home) as [string, ...string[]];
        const process = launch(
          block.where,
          program,
          args,
          home,
          expectedOutput(block.language, source),
          block.killed,
        );
        running.push(process);
        if (group[0]!.startFirst) await process.spoke;
      }
      await check(running);
    } finally {
      for (const { child } of running) child.kill('SIGKILL');
    }
    sweep(group[0]!.where, id);
  }
}

let ids = 0;

/** What makes the names of one run its own. */
export function freshId(): string {
  return `${process.pid}n${++ids}`;
}

/** The source with its names made this run's own. */
export function personal(source: string, id: string): string {
  return source.replace(/\b(doc|example)-(?=\w)/g, `$1-${id}-`);
}

/** Removes what a run left in /dev/shm; throws if there was anything. */
export function sweep(what: string, id: string): void {
  const left = readdirSync('/dev/shm').filter((file) => file.includes(`-${id}-`));
  for (const file of left) rmSync(`/dev/shm/${file}`, { force: true });
  if (left.length > 0) throw new Error(`${what}: left in /dev/shm: ${left.join(', ')}`);
}

function commandFor({ where, language, file }: Block, source: string, home: string): string[] {
  const plain = where.replace(/\W+/g, '-');
  switch (language) {
    case 'js': {
      const script = file ?? `${plain}.${/^import /m.test(source) ? 'mjs' : 'cjs'}`;
      writeFileSync(join(home, script), source);
      return [process.execPath, script];
    }
    case 'python':
      writeFileSync(join(home, file!), source);
      return ['python3', file!];
    case 'c': {
      writeFileSync(join(home, file!), source);
      const args = ['-Wall', '-Wextra', '-Werror', '-O2', '-o', plain, file!, '-lpthread', '-lrt'];
      const { status, stderr } = spawnSync('cc', args, { cwd: home, encoding: 'utf8', timeout: WATCHDOG });
      if (status !== 0) throw new Error(`${where}: cc ended with ${status}\n${stderr}`);
      return [join(home, plain)];
    }
    default:
      throw new Error(`${where}: nothing is known of '${language}'`);
  }
}

/** Starts a process of its own session that shares nothing but names with anybody. */
export function launch(
  what: string,
  program: string,
  args: readonly string[],
  cwd: string,
  expected: readonly string[] = [],
  killed = false,
): Running {
  const child = spawn(program, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  const spoke = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      if (stdout.includes('\n')) resolve();
    });
    child.on('close', () => resolve());
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Awaited<Running['ended']>>((resolve, reject) => {
    const dog = setTimeout(() => {
      stderr += '\n[watchdog: still running, killed]';
      child.kill('SIGKILL');
    }, WATCHDOG);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(dog);
      resolve({ code, signal, stdout, stderr });
    });
  });
  return { what, expected, killed, child, spoke, ended };
}

/** Waits for all of them; throws if one failed or did not print what it announced. */
export async function check(running: readonly Running[]): Promise<void> {
  const problems: string[] = [];
  for (const { what, expected, killed, ended } of running) {
    const { code, signal, stdout, stderr } = await ended;
    const said = `${stdout}${stderr}`;
    if (killed ? signal !== 'SIGKILL' || said.includes('[watchdog') : code !== 0)
      problems.push(`${what}: ended with ${signal ?? `exit code ${code}`}\n${said}`);
    const printed = stdout.split('\n');
    let from = 0;
    for (const line of expected) {
      const at = printed.indexOf(line, from);
      if (at < 0) problems.push(`${what}: should print ${JSON.stringify(line)}\n${said}`);
      else from = at + 1;
    }
  }
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

/** What the comments behind `console.log(…);` and `print(…)` say will be printed. */
function expectedOutput(language: string, source: string): string[] {
  const pattern =
    language === 'python' ? /^\s*print\(.*\) {2}# (.+)$/gm : /^\s*console\.log\(.*\); +\/\/ (.+)$/gm;
  return [...source.matchAll(pattern)].map((match) => match[1]!);
}
