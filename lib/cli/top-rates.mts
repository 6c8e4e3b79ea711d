/** What two and more looks at the same object tell: how fast it goes, and who has held it all the while. */

import type { Count, ObjectDetails, Owner } from '../index.mjs';
import type { Look } from './top-sampling.mjs';

/** Something that was done so often a second. */
export interface Rate {
  /** As the object counts it (`put`, `taken`, …), or `net`: by how much a Value has changed, with its sign. */
  readonly what: string;
  readonly unit: Count['unit'] | 'net';
  readonly way: Count['way'];
  readonly perSecond: number;
}

/** Somebody who has something of an object. */
export interface Hold {
  readonly as:
    | 'lock'
    | 'read'
    | 'write'
    | 'permit'
    | 'change'
    | 'job'
    | 'producer'
    | 'consumer'
    | 'end A'
    | 'end B';
  readonly owner: Owner;
  /** The first of an unbroken row of looks at which it was so; for jobs and roles nothing is said. */
  readonly since?: number;
}

/** What is known of an object. */
export interface Known {
  readonly look: Look;
  /** Undefined until there were two rounds. */
  readonly rates: readonly Rate[] | undefined;
  readonly holds: readonly Hold[];
}

interface Tally {
  readonly count: Omit<Count, 'count' | 'wrap'> | Omit<Rate, 'perSecond'>;
  done: number;
}

interface Entry {
  look: Look;
  /** Where the present round began for this object; what was counted since. */
  began: number;
  tallies: Map<string, Tally>;
  rates: readonly Rate[] | undefined;
  holds: readonly Hold[];
}

/** A count of bytes that moves at the speed of memory starts again from 0 after little more than this, in ms. */
const LONGEST_GAP_FOR_BYTES = 2000;

/** All objects that were looked at, by their files. */
export class Tracker {
  readonly #entries = new Map<string, Entry>();

  get(file: string): Known | undefined {
    return this.#entries.get(file);
  }

  forget(file: string): void {
    this.#entries.delete(file);
  }

  /** Forgets what is not among these. */
  keep(files: ReadonlySet<string>): void {
    for (const file of this.#entries.keys()) if (!files.has(file)) this.#entries.delete(file);
  }

  /** Takes a look in; more than one in a round is fine. */
  see(look: Look): void {
    const entry = this.#entries.get(look.file);
    if (entry === undefined || !isSame(entry.look, look)) {
      const holds = holdsOf(look, []);
      const fresh = { look, began: look.at, tallies: new Map(), rates: undefined, holds };
      this.#entries.set(look.file, fresh);
      return;
    }
    const done = between(entry.look, look);
    if (done === undefined) {
      entry.tallies.clear();
      entry.rates = undefined;
      entry.began = look.at;
    } else {
      for (const [what, tally] of done) {
        const sum = entry.tallies.get(what);
        if (sum === undefined) entry.tallies.set(what, tally);
        else sum.done += tally.done;
      }
    }
    entry.holds = holdsOf(look, entry.holds);
    entry.look = look;
  }

  /** After a time of not looking: what was done in it is no part of a round. */
  restart(look: Look, keepRates: boolean): void {
    this.see(look);
    const entry = this.#entries.get(look.file)!;
    entry.tallies.clear();
    entry.began = look.at;
    if (!keepRates) entry.rates = undefined;
    entry.holds = entry.holds.map((hold) => (hold.since === undefined ? hold : { ...hold, since: look.at }));
  }

  /** The end of a round for this object: what was done since the one before becomes its rates. */
  settle(file: string): void {
    const entry = this.#entries.get(file);
    if (entry === undefined || entry.look.at <= entry.began) return;
    const seconds = (entry.look.at - entry.began) / 1000;
    entry.rates = [...entry.tallies.values()].map(({ count, done }) => ({
      what: count.what,
      unit: count.unit,
      way: count.way,
      perSecond: done / seconds,
    }));
    entry.tallies = new Map();
    entry.began = entry.look.at;
  }
}

/** Whether it is still the object that had the name before. */
export function isSame({ details: a }: Look, { details: b }: Look): boolean {
  return a.kind === b.kind && a.header?.instanceId === b.header?.instanceId;
}

/** What was done between two looks at one object; undefined if they lie too far apart to know. */
function between(before: Look, now: Look): Map<string, Tally> | undefined {
  const found = new Map<string, Tally>();
  const old = new Map(before.details.activity?.counts.map((count) => [count.what, count]));
  for (const count of now.details.activity?.counts ?? []) {
    const then = old.get(count.what);
    if (then === undefined) continue;
    if (count.unit === 'bytes' && now.at - before.at > LONGEST_GAP_FOR_BYTES) return undefined;
    found.set(count.what, { count, done: (count.count - then.count + count.wrap) % count.wrap });
  }
  const change = netChange(before.details, now.details);
  if (change !== undefined)
    found.set('net', { count: { what: 'net', unit: 'net', way: 'in' }, done: change });
  return found;
}

/** A Value counts nothing, but often it is a counter itself. */
function netChange(before: ObjectDetails, now: ObjectDetails): number | undefined {
  if (now.kind !== 'value') return undefined;
  const [a, b] = [before.contents?.['value'], now.contents?.['value']];
  if (typeof a === 'bigint' && typeof b === 'bigint') return Number(b - a);
  if (typeof a !== 'number' || typeof b !== 'number' || !Number.isFinite(b - a)) return undefined;
  return b - a;
}

const ONE: Readonly<Record<string, Hold['as']>> = {
  holder: 'lock',
  changing: 'change',
  producer: 'producer',
  consumer: 'consumer',
  a: 'end A',
  b: 'end B',
};
const MANY: Readonly<Record<string, Hold['as']>> = { holders: 'permit', readers: 'read' };
/** These are had for as long as somebody is attached, or are no lock. */
const WITHOUT_TIME: ReadonlySet<Hold['as']> = new Set(['producer', 'consumer', 'end A', 'end B', 'job']);

/** Who has what, as the kinds tell it in their contents. A struct's contents are its user's. */
function holdsOf({ at, details: { kind, contents = {} } }: Look, before: readonly Hold[]): Hold[] {
  const found: Omit<Hold, 'since'>[] = [];
  for (const [key, as] of Object.entries(ONE)) {
    const owner = contents[key];
    if (isOwner(owner)) found.push({ as: kind === 'rwlock' ? 'write' : as, owner });
  }
  for (const [key, as] of Object.entries(MANY)) {
    const owners = contents[key];
    if (Array.isArray(owners)) found.push(...owners.filter(isOwner).map((owner) => ({ as, owner })));
  }
  const jobs = kind === 'queue' ? contents['jobs'] : undefined;
  if (Array.isArray(jobs)) {
    const owners = jobs.map((job: { holder?: unknown }) => job.holder).filter(isOwner);
    found.push(...owners.map((owner) => ({ as: 'job' as const, owner })));
  }
  return found.map((hold) => {
    if (WITHOUT_TIME.has(hold.as)) return hold;
    return { ...hold, since: before.find((one) => isSameHold(one, hold))?.since ?? at };
  });
}

function isSameHold(a: Omit<Hold, 'since'>, b: Omit<Hold, 'since'>): boolean {
  return a.as === b.as && a.owner.pid === b.owner.pid && a.owner.thread === b.owner.thread;
}

function isOwner(what: unknown): what is Owner {
  return typeof what === 'object' && what !== null && 'pid' in what && 'thread' in what && 'alive' in what;
}
