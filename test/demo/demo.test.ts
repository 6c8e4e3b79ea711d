// npm run demo, without the building

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, SharedArray, SpscQueue, Value } from 'isthmus';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
// @ts-expect-error: plain JavaScript without declarations
import { namesFor, TOTAL } from '../../demo/names.mjs';
import { start as startPeer } from '../processes/start.js';

const MAIN = new URL('../../demo/main.mjs', import.meta.url).pathname;
const COUNTER = new URL('../../demo/counter.mjs', import.meta.url).pathname;
const WATCHDOG = 90_000;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cli-test-demo-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

function start(...files: string[]): { child: ChildProcess; outcome: Promise<Outcome> } {
  const child = spawn(process.execPath, [MAIN, ...files], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const outcome = new Promise<Outcome>((resolve, reject) => {
    const output = { stdout: '', stderr: '' };
    child.stdout!.setEncoding('utf8').on('data', (chunk) => {
      output.stdout += chunk;
    });
    child.stderr!.setEncoding('utf8').on('data', (chunk) => {
      output.stderr += chunk;
    });
    const watchdog = setTimeout(() => {
      child.kill('SIGTERM'); // it tidies up
      reject(new Error(`the demo did not end: ${JSON.stringify(output)}`));
    }, WATCHDOG);
    child.on('close', (code) => {
      clearTimeout(watchdog);
      running.delete(child);
      resolve({ code, ...output });
    });
  });
  outcome.catch(() => undefined);
  return { child, outcome };
}

function write(name: string, content: string | Buffer): string {
  const file = join(directory, name);
  writeFileSync(file, content);
  return file;
}

function leftovers(child: ChildProcess): string[] {
  return readdirSync('/dev/shm').filter((name) => name.startsWith(`demo-${child.pid}-`));
}

/** What the table prints, by word. */
function commonest(stdout: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const [, word, count] of stdout.matchAll(/^ {2}(\S+) +([\d,]+)$/gm)) {
    found.set(word!, Number(count!.replaceAll(',', '')));
  }
  return found;
}

describe('counts', () => {
  test('known words, across files and in any case', async () => {
    const one = write('one.txt', "The cat. the CAT's 'hat', the h");
    const two = write('two.txt', 'at and the\ncat\n');
    const { child, outcome } = start(one, two);
    const { code, stdout, stderr } = await outcome;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(commonest(stdout)).toEqual(
      new Map([
        ['the', 4],
        ['cat', 2],
        ['and', 1],
        ['at', 1],
        ["cat's", 1],
        ['h', 1],
        ['hat', 1],
      ]),
    );
    expect(stdout).toMatch(/11 words in 2 lines/);
    expect(stdout).toMatch(/[\d,]+ messages\/s, [\d,]+ MB\/s/);
    expect(stdout).toMatch(/counts agree/);
    expect(leftovers(child)).toEqual([]);
  });

  test('letters of several bytes and long words, cut wherever a piece may end', async () => {
    // Pieces are 64 KiB: these words lie across every boundary, at another byte of a character each time.
    const words = ['Grüße', 'naïve', 'Ελλάδα', 'ΟΔΟΣ', '日本語', '𝒳𝒴', 'e\u0301te\u0301', 'дом', "l'été"];
    const text = Array.from({ length: 60_000 }, (_, i) => words[i % words.length]).join(' ');
    const endless = 'ß'.repeat(200_000);
    const { code, stdout, stderr } = await start(write('letters.txt', text), write('endless.txt', endless))
      .outcome;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const found = commonest(stdout);
    for (const word of words)
      expect([word, found.get(word.toLowerCase())]).toEqual([word, expect.closeTo(60_000 / 9, -1)]);
    expect(found.get(endless)).toBe(1);
    expect(found.size).toBe(10);
  });

  test('empty files, and bytes that are no text', async () => {
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 37) & 255));
    const { code, stdout, stderr } = await start(write('empty', ''), write('bytes', bytes)).outcome;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/counts agree/);
    expect((await start(write('empty', '')).outcome).code).toBe(0);
  });

  test('without arguments: the texts that came with npm ci', async () => {
    const { child, outcome } = start();
    const { code, stdout, stderr } = await outcome;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^\d+\.\d MB of text: \d+ files, \d+ times$/m);
    expect(stdout).toMatch(/^100% counted$/m);
    expect(commonest(stdout).size).toBe(10);
    expect(stdout).toMatch(/counts agree/);
    expect(leftovers(child)).toEqual([]);
  });
});

describe('wrong file names', () => {
  test.each<[string, () => string, RegExp]>([
    [
      'one that does not exist',
      () => join(directory, 'missing.txt'),
      /^demo: there is no file '.*missing\.txt'\n$/,
    ],
    ['a directory', () => directory, /^demo: '.*' is a directory; name text files\n$/],
    ['no regular file', () => '/dev/null', /^demo: '\/dev\/null' is no regular file; name text files\n$/],
    ['something below a file', () => join(write('f', 'x'), 'y'), /^demo: there is no file '.*f\/y'\n$/],
  ])('%s: a message, exit code 2, nothing started', async (_, wrong, message) => {
    const { child, outcome } = start(write('right.txt', 'text'), wrong());
    const { code, stdout, stderr } = await outcome;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(leftovers(child)).toEqual([]);
  });

  test.skipIf(process.geteuid!() === 0)('a file that may not be read', async () => {
    const file = write('secret.txt', 'x');
    chmodSync(file, 0);
    const { code, stderr } = await start(file).outcome;
    expect(code).toBe(2);
    expect(stderr).toMatch(/may not be read/);
  });

  test('--help', async () => {
    const { code, stdout } = await start('--help').outcome;
    expect(code).toBe(0);
    expect(stdout).toMatch(/npm run demo/);
  });
});

describe('trouble on the way', () => {
  let large: string;
  beforeAll(() => {
    mkdirSync(directory, { recursive: true });
    large = write('large.txt', 'The quick brown fox jumps over the lazy dog.\n'.repeat(1_500_000));
  });

  /** The process id of one of the demo's processes, once it runs. */
  async function childOf(demo: ChildProcess, what: 'reader' | 'counter'): Promise<number> {
    const deadline = performance.now() + WATCHDOG;
    while (performance.now() < deadline) {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        try {
          const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
          if (line.includes(`${what}.mjs\0demo-${demo.pid}-`)) return Number(pid);
        } catch {
          // It ended meanwhile.
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`there is no ${what}`);
  }

  /**
   * Until something is counted, and by far not all of it: both processes are in the midst of their work then. We look from
   * outside, for what the demo prints comes later, and where it is held up not before the end.
   */
  async function counted(demo: ChildProcess): Promise<void> {
    const deadline = performance.now() + WATCHDOG;
    while (performance.now() < deadline && demo.exitCode === null) {
      const name = leftovers(demo).find((one) => one.endsWith('-progress'));
      if (name !== undefined && Number(inspect(name).contents?.['value']) > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error('it ended before anything was counted');
  }

  test('processes have sessions of their own and no IPC channel', async () => {
    const { child, outcome } = start(large);
    const pids = [await childOf(child, 'reader'), await childOf(child, 'counter')];
    for (const pid of pids) {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const session = Number(stat.slice(stat.lastIndexOf(')')).split(' ')[4]);
      expect(session).toBe(pid);
      expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).not.toContain('NODE_CHANNEL_FD');
    }
    child.kill('SIGTERM');
    expect((await outcome).code).toBe(143);
  });

  /** What the survivor says. */
  function aboutDead(what: 'reader' | 'counter', pid: number): RegExp {
    return what === 'reader'
      ? new RegExp(
          `^demo, counter: the reader \\(process ${pid}\\) died; every message that came is counted: \\d+$`,
        )
      : new RegExp(`^demo, reader: the counter \\(process ${pid}\\) died before it had taken everything$`);
  }

  test.each([
    ['reader', 'SIGKILL', 'counter'],
    ['reader', 'SIGTERM', 'counter'],
    ['counter', 'SIGKILL', 'reader'],
    ['counter', 'SIGTERM', 'reader'],
  ] as const)('the %s gets %s: the %s says so, and the parent about both', async (what, signal, survivor) => {
    const { child, outcome } = start(large);
    const pid = await childOf(child, what);
    const other = await childOf(child, survivor);
    await counted(child);
    process.kill(pid, signal);
    const { code, stderr } = await outcome;
    expect(code).toBe(1);
    // Nothing tells the parent which of the two ended first.
    const [first, ...lines] = stderr.trimEnd().split('\n');
    expect(first).toMatch(aboutDead(what, pid));
    expect(lines.sort()).toEqual(
      [
        `demo: the ${what} (process ${pid}) was killed by ${signal}`,
        `demo: the ${survivor} (process ${other}) failed with exit code 1`,
      ].sort(),
    );
    expect(leftovers(child)).toEqual([]);
  });

  test.each([
    ['counter', 'reader'],
    ['reader', 'counter'],
  ] as const)('the %s and the parent are killed at once: the %s ends too', async (what, survivor) => {
    const { child, outcome } = start(large);
    const pid = await childOf(child, what);
    const other = await childOf(child, survivor);
    await counted(child);
    try {
      for (const dead of [child.pid!, pid]) process.kill(dead, 'SIGKILL');
      const { stderr } = await outcome; // comes when nobody has the parent's stderr open any more
      expect(stderr.trimEnd()).toMatch(aboutDead(what, pid));
    } finally {
      killIfThere(other);
      for (const name of leftovers(child)) rmSync(`/dev/shm/${name}`);
    }
  });

  function killIfThere(pid: number): void {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // as it should be
    }
  }

  test('the counter counts every whole message of a reader that was killed before it looked', async () => {
    const prefix = `demo-${process.pid}-whole`;
    const names = namesFor(prefix);
    const lifetime = 'attached';
    const objects = [
      SpscQueue.create(names.text, { lifetime }),
      Value.create(names.progress, 'f64', { lifetime }),
      SpscQueue.create(names.words, { lifetime }),
    ];
    const totals = SharedArray.create(names.totals, 'f64', TOTAL.LENGTH, { lifetime });
    try {
      const reader = startPeer(async ({ SpscQueue }, { args: [name], say, sleep }) => {
        const producer = SpscQueue.attach(name!).producer();
        for (let i = 0; i < 1000; i++) producer.putSync(`one two ${i}\n`);
        say();
        await sleep(1e6);
      }, names.text);
      await reader.said();
      reader.kill();
      await reader.exited;
      const counter = spawn(process.execPath, [COUNTER, prefix], { stdio: ['ignore', 'ignore', 'pipe'] });
      running.add(counter);
      let stderr = '';
      counter.stderr.setEncoding('utf8').on('data', (text) => {
        stderr += text;
      });
      const code = await new Promise((resolve) => counter.on('close', resolve));
      expect(code).toBe(1);
      expect(stderr).toBe(
        `demo, counter: the reader (process ${reader.pid}) died; every message that came is counted: 1000\n`,
      );
      expect(totals.at(TOTAL.MESSAGES)).toBe(1000);
      expect(totals.at(TOTAL.LINES)).toBe(1000);
    } finally {
      for (const object of [...objects, totals]) object.close();
    }
    expect(readdirSync('/dev/shm').filter((name) => name.startsWith(prefix))).toEqual([]);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s: everything ends with %i and nothing is left', async (signal, expected) => {
    const { child, outcome } = start(large);
    const pids = [await childOf(child, 'reader'), await childOf(child, 'counter')];
    await counted(child);
    child.kill(signal);
    const { code, stderr } = await outcome;
    expect({ code, stderr }).toEqual({ code: expected, stderr: 'demo: interrupted\n' });
    expect(leftovers(child)).toEqual([]);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
