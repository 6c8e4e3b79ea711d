/** What each key of `isthmus top` means. */

import { emitKeypressEvents, type Key } from 'node:readline';

/** What the user wants. `text`: a character, for the line that is being typed or for nothing. */
export type Wish =
  | { readonly do: 'up' | 'down' | 'page-up' | 'page-down' | 'first' | 'last' }
  | {
      readonly do:
        | 'enter'
        | 'back'
        | 'quit'
        | 'interrupt'
        | 'suspend'
        | 'redraw'
        | 'help'
        | 'filter'
        | 'erase';
    }
  | { readonly do: 'sort-next' | 'sort-previous' | 'reverse' | 'busiest' }
  | { readonly do: 'text'; readonly text: string };

/** The keys' own names, as Node gives them. */
const NAMED: Readonly<Record<string, Wish['do']>> = {
  up: 'up',
  down: 'down',
  pageup: 'page-up',
  pagedown: 'page-down',
  home: 'first',
  end: 'last',
  right: 'sort-next',
  left: 'sort-previous',
  return: 'enter',
  enter: 'enter',
  escape: 'back',
  backspace: 'erase',
};

const CHARACTERS: Readonly<Record<string, Wish['do']>> = {
  k: 'up',
  j: 'down',
  g: 'first',
  G: 'last',
  ' ': 'page-down',
  '>': 'sort-next',
  '<': 'sort-previous',
  s: 'sort-next',
  S: 'sort-previous',
  r: 'reverse',
  b: 'busiest',
  '/': 'filter',
  '?': 'help',
  h: 'help',
  q: 'quit',
};

const CONTROL: Readonly<Record<string, Wish['do']>> = {
  c: 'interrupt',
  z: 'suspend',
  l: 'redraw',
  u: 'erase',
  f: 'page-down',
  b: 'page-up',
};

/** Listed by `?` and by `--help`. */
export const KEYS_HELP: readonly (readonly [keys: string, what: string])[] = [
  ['↑ ↓, j k', 'move; PgUp, PgDn (space), Home, End (g, G) further'],
  ['Enter', 'everything about the object, live; Esc leads back'],
  ['→ ←, s S, > <', 'sort by the next or previous column'],
  ['r', 'the other way round'],
  ['b', 'the busiest first'],
  ['/', 'only names with a text in them; Esc shows all again'],
  ['Ctrl-L', 'draw everything anew'],
  ['Ctrl-Z', 'to the shell; fg comes back'],
  ['?', 'these keys'],
  ['q', 'quit'],
];

/** Calls `wished` for each key; `typing`: whether characters are text at the moment. */
export function listenToKeys(
  input: NodeJS.ReadStream,
  typing: () => boolean,
  wished: (wish: Wish) => void,
): () => void {
  emitKeypressEvents(input);
  const onKey = (text: string | undefined, key: Key): void => {
    const wish = wishOf(text, key, typing());
    if (wish !== undefined) wished(wish);
  };
  input.on('keypress', onKey);
  return () => void input.off('keypress', onKey);
}

function wishOf(text: string | undefined, key: Key, typing: boolean): Wish | undefined {
  if (key.ctrl) return wish(CONTROL[key.name ?? '']);
  if (key.meta && key.name !== 'escape') return undefined;
  const named = wish(NAMED[key.name ?? '']);
  if (named !== undefined) return named;
  // Control characters and sequences that Node does not know are no text.
  if (text === undefined || !/^[\x20-\x7e]$/.test(text)) return undefined;
  return (typing ? undefined : wish(CHARACTERS[text])) ?? { do: 'text', text };
}

function wish(what: Wish['do'] | undefined): Wish | undefined {
  return what === undefined || what === 'text' ? undefined : { do: what };
}
