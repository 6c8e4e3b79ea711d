/** What `isthmus top` writes into the columns of one object. */

import type { ObjectDetails, Wait } from '../index.mjs';
import { brief, bytes, duration, printable, value } from './format.mjs';
import type { Hold, Known, Rate } from './top-rates.mjs';

/** Where there is nothing to tell. */
export const NOTHING = '–';
/** So many processes in a cell; the rest is a number. */
const SHOWN = 3;

type Contents = Readonly<Record<string, unknown>>;

/** How much is in it, or what: in a few words. */
export function contentsText({ kind, contents, problem, orphaned }: ObjectDetails): string {
  if (problem !== undefined) return printable(problem);
  if (contents === undefined) return NOTHING;
  const text = TEXTS[kind]?.(contents) ?? NOTHING;
  return orphaned ? `${text}, orphan` : text;
}

/** The number by which contents are sorted. */
export function contentsNumber({ kind, contents = {} }: ObjectDetails): number {
  const number = (key: string): number => Number(contents[key] ?? 0);
  if (kind === 'value' || kind === 'semaphore') return number('value');
  if (kind === 'queue') return number('size');
  if (kind === 'spsc') return number('used');
  if (kind === 'pipe') return number('toA') + number('toB');
  if (kind === 'map' || kind === 'namespace') return number('entries');
  if (kind === 'list') return number('length');
  if (kind === 'condition' || kind === 'barrier') return number('waiting');
  return 0;
}

/** The holder's death is for the next one to find out; until then the word names it. */
const isDead = (holder: unknown): boolean => (holder as { alive?: boolean }).alive === false;
const lockText = ({ holder }: Contents): string => {
  if (holder === undefined) return 'free';
  return isDead(holder) ? 'abandoned' : 'held';
};
const entries = (count: unknown, one: string, many: string): string =>
  `${Number(count).toLocaleString('en-US')} ${count === 1 ? one : many}`;

const TEXTS: Readonly<Record<string, (contents: Contents) => string>> = {
  value: (contents) => value(contents['value']),
  semaphore: (contents) => entries(contents['value'], 'permit', 'permits'),
  array: ({ elements, more }) => `[${value(elements)}${Number(more) > 0 ? ', …' : ''}]`,
  struct: ({ fields }) =>
    Object.entries(fields as object)
      .map(([name, one]) => `${printable(name)}: ${value(one)}`)
      .join(', '),
  lock: lockText,
  rlock: lockText,
  rwlock: ({ holder, readers }) => {
    if (Array.isArray(readers) && readers.length > 0) return 'being read';
    if (holder === undefined) return 'free';
    return isDead(holder) ? 'abandoned' : 'being written';
  },
  pool: ({ available }) => `${value(available)} free`,
  event: ({ set }) => (set ? 'set' : 'clear'),
  condition: ({ waiting }) => `${value(waiting)} waiting`,
  barrier: ({ waiting, broken }) => (broken ? 'broken' : `${value(waiting)} here`),
  queue: ({ size, jobs, ended }) => {
    const out = Array.isArray(jobs) && jobs.length > 0 ? `, ${jobs.length} out` : '';
    // Words are copied one after the other: a take may be seen before its put.
    return `${entries(Math.max(0, Number(size)), 'message', 'messages')}${out}${ended ? ', ended' : ''}`;
  },
  spsc: ({ used, ended }) => `${bytes(Number(used))}${ended ? ', ended' : ''}`,
  pipe: ({ toA, toB, finished }) => {
    if (finished) return 'finished';
    return `${bytes(Number(toB))} →${toA === undefined ? '' : ` ← ${bytes(Number(toA))}`}`;
  },
  map: (contents) => entries(contents['entries'], 'entry', 'entries'),
  namespace: (contents) => entries(contents['entries'], 'property', 'properties'),
  list: ({ length }) => entries(length, 'item', 'items'),
};

/** The rates of one direction together; undefined if nothing is counted, or there was one look only. */
export function rateOf(rates: readonly Rate[] | undefined, way: Rate['way']): number | undefined {
  const those = rates?.filter((rate) => rate.way === way) ?? [];
  return those.length === 0 ? undefined : those.reduce((sum, { perSecond }) => sum + perSecond, 0);
}

export function rateText(known: Known, way: Rate['way']): string {
  const number = rateOf(known.rates, way);
  if (number !== undefined) return perSecond(number, known.rates!.find((rate) => rate.way === way)!.unit);
  const { kind, activity } = known.look.details;
  const comes = activity?.counts.some((count) => count.way === way) || (kind === 'value' && way === 'in');
  return known.rates === undefined && comes ? '…' : NOTHING;
}

/** `12 MB`, `1.2k`, `0.5`; what a Value changes by with its sign. */
export function perSecond(number: number, unit: Rate['unit']): string {
  if (unit === 'bytes') return bytes(number);
  const sign = unit === 'net' && number > 0 ? '+' : number < 0 ? '-' : '';
  return sign + short(Math.abs(number));
}

function short(number: number): string {
  if (number === 0) return '0';
  if (number < 0.05) return '<0.1';
  if (number < 9.95) return String(Number(number.toFixed(1)));
  for (const [size, unit] of [
    [1, ''],
    [1e3, 'k'],
    [1e6, 'M'],
    [1e9, 'G'],
  ] as const) {
    const scaled = number / size;
    if (scaled < 999.5) return `${scaled < 9.95 ? Number(scaled.toFixed(1)) : Math.round(scaled)}${unit}`;
  }
  return number.toExponential(1);
}

export function living({ participants = [] }: ObjectDetails): NonNullable<ObjectDetails['participants']> {
  return participants.filter(({ alive }) => alive);
}

export function attachedText(details: ObjectDetails): string {
  if (details.participants === undefined) return NOTHING;
  const pids = living(details).map(brief);
  return pids.length === 0 ? 'nobody' : some(pids);
}

/** Who has it, and how long at least: `1234 ≥ 3 s`; the two sides of a queue or pipe: `1234 → 5678`. */
export function heldText(holds: readonly Hold[], now: number): string {
  const side = (as: Hold['as']): string => {
    const hold = holds.find((one) => one.as === as);
    return hold === undefined ? NOTHING : holdText(hold, now);
  };
  if (holds.some(({ as }) => as === 'producer' || as === 'consumer'))
    return `${side('producer')} → ${side('consumer')}`;
  if (holds.some(({ as }) => as === 'end A' || as === 'end B')) return `${side('end A')} ↔ ${side('end B')}`;
  return holds.length === 0
    ? NOTHING
    : some(
        holds.map((hold) => holdText(hold, now)),
        ', ',
      );
}

function holdText({ owner, since }: Hold, now: number): string {
  const who = owner.pid === 0 ? '?' : brief(owner);
  if (!owner.alive) return `${who} (gone)`;
  return since === undefined || now - since < 1000 ? who : `${who} ≥ ${atLeast(now - since)}`;
}

/** Whole seconds, rounded down: it is a lower bound. */
function atLeast(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return seconds < 60 ? `${seconds} s` : duration(seconds);
}

/** What somebody waits for, and who or how many, where that is known: `lock`, `parties ×2`, `message (5678)`. */
export function waitsText(waits: readonly Wait[]): string {
  return waits.length === 0 ? NOTHING : waits.map(waitText).join(', ');
}

function waitText({ for: what, count, who }: Wait): string {
  const times = count === undefined || count === who?.length ? '' : ` ×${count}`;
  return `${what}${times}${who === undefined ? '' : ` (${some(who.map(brief))})`}`;
}

function some(all: readonly string[], between = ' '): string {
  const more = all.length - SHOWN;
  return more > 0 ? `${all.slice(0, SHOWN).join(between)} +${more}` : all.join(between);
}
