// docs/layout.md, read as a program reads it: by its tables.

import { readFileSync } from 'node:fs';

export const text = readFileSync(new URL('../../../docs/layout.md', import.meta.url), 'utf8');

/** The rows of the table that follows a marker comment, cells without their backticks. */
export function table(marker: string): string[][] {
  const lines = text.split('\n');
  const at = lines.indexOf(`<!-- ${marker} -->`);
  if (at < 0) throw new Error(`docs/layout.md has no table '${marker}'`);
  const begin = lines.findIndex((line, index) => index > at && line.startsWith('|'));
  if (lines.slice(at + 1, begin).some((line) => line !== ''))
    throw new Error(`'${marker}' is not right before its table`);
  const end = lines.findIndex((line, index) => index > begin && !line.startsWith('|'));
  return lines.slice(begin + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

/** First column to second column, a number. */
export function numbers(marker: string): Record<string, number> {
  const rows = table(marker);
  const found = Object.fromEntries(rows.map(([name, number]) => [name!, Number(number)]));
  if (Object.keys(found).length !== rows.length) throw new Error(`'${marker}' names something twice`);
  return found;
}
