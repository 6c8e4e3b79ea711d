// isthmus top on a terminal: a real pseudo-terminal with a shell, keys, and what is on the screen.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Lock, unlink, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { start as startPeer } from '../processes/start.js';
import { eventually, exists, freshName, MAIN } from './command.js';
import { noTerminal, Terminal } from './terminal.js';

const ESCAPE = '\x1b';
const DOWN = '\x1b[B';
const RIGHT = '\x1b[C';

// biome-ignore lint/suspicious/noControlCharactersInRegex: how a terminal is told of colours
const COLOUR = /\x1b\[(?!0m)[0-9;]+m/;

/** The command as one types it. */
const top = (...args: string[]): string =>
  [process.execPath, MAIN, 'top', '--interval', '0.1', ...args].join(' ');

async function open(args: string[], size = [30, 140], env: Record<string, string> = {}): Promise<Terminal> {
  const terminal = new Terminal(size[0]!, size[1]!, env);
  await terminal.shows(/shell>/);
  terminal.type(`${top(...args)}\n`);
  await terminal.until('top has the screen', (it) => it.onOtherScreen && /^isthmus top/.test(it.text));
  return terminal;
}

/** The same, with the pid of the command. */
async function openWithPid(): Promise<{ terminal: Terminal; pid: number }> {
  const file = join(mkdtempSync(join(tmpdir(), 'isthmus-top-')), 'pid');
  const terminal = new Terminal(30, 140);
  await terminal.shows(/shell>/);
  terminal.type(`sh -c 'echo $$ > ${file}; exec ${top('--filter', freshName())}'\n`);
  await terminal.until('top has the screen', (it) => it.onOtherScreen && /^isthmus top/.test(it.text));
  const pid = Number(readFileSync(file, 'utf8'));
  rmSync(dirname(file), { recursive: true });
  return { terminal, pid };
}

/** Back in the shell, with the terminal as it was. */
async function backInShell(terminal: Terminal, code: number): Promise<void> {
  await terminal.until('the first screen is back', (it) => !it.onOtherScreen);
  terminal.type('echo "code $?"; stty -a\n');
  await terminal.shows(/\bcode \d+$/m); // behind the prompt, if that came first
  expect(terminal.text).toMatch(new RegExp(`\\bcode ${code}$`, 'm'));
  await terminal.shows(/ icanon /);
  expect(terminal.text).toMatch(/(^| )echo /m);
  expect(terminal.cursorShown).toBe(true);
}

describe.skipIf(noTerminal)('on a terminal', () => {
  test('shows what goes on, sorts, filters, inspects, and leaves the terminal as it found it', async () => {
    const prefix = freshName();
    const [still, busy] = [`${prefix}-a`, `${prefix}-b`];
    const value = Value.create(still, 'i32', { initial: 5 });
    const peer = startPeer(async ({ Value }, { args, sleep }) => {
      const count = Value.open(args[0]!, 'i32');
      for (;;) {
        count.add(1);
        await sleep(5);
      }
    }, busy);
    try {
      const terminal = await open([]);
      terminal.type('/');
      terminal.type(prefix);
      await terminal.shows(new RegExp(`names with: ${prefix}_`));
      terminal.type('\r');
      await terminal.shows(
        new RegExp(`^> /${still} +value .* 5 +0 .*\\n +/${busy} +value .* \\+[\\d.]+k? .* ${peer.pid} `, 'm'),
      );
      expect(terminal.text).toMatch(/^isthmus top +2 of [\d,]+ objects with '/);
      expect(terminal.output).toMatch(COLOUR);

      terminal.type('b'); // the busiest first; the chosen row stays chosen
      await terminal.shows(new RegExp(`IN/S▼.*\\n +/${busy} .*\\n> /${still} `));
      terminal.type('r');
      await terminal.shows(new RegExp(`IN/S▲.*\\n> /${still} .*\\n +/${busy} `));
      terminal.type(RIGHT);
      await terminal.shows(/OUT\/S▼/);
      terminal.type(DOWN);
      await terminal.shows(new RegExp(`^> /${busy} `, 'm'));

      terminal.type('?');
      await terminal.shows(/Ctrl-Z +to the shell/);
      terminal.type('x'); // any key
      await terminal.shows(new RegExp(`^> /${busy} `, 'm'));

      terminal.type('\r'); // inspect it: live
      await terminal.shows(
        new RegExp(
          `^isthmus top +/${busy}\\n[\\s\\S]*^net change +\\+[\\s\\S]*^attached +process ${peer.pid}`,
          'm',
        ),
      );
      peer.kill();
      await peer.exited;
      await terminal.shows(/^attached +process \d+, .*\(gone\)$/m);
      unlink(busy);
      await terminal.shows(/gone: this is what it was/);
      terminal.type(ESCAPE);
      // A screen may come in two pieces.
      const row = new RegExp(`^> /${still} `, 'm');
      await terminal.until('the list', ({ text }) => row.test(text) && !text.includes(busy));
      terminal.type('q');
      await backInShell(terminal, 0);
    } finally {
      value.close();
      for (const name of [still, busy]) if (exists(name)) unlink(name);
    }
  });

  test('terminals that become narrow, tiny and large again', async () => {
    const name = freshName();
    Value.create(name, 'i32', { initial: 7 }).close();
    const terminal = await open(['--filter', name]);
    await terminal.shows(/WAITS FOR/);
    terminal.resize(6, 40);
    await terminal.until(
      'narrow',
      ({ lines }) =>
        /NAME/.test(lines[1] ?? '') &&
        !/KIND/.test(lines[1]!) &&
        /CONTENTS/.test(lines[1]!) &&
        lines.every((line) => [...line].length <= 40),
    );
    terminal.resize(2, 8);
    await terminal.until('tiny', ({ lines }) => /^> \/cli…?/.test(lines[0] ?? ''));
    terminal.resize(30, 140);
    await terminal.shows(/WAITS FOR/);
    terminal.type('q');
    await backInShell(terminal, 0);
  });

  test('Ctrl-Z gives the terminal to the shell, and fg comes back', async () => {
    const terminal = await open(['--filter', freshName()]);
    terminal.type('\x1a');
    await terminal.until('the shell', (it) => !it.onOtherScreen && it.cursorShown);
    terminal.type('stty -a\n');
    await terminal.shows(/ icanon /);
    terminal.type('fg\n');
    await terminal.until(
      'top again',
      (it) => it.onOtherScreen && !it.cursorShown && /^isthmus top/.test(it.text),
    );
    terminal.type('q');
    await backInShell(terminal, 0);
  });

  test('a signal that stops it does the same', async () => {
    const { terminal, pid } = await openWithPid();
    process.kill(pid, 'SIGTSTP');
    await terminal.until('the shell', (it) => !it.onOtherScreen && it.cursorShown);
    terminal.type('stty -a\n');
    await terminal.shows(/ icanon /);
    terminal.type('fg\n');
    await terminal.until('top again', (it) => it.onOtherScreen && /^isthmus top/.test(it.text));
    terminal.type('q');
    await backInShell(terminal, 0);
  });

  test.each([
    ['Ctrl-C', 130, '\x03'],
    ['q', 0, 'q'],
  ] as const)('%s ends it with code %i', async (_key, code, keys) => {
    const terminal = await open(['--filter', freshName()]);
    terminal.type(keys);
    await backInShell(terminal, code);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('%s: the terminal is as it was', async (signal, code) => {
    const { terminal, pid } = await openWithPid();
    process.kill(pid, signal);
    await backInShell(terminal, code);
  });

  test('a terminal that is closed: it ends as of the hangup, not in a crash', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'isthmus-top-'));
    const file = join(directory, 'code');
    try {
      const terminal = new Terminal(30, 140);
      await terminal.shows(/shell>/);
      terminal.type(`sh -c 'trap "" HUP; ${top('--filter', freshName())}; echo $? > ${file}'\n`);
      await terminal.until('top has the screen', (it) => it.onOtherScreen && /^isthmus top/.test(it.text));
      terminal.kill();
      await eventually('it has ended', () => existsSync(file) && readFileSync(file, 'utf8') !== '');
      expect(readFileSync(file, 'utf8')).toBe('129\n');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('NO_COLOR: no colours, and the chosen row is marked all the same', async () => {
    const name = freshName();
    Lock.create(name).close();
    const terminal = await open(['--filter', name], [30, 140], { NO_COLOR: '1' });
    await terminal.shows(new RegExp(`^> /${name} +lock`, 'm'));
    expect(terminal.output).not.toMatch(COLOUR);
    terminal.type('q');
    await backInShell(terminal, 0);
  });

  test('--count ends it by itself; --once is a plain table on a terminal, too', async () => {
    const name = freshName();
    Value.create(name, 'i32', { initial: 9 }).close();
    const terminal = await open(['--count', '3', '--filter', name]);
    await backInShell(terminal, 0);
    terminal.type(`${top('--once', '--filter', name)}\n`);
    await terminal.shows(new RegExp(`^/${name} +value +\\S+ KB +9 `, 'm'));
    expect(terminal.onOtherScreen).toBe(false);
  });
});
