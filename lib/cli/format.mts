/** How the command shows things to people and to programs. */

import { readFileSync } from 'node:fs';
import type { Holder, ObjectInfo } from '../index.mjs';

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** Bytes as people read them, in powers of 1,024, as everywhere in this package. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 99.95 ? Number(value.toFixed(1)) : Math.round(value)} ${UNITS[unit]}`;
}

/** Minutes and seconds. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `rw-------` */
export function permissions(mode: number): string {
  return [...'rwxrwxrwx'].map((letter, bit) => ((mode >> (8 - bit)) & 1 ? letter : '-')).join('');
}

/** The shape in a few words: `i32`, `f64 × 100`, `1 MB, msgpack`, `4 permits`. */
export function shape({ kind, shape: what }: ObjectInfo): string {
  const { type, length, capacity, codec, maxItems, permits, parties, lock, name } = what;
  if (kind === 'value') return value(type);
  if (kind === 'array') return `${value(type)} × ${value(length)}`;
  if (kind === 'spsc' || kind === 'queue' || kind === 'pipe') {
    const limit = maxItems === undefined ? '' : `, at most ${value(maxItems)}`;
    const way = what.duplex === false ? ', one way' : '';
    return `${typeof capacity === 'number' ? bytes(capacity) : '?'}, ${value(codec)}${limit}${way}`;
  }
  if (kind === 'map' || kind === 'namespace' || kind === 'list') return storeShape(what);
  if (kind === 'struct') return declared(what.fields);
  if (kind === 'pool') return `${value(permits)} ${permits === 1 ? 'permit' : 'permits'}`;
  if (kind === 'barrier') return `${value(parties)} ${parties === 1 ? 'party' : 'parties'}`;
  if (kind === 'condition') return name === undefined ? value(lock) : `${value(lock)} ${value(name)}`;
  return Object.entries(what)
    .filter(([, one]) => one !== undefined)
    .map(([key, one]) => `${printable(key)}: ${value(one)}`)
    .join(', ');
}

/** `64 MB, msgpack, at most 100, lru, 5000 ms` */
function storeShape({ maxBytes, codec, maxEntries, evict, ttl }: Readonly<Record<string, unknown>>): string {
  return [
    typeof maxBytes === 'number' ? bytes(maxBytes) : '?',
    value(codec),
    ...(maxEntries === undefined ? [] : [`at most ${value(maxEntries)}`]),
    ...(evict === undefined || evict === 'none' ? [] : [value(evict)]),
    ...(ttl === undefined ? [] : [`${value(ttl)} ms`]),
  ].join(', ');
}

/** The fields of a struct, each as it was declared. The schema may say anything. */
function declared(fields: unknown): string {
  if (!Array.isArray(fields)) return '';
  const one = (field: unknown): string => {
    const { name, type, length, bytes } = Object(field) as Record<string, unknown>;
    const size = length ?? bytes;
    return `${value(name)}: ${value(type)}${size === undefined ? '' : `(${value(size)})`}`;
  };
  return fields.map(one).join(', ');
}

/** Any value on one line. */
export function value(what: unknown): string {
  if (what instanceof Date) return Number.isNaN(what.getTime()) ? 'an impossible date' : what.toISOString();
  if (Array.isArray(what)) return what.map(value).join(', ');
  if (typeof what === 'object' && what !== null) return printable(json(what, 0));
  return printable(String(what));
}

/** A process, or one of its workers, in few characters: `1234`, `1234:2`. */
export function brief({ pid, thread }: Holder): string {
  return thread === 0 ? String(pid) : `${pid}:${thread}`;
}

/** The same for people who have a line for it. */
export function who({ pid, thread }: Holder): string {
  if (pid === 0) return 'a process';
  return `process ${pid}${thread === 0 ? '' : `, worker ${thread}`}`;
}

/** What a terminal must not interpret, in escapes: names and schemas come from files that anybody may have written. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get through
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** JSON, with what it cannot carry as strings: bigints in digits, `"NaN"`, `"Infinity"`, dates in ISO 8601. */
export function json(what: unknown, indent = 2): string {
  const replace = (_key: string, one: unknown): unknown =>
    typeof one === 'bigint' || (typeof one === 'number' && !Number.isFinite(one)) ? String(one) : one;
  return JSON.stringify(what, replace, indent);
}

/** Rows under a heading, in columns as wide as needed; the last column is not padded. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all.map((row) => `${row.map((cell, c) => cell.padEnd(widths[c]!)).join('  ')}`.trimEnd()).join('\n');
}

/** A user's name, or the number where there is none. */
export function userName(uid: number): string {
  return users().get(uid) ?? (uid < 0 ? '?' : String(uid));
}

let known: Map<number, string> | undefined;

function users(): Map<number, string> {
  if (known !== undefined) return known;
  known = new Map();
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [name, , uid] = line.split(':');
      if (name && uid && !known.has(Number(uid))) known.set(Number(uid), printable(name));
    }
  } catch {
    // Numbers will do.
  }
  return known;
}
