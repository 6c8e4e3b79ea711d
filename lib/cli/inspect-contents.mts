/** What `isthmus inspect` shows of the contents of an object, line by line. */

import type { ObjectDetails, Owner } from '../index.mjs';
import { bytes, printable, value, who } from './format.mjs';
import { onOneLine } from './one-line.mjs';

export type Row = readonly [label: string, text: string];

export function contentRows({ kind, contents = {} }: ObjectDetails): Row[] {
  const { first, waitingToA, waitingToB, fields, bytes: dump, more, ...rest } = contents as Contents;
  if (kind === 'array') return generalRows(kind, { ...rest, more: more === 0 ? undefined : more });
  return [
    ...(kind === 'struct' && fields !== undefined ? fieldRows(fields, '') : []),
    ...generalRows(kind, rest),
    ...firstRows(kind, first),
    ...leftRow(kind, contents),
    ...pipeRows('to B', waitingToB),
    ...pipeRows('to A', waitingToA),
    ...(dump === undefined ? [] : dumpRows(dump, more ?? 0)),
  ];
}

interface Contents {
  readonly [key: string]: unknown;
  readonly first?: readonly unknown[];
  readonly waitingToA?: PipeMessages;
  readonly waitingToB?: PipeMessages;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly bytes?: Uint8Array;
  readonly more?: number;
}

interface PipeMessages {
  readonly first: readonly unknown[];
  readonly moreBytes: number;
}

/** What has no form of its own: a line for each, and for each of several owners. */
function generalRows(kind: string, contents: Readonly<Record<string, unknown>>): Row[] {
  return Object.entries(contents)
    .filter(([key, one]) => (one !== undefined || isMissed(kind, key)) && key !== 'moreBytes')
    .flatMap(([key, one]): Row[] => {
      const held = LABELS[`${kind}.${key}`] ?? HELD[key] ?? printable(key);
      if (one === undefined) return [[held, 'nobody']];
      const owners = Array.isArray(one) ? one : [one];
      if (kind === 'queue' && key === 'jobs') return owners.map(jobRow);
      if (owners.length === 0 || !owners.every(isOwner)) return [[printable(key), value(one)]];
      return owners.map((owner) => [held, `${who(owner)}${owner.alive ? '' : ' (gone)'}`]);
    })
    .filter(([, text]) => text !== '');
}

/** Where it is worth a line that nobody is there. */
function isMissed(kind: string, key: string): boolean {
  if (key === 'holder') return kind === 'lock' || kind === 'rlock' || kind === 'rwlock';
  return key === 'producer' || key === 'consumer';
}

function jobRow({ holder, attempt }: { holder: Owner; attempt: number }): Row {
  return ['job held by', `${who(holder)}${attempt > 1 ? `, attempt ${attempt}` : ''}`];
}

/** Of one kind only. */
const LABELS: Record<string, string> = { 'rwlock.holder': 'writer', 'queue.size': 'waiting' };

/** What contents call those who hold a lock, read, wait, or have been at a barrier. */
const HELD: Record<string, string> = {
  holder: 'lock held by',
  holders: 'permit held by',
  readers: 'reader',
  waiters: 'waiter',
  seen: 'party',
  a: 'end A',
  b: 'end B',
};

function isOwner(what: unknown): what is Owner {
  return typeof what === 'object' && what !== null && 'pid' in what && 'thread' in what && 'alive' in what;
}

/** A line of text is enough to see what a value is; --json gives all of it. */
const LONGEST = 300;

/** A message or value. */
function shown(what: unknown): string {
  if (isUnread(what)) return `(${bytes(what.unread)}: ${printable(what.why)})`;
  const text = printable(onOneLine(what));
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)} … (${text.length} characters)`;
}

function isUnread(what: unknown): what is { unread: number; why: string } {
  return typeof what === 'object' && what !== null && Object.keys(what).join() === 'unread,why';
}

interface Entry {
  readonly key: unknown;
  readonly value: unknown;
  readonly expiresIn?: number;
}

function firstRows(kind: string, first: readonly unknown[] = []): Row[] {
  if (kind === 'list') return first.map((one, index) => [`[${index}]`, shown(one)]);
  if (kind !== 'map' && kind !== 'namespace') return first.map((one) => ['message', shown(one)]);
  return (first as Entry[]).map(({ key, value: held, expiresIn }) => [
    'entry',
    `${shown(key)} → ${shown(held)}${expiresIn === undefined ? '' : `, for ${(expiresIn / 1000).toFixed(1)} s more`}`,
  ]);
}

function leftRow(kind: string, { first, entries, length, size, moreBytes }: Contents): Row[] {
  if (first === undefined) return [];
  if (kind === 'spsc') return moreBytes ? [['more', `${bytes(moreBytes as number)} of messages`]] : [];
  const left = Number(entries ?? length ?? size ?? 0) - first.length;
  return left > 0 ? [['more', String(left)]] : [];
}

function pipeRows(label: string, messages: PipeMessages | undefined): Row[] {
  if (messages === undefined) return [];
  return [
    ...messages.first.map((one): Row => [label, shown(one)]),
    ...(messages.moreBytes > 0 ? [['more', `${bytes(messages.moreBytes)} ${label}`] as const] : []),
  ];
}

function fieldRows(fields: Readonly<Record<string, unknown>>, before: string): Row[] {
  return Object.entries(fields).flatMap(([name, held]): Row[] => {
    const label = `${before}.${printable(name)}`;
    if (Array.isArray(held)) return [[label, value(held)]];
    if (typeof held !== 'object' || held === null)
      return [[label, typeof held === 'string' ? shown(held) : value(held)]];
    const { elements, more } = held as { elements?: unknown; more?: unknown };
    if (Array.isArray(elements) && typeof more === 'number')
      return [[label, `${value(elements)} and ${more} more`]];
    return fieldRows(held as Record<string, unknown>, label);
  });
}

/** As `hexdump -C` does; of the same lines in a row only the first. */
function dumpRows(dump: Uint8Array, more: number): Row[] {
  const rows: Row[] = [];
  let before = '';
  for (let at = 0; at < dump.length; at += 16) {
    const line = Buffer.from(dump.subarray(at, at + 16));
    const hex = [...line].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    if (hex === before) {
      if (rows.at(-1)![1] !== '*') rows.push(['', '*']);
      continue;
    }
    before = hex;
    const letters = line.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
    rows.push([`at ${at.toString(16).padStart(8, '0')}`, `${hex.padEnd(47)}  ${letters}`]);
  }
  return more > 0 ? [...rows, ['more', bytes(more)]] : rows;
}

/** The contents for `--json`: nothing in them that JSON cannot carry. */
export function plainContents(contents: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const defined = Object.entries(contents).filter(([, one]) => one !== undefined);
  return Object.fromEntries(defined.map(([key, one]) => [key, plain(one)]));
}

/** Each message by itself: one that has no JSON must not take the others along. */
function plain(what: unknown): unknown {
  return Array.isArray(what) ? what.map(plain) : JSON.parse(onOneLine(what));
}
