/** The script for zsh: works in a file of $fpath (as _isthmus) and by eval. */

import { type OptionWords, quoted, type VerbWords } from './completion-words.mjs';

export function zshScript(verbs: readonly VerbWords[]): string {
  return `#compdef isthmus
# zsh completion for isthmus; in ~/.zshrc, after compinit: eval "$(isthmus completion zsh)"

_isthmus_names() {
  # Others may put anything there: only what can be a name, as it is.
  local -a names
  names=(/dev/shm/*(N:t))
  names=(\${\${(M)names:#[A-Za-z0-9._-]##}#sem.})
  compadd -a names
}

_isthmus() {
  setopt localoptions extendedglob
  local context state line
  local -a verbs
  typeset -A opt_args
  verbs=(
${verbs.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n')}
  )
  if ((CURRENT == 2)); then
    if [[ $words[2] == -* ]]; then
      compadd -- -h --help -V --version
    else
      _describe -t verbs verb verbs
    fi
    return
  fi
  local verb=$words[2]
  shift words
  ((CURRENT--))
  case $verb in
${verbs.map(verbCase).join('\n')}
  esac
}

if [[ $funcstack[1] == _isthmus ]]; then
  _isthmus "$@"
else
  compdef _isthmus isthmus
fi`;
}

function verbCase({ name, options, takes, many }: VerbWords): string {
  const action = takes === 'names' ? '_isthmus_names' : takes === 'nothing' ? '' : `(${takes.join(' ')})`;
  const argument =
    action === '' ? [] : [quoted(`${many ? '*' : '1'}:${takes === 'names' ? 'name' : 'word'}:${action}`)];
  return `    ${name}) _arguments ${[...options.flatMap(specs), ...argument].join(' ')} ;;`;
}

function specs({ flags, summary, value }: OptionWords): string[] {
  // What _arguments would take for something else.
  const text = summary.replace(/[[\]:\\]/g, ' ');
  return flags.map((flag) => quoted(`${flag}[${text}]${value ? ':value: ' : ''}`));
}
