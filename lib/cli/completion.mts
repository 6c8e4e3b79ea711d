/**
 * `isthmus completion SHELL`: a script that completes verbs, options and names of objects, made from the command tree. The
 * shell looks into /dev/shm itself, so that no key press has to wait for Node.
 */

import type { Command, Option } from 'commander';
import { bashScript } from './completion-bash.mjs';
import { fishScript } from './completion-fish.mjs';
import type { OptionWords, VerbWords } from './completion-words.mjs';
import { zshScript } from './completion-zsh.mjs';
import { EXIT } from './exit-codes.mjs';
import { print } from './output.mjs';

const SCRIPTS: Readonly<Record<string, (verbs: readonly VerbWords[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export async function completion(program: Command, shell: string): Promise<number> {
  await print(SCRIPTS[shell]!(verbsOf(program)));
  return EXIT.OK;
}

function verbsOf(program: Command): VerbWords[] {
  const verbs = program.commands.map((command): VerbWords => {
    const [argument] = command.registeredArguments;
    const named = argument !== undefined && /^names?$/.test(argument.name());
    return {
      name: command.name(),
      summary: firstSentence(command.description()),
      options: [...command.options.filter(({ hidden }) => !hidden).map(wordsOf), HELP],
      takes: named ? 'names' : (argument?.argChoices ?? 'nothing'),
      many: argument?.variadic ?? false,
    };
  });
  const help = { name: 'help', summary: 'Help of a verb', options: [], many: false };
  return [...verbs, { ...help, takes: verbs.map(({ name }) => name) }];
}

const HELP: OptionWords = { flags: ['-h', '--help'], summary: 'print help', value: false };

function wordsOf({ short, long, description, required, optional }: Option): OptionWords {
  const flags = [short, long].filter((flag) => flag !== undefined);
  return { flags, summary: firstSentence(description), value: required || optional };
}

function firstSentence(text: string): string {
  return text.split(/[.:;](?:\s|$)| \(/)[0]!.trim();
}
