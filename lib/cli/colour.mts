/** Colours: on a terminal only, and not where NO_COLOR or the kind of terminal forbids them. */

const CODES = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 } as const;

export type Colour = keyof typeof CODES;

/** For standard output. Node looks at NO_COLOR, FORCE_COLOR and TERM. */
export function styled(text: string, colour: Colour): string {
  const { stdout } = process;
  if (!stdout.isTTY || (process.env['NO_COLOR'] ?? '') !== '' || !stdout.hasColors()) return text;
  return `\u001b[${CODES[colour]}m${text}\u001b[0m`;
}
