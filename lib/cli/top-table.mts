/** The table of `isthmus top`: its columns, their order and widths, and in which order the rows come. */

import { bytes, printable } from './format.mjs';
import {
  attachedText,
  contentsNumber,
  contentsText,
  heldText,
  living,
  NOTHING,
  rateOf,
  rateText,
  waitsText,
} from './top-cells.mjs';
import type { Known } from './top-rates.mjs';
import { nameOf } from './top-sampling.mjs';

/** A column as `--sort` knows it. */
export type ColumnName = 'name' | 'kind' | 'size' | 'contents' | 'in' | 'out' | 'attached' | 'held' | 'waits';

interface Column {
  readonly name: ColumnName;
  readonly heading: string;
  readonly right?: boolean;
  /** No narrower than this when room is scarce; without: as wide as what is in it. */
  readonly least?: number;
  /** No narrower than this on a terminal: what changes all the time should not move the columns beside it. */
  readonly steady?: number;
  /** The higher, the sooner it is left out of a narrow terminal. */
  readonly leave: number;
  cell(file: string, known: Known | undefined, now: number): string;
  /** What rows are sorted by; the largest comes first, names as in a dictionary. */
  rank(file: string, known: Known | undefined): number | string;
}

const BUSY = (known: Known | undefined, way: 'in' | 'out'): number =>
  Math.abs(rateOf(known?.rates, way) ?? -1e-9);

export const COLUMNS: readonly Column[] = [
  {
    name: 'name',
    heading: 'NAME',
    least: 12,
    leave: 0,
    cell: (file) => printable(nameOf(file)),
    rank: (file) => nameOf(file),
  },
  {
    name: 'kind',
    heading: 'KIND',
    leave: 5,
    cell: (_file, known) => known?.look.details.kind ?? '',
    rank: (_file, known) => known?.look.details.kind ?? '\uffff',
  },
  {
    name: 'size',
    heading: 'SIZE',
    right: true,
    leave: 8,
    cell: (_file, known) => (known === undefined ? '' : bytes(known.look.details.size)),
    rank: (_file, known) => known?.look.details.size ?? -1,
  },
  {
    name: 'contents',
    heading: 'CONTENTS',
    least: 12,
    steady: 14,
    leave: 1,
    cell: (_file, known) => (known === undefined ? '' : contentsText(known.look.details)),
    rank: (_file, known) => (known === undefined ? -Infinity : contentsNumber(known.look.details)),
  },
  {
    name: 'in',
    heading: 'IN/S',
    right: true,
    steady: 8,
    leave: 2,
    cell: (_file, known) => (known === undefined ? '' : rateText(known, 'in')),
    rank: (_file, known) => BUSY(known, 'in'),
  },
  {
    name: 'out',
    heading: 'OUT/S',
    right: true,
    steady: 8,
    leave: 3,
    cell: (_file, known) => (known === undefined ? '' : rateText(known, 'out')),
    rank: (_file, known) => BUSY(known, 'out'),
  },
  {
    name: 'attached',
    heading: 'ATTACHED',
    least: 12,
    leave: 7,
    cell: (_file, known) => (known === undefined ? '' : attachedText(known.look.details)),
    rank: (_file, known) => (known === undefined ? -1 : living(known.look.details).length),
  },
  {
    name: 'held',
    heading: 'HELD BY',
    least: 14,
    steady: 14,
    leave: 4,
    cell: (_file, known, now) => (known === undefined ? '' : heldText(known.holds, now)),
    // The longest first.
    rank: (_file, known) => Math.max(-Infinity, ...(known?.holds ?? []).map(({ since }) => -(since ?? 1e15))),
  },
  {
    name: 'waits',
    heading: 'WAITS FOR',
    least: 14,
    leave: 6,
    cell: (_file, known) => {
      if (known === undefined) return '';
      const { activity } = known.look.details;
      return activity === undefined ? NOTHING : waitsText(activity.waits);
    },
    rank: (_file, known) =>
      (known?.look.details.activity?.waits ?? []).reduce((sum, { count = 1 }) => sum + count, 0),
  },
];

export const COLUMN_NAMES: readonly ColumnName[] = COLUMNS.map(({ name }) => name);

export interface Order {
  readonly by: ColumnName;
  readonly reverse: boolean;
}

/** Those whose name has the text in it, in order; of equal ones the names decide. */
export function arrange(
  files: readonly string[],
  filter: string,
  { by, reverse }: Order,
  known: (file: string) => Known | undefined,
): string[] {
  const sought = filter.toLowerCase();
  const { rank } = COLUMNS.find(({ name }) => name === by)!;
  const ranked = files
    .filter((file) => nameOf(file).toLowerCase().includes(sought))
    .map((file) => ({ file, name: nameOf(file), rank: rank(file, known(file)) }));
  ranked.sort((a, b) => compare(a.rank, b.rank) || compare(a.name, b.name));
  const sorted = ranked.map(({ file }) => file);
  return reverse ? sorted.reverse() : sorted;
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a === b ? 0 : b - a || 0;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Between two columns. */
export const GAP = '  ';

/** A table whose cells are as wide as their columns. */
export interface Laid {
  readonly columns: readonly { readonly name: ColumnName; readonly width: number }[];
  readonly heading: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Lays rows out, in at most `width` characters if that is given: cells are cut, then columns left out. */
export function layOut(
  rows: readonly { readonly file: string; readonly known: Known | undefined }[],
  now: number,
  order?: Order,
  width = Number.POSITIVE_INFINITY,
): Laid {
  const isScreen = Number.isFinite(width);
  const all = COLUMNS.map((column) => {
    const arrow = order?.by === column.name ? (order.reverse ? '▲' : '▼') : '';
    const cells = rows.map(({ file, known }) => column.cell(file, known, now));
    const heading = column.heading + arrow;
    const widest = Math.max(length(heading), ...cells.map(length));
    const wanted = isScreen ? Math.min(Math.max(widest, column.steady ?? 0), width) : widest;
    return { column, heading, cells, width: wanted };
  });
  const columns = isScreen ? squeeze(all, width) : all;
  const put = (text: string, { column, width: room }: (typeof columns)[number]): string => {
    const short = cut(text, room);
    const pad = ' '.repeat(Math.max(0, room - length(short)));
    return column.right ? pad + short : short + pad;
  };
  return {
    columns: columns.map(({ column, width: room }) => ({ name: column.name, width: room })),
    heading: columns.map((one) => put(one.heading, one)),
    rows: rows.map((_, row) => columns.map((one) => put(one.cells[row]!, one))),
  };
}

interface Sized {
  readonly column: Column;
  width: number;
}

/** Leaves out what is least needed until the rest fits when cut; then who has most gives, until it fits. */
function squeeze<T extends Sized>(all: readonly T[], width: number): T[] {
  const least = ({ column, width: has }: Sized): number => Math.min(column.least ?? has, has);
  const total = (those: readonly T[], of: (one: T) => number): number =>
    those.reduce((sum, one) => sum + of(one) + GAP.length, -GAP.length);
  let columns = [...all];
  while (columns.length > 1 && total(columns, least) > width) {
    const last = Math.max(...columns.map(({ column }) => column.leave));
    columns = columns.filter(({ column }) => column.leave !== last);
  }
  while (total(columns, (one) => one.width) > width) {
    const spare = columns.map((one) => one.width - (columns.length > 1 ? least(one) : 0));
    columns[spare.indexOf(Math.max(...spare))]!.width--;
  }
  return columns;
}

/** The same as lines of text. */
export function plainTable(laid: Laid): string {
  return [laid.heading, ...laid.rows].map((cells) => cells.join(GAP).trimEnd()).join('\n');
}

/** Characters, as most terminals count them. */
export function length(text: string): number {
  return isPlain(text) ? text.length : [...text].length;
}

/** The text, cut where it is too long, with a sign of it. */
export function cut(text: string, width: number): string {
  if (length(text) <= width) return text;
  if (width <= 1) return width < 1 ? '' : '…';
  return `${[...text].slice(0, width - 1).join('')}…`;
}

function isPlain(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is ASCII that is meant
  return /^[\u0000-\u007f]*$/.test(text);
}
