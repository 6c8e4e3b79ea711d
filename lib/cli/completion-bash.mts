/** The script for bash. It needs nothing of the package bash-completion. */

import type { VerbWords } from './completion-words.mjs';

export function bashScript(verbs: readonly VerbWords[]): string {
  return `# bash completion for isthmus; in ~/.bashrc: eval "$(isthmus completion bash)"

_isthmus_names() {
  local file
  for file in /dev/shm/*; do
    file=\${file##*/}
    file=\${file#sem.}
    # Others may put anything there: only what can be a name, as it is.
    [[ $file =~ ^[A-Za-z0-9._-]+$ ]] && printf '%s\\n' "$file"
  done
}

_isthmus() {
  local current=\${COMP_WORDS[COMP_CWORD]} before='' verb='' values='' options='' words='' at=1 given=0
  ((COMP_CWORD > 0)) && before=\${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  while ((at < COMP_CWORD)); do
    case \${COMP_WORDS[at]} in
      -*) ;;
      *) if [[ -z $verb ]]; then verb=\${COMP_WORDS[at]}; else given=$((given + 1)); fi ;;
    esac
    at=$((at + 1))
  done
  case $verb in
    '')
      options='-h --help -V --version'
      words='${verbs.map(({ name }) => name).join(' ')}'
      ;;
${verbs.map(verbCase).join('\n')}
    *) return ;;
  esac
  # After an option that wants a value, only its user knows.
  [[ -n $values && " $values " == *" $before "* ]] && return
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [[ $words == names ]]; then
    COMPREPLY=($(compgen -W "$(_isthmus_names)" -- "\${current#/}"))
    [[ $current == /* ]] && COMPREPLY=("\${COMPREPLY[@]/#//}")
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}

complete -F _isthmus isthmus`;
}

function verbCase({ name, options, takes, many }: VerbWords): string {
  const flags = options.flatMap((option) => option.flags);
  const values = options.filter(({ value }) => value).flatMap((option) => option.flags);
  const words = takes === 'nothing' ? '' : takes === 'names' ? 'names' : takes.join(' ');
  // A value that was given for an option counts as an argument here; then there are names once more, which does no harm.
  const only = many || takes === 'nothing' || values.length > 0 ? '' : '((given == 0)) && ';
  return `    ${name})
      options='${flags.join(' ')}'
      values='${values.join(' ')}'
      ${only}words='${words}'
      ;;`;
}
