// docs/troubleshooting.md has an entry for every code that the source can throw or warn with, and for no other.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, sourcesBelow } from './blocks.js';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const document = read('docs/troubleshooting.md');

const all = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map((match) => match[1]!);

/** Codes of our own: errors (also those in Node's style) and warnings. */
function ownCodes(): string[] {
  return sourcesBelow('lib')
    .flatMap((path) => all(read(path), /'((?:ERR|ISTHMUS)_[A-Z_]+)'/g))
    .filter(
      (code) => code !== 'ISTHMUS_DISABLE', // a variable of the environment
    );
}

/** Codes of the system that are given advice, and whether the error keeps the code: where it is a SystemError. */
function advisedCodes(): { kept: string[]; changed: string[] } {
  const source = read('lib/memory/system-errors.ts');
  // A group of cases, and what is returned for all of it.
  const groups = [...source.matchAll(/((?: +case numbers\.E\w+:\n)+) +return (\w+(?: \w+)?)/g)].map(
    ([, cases, answer]) => ({ codes: all(cases!, /numbers\.(E\w+)/g), answer: answer! }),
  );
  const keeps = ({ answer }: { answer: string }) => answer === 'new SystemError' || answer === 'outOfSpace';
  return {
    kept: groups.filter(keeps).flatMap(({ codes }) => codes),
    changed: groups.filter((group) => !keeps(group)).flatMap(({ codes }) => codes),
  };
}

/** Codes that we choose ourselves for what the system did not say. */
function chosenCodes(): string[] {
  const lib = sourcesBelow('lib').flatMap((path) => all(read(path), /[cC]onstants\.errno\.(E[A-Z]+)/g));
  // What the addon says of a call for which an error of our own is made is never seen.
  const translated = new Set(all(read('lib/memory/system-errors.ts'), /syscall === '(\w+)'/g));
  const native = readdirSync(join(ROOT, 'native'))
    .filter((name) => name.endsWith('.cc'))
    .flatMap((name) => [...read(`native/${name}`).matchAll(/ThrowErrno\(\w+, "(\w+)", (E[A-Z]+)\)/g)])
    .filter(([, syscall]) => !translated.has(syscall!))
    .map(([, , code]) => code!);
  return [...lib, ...native];
}

const set = (codes: readonly string[]): string[] => [...new Set(codes)].sort();

test('every code of the source has an entry, and every entry is for a code of the source', () => {
  const entries = all(document, /^#### (\w+)$/gm);
  expect(entries).toEqual([...new Set(entries)]);
  const { kept, changed } = advisedCodes();
  expect(kept, 'found by the pattern above').toContain('ENOSPC');
  expect(changed, 'found by the pattern above').toContain('ELOOP');
  const thrown = [...ownCodes(), ...kept, ...chosenCodes().filter((code) => !changed.includes(code))];
  expect(set(entries)).toEqual(set(thrown));
});

test('every entry says what it means, and those of errors what to do', () => {
  const errors = document.slice(document.indexOf('\n### Waiting'), document.indexOf('\n### Mistakes'));
  for (const entry of errors.split('\n#### ').slice(1)) {
    expect(entry, 'what it means').toMatch(/^\w+\n\n\*/);
    expect(entry, 'what to do').toContain('\n- **Do:**');
  }
});
