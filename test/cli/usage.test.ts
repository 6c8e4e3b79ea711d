// What the command says about itself, and about being called wrongly.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isthmus } from './command.js';

test.each([
  ['--help'],
  ['ls', '--help'],
  ['inspect', '--help'],
  ['rm', '-h'],
  ['send', '--help'],
  ['help', 'receive'],
  ['put', '--help'],
  ['get', '--help'],
  ['tail', '--help'],
  ['gc', '--help'],
  ['doctor', '--help'],
  ['top', '--help'],
  ['bench', '--help'],
  ['completion', '--help'],
])('isthmus %s %s: help on stdout with the exit codes', async (...args) => {
  const { code, stdout, stderr } = await isthmus(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.toString()).toMatch(/^Usage: isthmus/);
  expect(stdout.toString()).toMatch(/Exit codes:\n {2}0 +done\n {2}1 [\s\S]* {2}5 +timeout[\s\S]*130/);
});

test('every verb has examples, and the page about the command has every verb and exit code', async () => {
  const page = readFileSync(new URL('../../docs/command-line.md', import.meta.url), 'utf8');
  const main = (await isthmus(['--help'])).stdout.toString();
  const verbs = [...main.slice(main.indexOf('Commands:')).matchAll(/^ {2}([a-z]+) /gm)]
    .map(([, verb]) => verb!)
    .filter((verb) => verb !== 'help');
  expect(verbs).toEqual(expect.arrayContaining(['ls', 'doctor', 'completion']));
  for (const verb of verbs) {
    expect(page, verb).toMatch(new RegExp(`\\| .*\`${verb}\\b`));
    expect((await isthmus([verb, '--help'])).stdout.toString(), verb).toMatch(/\nExamples:\n {2}\S/);
  }
  const codes = [...main.slice(main.indexOf('Exit codes:')).matchAll(/^ {2}(\d+)/gm)].map(
    ([, code]) => code!,
  );
  for (const code of codes) expect(page).toMatch(new RegExp(`^\\| ${code}\\b`, 'm'));
});

test('help has colours on a terminal only', async () => {
  const { stdout } = await isthmus(['ls', '--help']);
  expect(stdout.toString()).not.toContain('\u001b');
});

test('--version is the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const { code, stdout } = await isthmus(['--version']);
  expect({ code, out: stdout.toString() }).toEqual({ code: 0, out: `${version}\n` });
});

test.each<[string[], RegExp]>([
  [[], /Usage/],
  [['lss'], /unknown command 'lss'\n.*Did you mean ls/],
  [['ls', '--jsn'], /unknown option '--jsn'/],
  [['ls', 'more'], /too many arguments/],
  [['rm'], /missing required argument/],
  [['inspect'], /missing required argument/],
  [['inspect', ''], /name must be/],
  [['inspect', 'a', 'b'], /too many arguments/],
  [['send'], /missing required argument/],
  [['send', '..'], /name must be/],
  [['send', 'sem.x'], /does not begin with 'sem\.'/],
  [['send', 'x'.repeat(201)], /name must be/],
  [['receive', 'a b'], /name must be/],
  [['receive', 'a', '--lines'], /unknown option '--lines'/],
  [['send', 'a', '--timeout', 'soon'], /number of milliseconds/],
  [['send', 'a', '--timeout', '-1'], /number of milliseconds/],
  [['receive', 'a', '--timeout', '0'], /number of milliseconds/],
  [['send', 'a', '--capacity', '100'], /capacity must be a multiple of 8/],
  [['send', 'a', '--capacity', '2GB'], /capacity must be/],
  [['receive', 'a', '--capacity', 'big'], /capacity must be/],
  [['put'], /missing required argument/],
  [['put', '..'], /name must be/],
  [['put', 'a', '--max-items', '0'], /whole number above 0/],
  [['put', 'a', '--capacity', 'big'], /capacity must be/],
  [['put', 'a', '--timeout', 'soon'], /number of milliseconds/],
  [['get', 'a', 'b'], /too many arguments/],
  [['get', 'a', '--count', '1.5'], /whole number above 0/],
  [['get', 'a', '--all', '--follow'], /cannot be used with/],
  [['get', 'a', '--all', '--count', '2'], /cannot be used with/],
  [['get', 'a', '--follow', '--count', '2'], /cannot be used with/],
  [['get', 'a b'], /name must be/],
  [['tail', 'a', '--json'], /unknown option '--json'/],
  [['doctor', 'a'], /too many arguments/],
  [['doctor', '--with', 'me'], /whole number above 0/],
  [['completion'], /missing required argument/],
])('isthmus %j: exit code 2 and a message', async (args, message) => {
  const { code, stdout, stderr } = await isthmus(args);
  expect(code).toBe(2);
  expect(stdout.toString()).toBe('');
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^ +at /m);
});
