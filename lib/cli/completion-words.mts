/** What a completion script is made from. */

export interface VerbWords {
  readonly name: string;
  /** Its first sentence. */
  readonly summary: string;
  readonly options: readonly OptionWords[];
  /** What its arguments can be: names of objects, one of these words, or nothing that could be told. */
  readonly takes: 'names' | 'nothing' | readonly string[];
  /** Any number of them. */
  readonly many: boolean;
}

export interface OptionWords {
  readonly flags: readonly string[];
  readonly summary: string;
  /** A value follows. */
  readonly value: boolean;
}

/** For a single-quoted word of a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
