/** The script for fish. */

import { type OptionWords, quoted, type VerbWords } from './completion-words.mjs';

export function fishScript(verbs: readonly VerbWords[]): string {
  const first = (rest: string): string => `complete -c isthmus -n __fish_use_subcommand ${rest}`;
  return [
    '# fish completion for isthmus: isthmus completion fish > ~/.config/fish/completions/isthmus.fish',
    '',
    'function __isthmus_names',
    '    # Others may put anything there: only what can be a name, as it is.',
    "    string replace -r '^sem\\\\.' '' -- (string replace -r '^.*/' '' -- /dev/shm/*) | string match -r '^[A-Za-z0-9._-]+$'",
    'end',
    '',
    'complete -c isthmus -f',
    first(`-s h -l help -d ${fishQuoted('print help')}`),
    first(`-s V -l version -d ${fishQuoted('print the version')}`),
    ...verbs.map(({ name, summary }) => first(`-a ${name} -d ${fishQuoted(summary)}`)),
    ...verbs.flatMap(verbLines),
  ].join('\n');
}

function verbLines({ name, options, takes }: VerbWords): string[] {
  const line = (rest: string): string =>
    `complete -c isthmus -n ${quoted(`__fish_seen_subcommand_from ${name}`)} ${rest}`;
  const words =
    takes === 'names' ? "'(__isthmus_names)'" : takes === 'nothing' ? '' : quoted(takes.join(' '));
  return [
    ...options.map((option) => line(optionWords(option))),
    ...(words === '' ? [] : [line(`-a ${words}`)]),
  ];
}

function optionWords({ flags, summary, value }: OptionWords): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  return `${names.join(' ')}${value ? ' -x' : ''} -d ${fishQuoted(summary)}`;
}

/** In fish a backslash is one only before a quote or another one. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
