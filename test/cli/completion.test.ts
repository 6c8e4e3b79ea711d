// isthmus completion: the scripts, run by the shells that are there.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Value } from 'isthmus';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileOf, freshName, isthmus } from './command.js';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-completion-'));
const script = (shell: string): string => join(folder, shell);

beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await isthmus(['completion', shell]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    writeFileSync(script(shell), stdout);
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

function missing(shell: string): boolean {
  return spawnSync(shell, ['-c', 'true']).status !== 0;
}

/** A name whose first half is enough to tell it from others. */
function someName(): string {
  const name = freshName();
  Value.create(name, 'i32').close();
  return name;
}

function run(shell: string, ...args: string[]): string[] {
  const { status, stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.split('\n').filter((line) => line !== '');
}

describe.skipIf(missing('bash'))('bash', () => {
  /** What it offers for the last of these words. */
  function offered(...words: string[]): string[] {
    const ask =
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
      'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _isthmus; printf "%s\\n" "${COMPREPLY[@]}"';
    return run('bash', '--norc', '-c', ask, script('bash'), 'isthmus', ...words);
  }

  test('verbs, and options of a verb', () => {
    expect(offered('')).toEqual(expect.arrayContaining(['ls', 'inspect', 'doctor', 'help']));
    expect(offered('ins')).toEqual(['inspect']);
    expect(offered('inspect', '--')).toEqual(['--json', '--limit', '--all', '--help']);
    expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect(offered('help', 'doc')).toEqual(['doctor']);
    expect(offered('nonsense', '')).toEqual([]);
  });

  test('names of objects, with and without their slash; one, or many for rm', () => {
    const name = someName();
    const half = name.slice(0, -3);
    expect(offered('inspect', half)).toEqual([name]);
    expect(offered('inspect', `/${half}`)).toEqual([`/${name}`]);
    expect(offered('inspect', '--limit', half)).toEqual([]); // a value
    expect(offered('tail', name, half)).toEqual([]);
    expect(offered('rm', '-f', name, half)).toEqual([name]);
  });

  test('semaphores by their plain name, and nothing that could be more than a name', () => {
    const name = freshName();
    writeFileSync(fileOf(`sem.${name}`), '');
    expect(offered('inspect', name)).toEqual([name]);
    const evil = `${freshName()} $(touch ${join(folder, 'touched').replaceAll('/', '_')})`;
    writeFileSync(fileOf(evil), '');
    try {
      expect(offered('inspect', evil.split(' ')[0]!)).toEqual([]);
    } finally {
      rmSync(fileOf(evil));
    }
  });
});

describe.skipIf(missing('fish'))('fish', () => {
  const offered = (line: string): string[] =>
    run('fish', '--no-config', '-c', `source ${script('fish')}; complete -C '${line}'`).map(
      (one) => one.split('\t')[0]!,
    );

  test('verbs, options, names', () => {
    const name = someName();
    expect(offered('isthmus ins')).toEqual(['inspect']);
    expect(offered('isthmus inspect --l')).toEqual(['--limit']);
    expect(offered(`isthmus inspect ${name.slice(0, -3)}`)).toEqual([name]);
    expect(offered('isthmus completion ')).toEqual(['bash', 'fish', 'zsh']);
  });
});

test.skipIf(missing('zsh'))('zsh: the script is one', () => {
  expect(run('zsh', '-f', '-n', script('zsh'))).toEqual([]);
});

test('a shell that there is not', async () => {
  const { code, stderr } = await isthmus(['completion', 'tcsh']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/Allowed choices are bash, zsh, fish/);
});
