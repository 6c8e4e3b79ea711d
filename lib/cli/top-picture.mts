/** What stands on the screen of `isthmus top`: lines, made of what is known and of what the user has chosen. */

import { statfsSync } from 'node:fs';
import { bytes, printable } from './format.mjs';
import { describe } from './inspect.mjs';
import { contentsText, heldText, NOTHING, perSecond, waitsText } from './top-cells.mjs';
import { KEYS_HELP } from './top-keys.mjs';
import type { Known } from './top-rates.mjs';
import { nameOf } from './top-sampling.mjs';
import type { Screen, Style } from './top-screen.mjs';
import { type ColumnName, cut, GAP, layOut, length, type Order } from './top-table.mjs';

/** Lines of the list that are no rows: title, heading, keys. */
const FRAME = 3;

/** Rows that fit on a screen. */
export function rowsThatFit(screen: Screen): number {
  return Math.max(1, screen.height - FRAME);
}

/** The list of objects. `files`: those that are to be seen; `first`: the one at the top of the screen. */
export interface ListView {
  readonly files: readonly string[];
  readonly all: number;
  readonly first: number;
  readonly chosen: string | undefined;
  readonly order: Order;
  readonly filter: string;
  readonly typing: boolean;
  readonly interval: number;
}

export function listPicture(
  screen: Screen,
  view: ListView,
  known: (file: string) => Known | undefined,
): string[] {
  const shown = view.files.slice(view.first, view.first + rowsThatFit(screen));
  const rows = shown.map((file) => ({ file, known: known(file) }));
  const laid = layOut(rows, performance.now(), view.order, Math.max(1, screen.width - 2));
  const heading = laid.heading.map((cell, at) =>
    screen.style(cell, 'strong', laid.columns[at]!.name === view.order.by ? 'cool' : undefined),
  );
  const lines = laid.rows.map((cells, row) => {
    const { file, known: one } = rows[row]!;
    if (file === view.chosen) return screen.style(`> ${cells.join(GAP)}`, 'chosen');
    return `  ${cells.map((cell, at) => screen.style(cell, styleOf(laid.columns[at]!.name, one))).join('  ')}`;
  });
  if (lines.length === 0)
    lines.push(view.filter === '' ? '  nothing in /dev/shm' : '  no name has that in it');
  return framed(screen, title(screen, view), `  ${heading.join(GAP)}`, lines, footer(view));
}

function framed(screen: Screen, head: string, heading: string, lines: string[], foot: string): string[] {
  const room = rowsThatFit(screen);
  const padding = Array.from({ length: Math.max(0, room - lines.length) }, () => '');
  const whole = [
    head,
    heading,
    ...lines.slice(0, room),
    ...padding,
    screen.style(cut(foot, screen.width), 'dim'),
  ];
  // The smallest of screens shows rows.
  return screen.height > FRAME ? whole : whole.slice(2, 2 + screen.height);
}

function title(screen: Screen, { files, all, filter, interval }: ListView): string {
  const objects = `${all.toLocaleString('en-US')} ${all === 1 ? 'object' : 'objects'}`;
  const found = filter === '' ? objects : `${files.length} of ${objects} with '${filter}'`;
  const parts = [found, space(), `every ${interval / 1000} s`, new Date().toTimeString().slice(0, 8)];
  const rest = parts.filter((part) => part !== '').join(', ');
  return screen.style('isthmus top', 'strong', 'good') + cut(`  ${rest}`, Math.max(0, screen.width - 11));
}

function space(): string {
  try {
    const { bsize, blocks, bavail } = statfsSync('/dev/shm');
    return `${bytes((blocks - bavail) * bsize)} of ${bytes(blocks * bsize)} in use`;
  } catch {
    return '';
  }
}

function footer({ typing, filter }: ListView): string {
  if (typing) return `names with: ${filter}_   Enter: keep, Esc: all`;
  return '? help  / filter  → ← sort  r reverse  b busiest  Enter inspect  q quit';
}

function styleOf(column: ColumnName, known: Known | undefined): Style | undefined {
  if (known === undefined) return undefined;
  const { problem, orphaned, activity } = known.look.details;
  if (column === 'contents' && problem !== undefined) return 'bad';
  if (column === 'contents' && orphaned) return 'warm';
  if (column === 'held' && known.holds.some(({ owner }) => !owner.alive)) return 'bad';
  if (column === 'waits' && (activity?.waits.length ?? 0) > 0) return 'warm';
  if (column === 'in' || column === 'out')
    return known.rates?.some(({ way, perSecond: n }) => way === column && n !== 0) ? 'good' : 'dim';
  return column === 'kind' ? 'cool' : undefined;
}

/** Everything about one object, from the line `first` on. `last`: what was known of it when it was there. */
export function objectPicture(
  screen: Screen,
  { file, first, known, last, replaced }: ObjectView,
): { lines: string[]; most: number } {
  const body = objectLines(known ?? last, replaced);
  const room = rowsThatFit(screen);
  const most = Math.max(0, body.length - room);
  const shown = body.slice(Math.min(first, most)).map((line) => cut(line, screen.width));
  const gone = known === undefined ? screen.style('  gone: this is what it was', 'bad') : '';
  const name = printable(nameOf(file));
  const head =
    screen.style('isthmus top', 'strong', 'good') + cut(`  ${name}`, Math.max(0, screen.width - 11)) + gone;
  const more =
    most > 0
      ? `  (${Math.min(first, most) + 1}–${Math.min(first + room, body.length)} of ${body.length} lines)`
      : '';
  return { lines: framed(screen, head, '', shown, `↑ ↓ scroll  Esc back  q quit${more}`), most };
}

export interface ObjectView {
  readonly file: string;
  readonly first: number;
  readonly known: Known | undefined;
  readonly last: Known | undefined;
  /** Whether another object has the name since it was chosen. */
  readonly replaced: boolean;
}

function objectLines(known: Known | undefined, replaced: boolean): string[] {
  if (known === undefined) return [];
  const { look, rates, holds } = known;
  const rows: [string, string][] = [
    ['contents', contentsText(look.details)],
    ...(rates ?? []).map(({ what, unit, perSecond: n }): [string, string] => [
      what === 'net' ? 'net change' : what,
      `${perSecond(n, unit)}${unit === 'bytes' || unit === 'net' || unit === what ? '' : ` ${unit}`} a second`,
    ]),
    ['held by', heldText(holds, look.at)],
    ['waits for', waitsText(look.details.activity?.waits ?? [])],
  ];
  const telling = rows.filter(([, text]) => text !== NOTHING);
  const width = Math.max(...telling.map(([label]) => length(label)), 11);
  return [
    ...(replaced ? ['another object has the name now; this is the new one', ''] : []),
    ...telling.map(([label, text]) => `${label.padEnd(width)}  ${text}`),
    '',
    ...describe(look.details).split('\n'),
  ];
}

export function helpPicture(screen: Screen): string[] {
  const width = Math.max(...KEYS_HELP.map(([keys]) => length(keys)));
  const keys = KEYS_HELP.map(([key, what]) => `  ${key.padEnd(width)}  ${what}`);
  const notes = [
    '',
    '  IN/S, OUT/S  messages of a queue, bytes of an spsc queue or pipe, entries set in a map, changes of a',
    '               list, calls of an event, rounds of a barrier; of a value its net change. – is not counted.',
    '  HELD BY      pid (pid:n is worker n) and how long at least: since when every look has found it so.',
    '  WAITS FOR    somebody waits; who (pid) or how many (×n), where it is known.',
  ];
  const lines = [...keys, ...notes].map((line) => cut(line, screen.width));
  return framed(screen, screen.style('isthmus top', 'strong', 'good'), '', lines, 'any key: back  q quit');
}
