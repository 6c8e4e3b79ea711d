/** Examples in the help of each verb. */

const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  ls: ['isthmus ls', "isthmus ls --json | jq -r '.[] | select(.orphaned) | .name'"],
  inspect: [
    'isthmus inspect jobs                  # the first 16 messages that wait are among what it shows',
    'isthmus inspect cache --limit 100     # 100 entries of a map',
    'isthmus inspect cache --all --json    # all of it, for a program',
  ],
  rm: ['isthmus rm jobs results', 'isthmus rm -f jobs                    # no error if it is not there'],
  gc: ['isthmus gc'],
  send: ['isthmus send t < BIG                  # in one terminal', 'tail -f log | isthmus send t --lines'],
  receive: ['isthmus receive t | sha256sum         # in another', 'isthmus receive t --timeout 5000'],
  put: [
    'ls *.log | isthmus put files',
    `echo '{"n":1}' | isthmus put jobs --json`,
    'isthmus put files --end < /dev/null   # nothing follows',
  ],
  get: [
    'isthmus get files                     # one message; waits for it',
    'isthmus get files --all',
    'isthmus get files --follow | while read -r file; do gzip "$file"; done',
  ],
  tail: ['isthmus tail files'],
  top: [
    'isthmus top',
    'isthmus top --filter jobs --interval 0.5',
    "isthmus top --json --once | jq '.objects[0].rates'",
  ],
  doctor: [
    'isthmus doctor',
    'isthmus doctor --with 1234            # does process 1234 see the same /dev/shm?',
    'isthmus doctor --json | jq -r \'.findings[] | select(.status != "ok")\'',
  ],
  bench: ['isthmus bench', 'isthmus bench --json'],
  completion: [
    'eval "$(isthmus completion bash)"                  # in ~/.bashrc',
    'eval "$(isthmus completion zsh)"                   # in ~/.zshrc, after compinit',
    'isthmus completion fish > ~/.config/fish/completions/isthmus.fish',
  ],
};

/** The section for a verb's help; empty where it has no examples. */
export function examplesOf(verb: string): string {
  const lines = EXAMPLES[verb];
  return lines === undefined ? '' : `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}
