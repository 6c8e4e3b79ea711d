/** `isthmus inspect NAME` */

import { inspect, type ObjectDetails, type Owner } from '../index.mjs';
import { EXIT } from './exit-codes.mjs';
import { bytes, json, permissions, printable, shape, userName, value, who } from './format.mjs';
import { print } from './output.mjs';
import { withSemaphoreName } from './semaphore-name.mjs';

export async function inspectVerb(name: string, options: { json?: boolean }): Promise<number> {
  const details = withSemaphoreName(name, inspect);
  await print(options.json ? json(details) : describe(details));
  return details.problem === undefined ? EXIT.OK : EXIT.DAMAGED;
}

type Row = readonly [label: string, text: string];

/** Everything about an object, in lines. */
export function describe(details: ObjectDetails): string {
  const rows = [
    ...about(details),
    ...aboutHeader(details),
    ...aboutParticipants(details),
    ...aboutContents(details),
  ];
  if (details.problem !== undefined) rows.push(['problem', printable(details.problem)]);
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(width)}  ${text}`.trimEnd()).join('\n');
}

function about(details: ObjectDetails): Row[] {
  const { kind, name, size, allocated, mode, uid } = details;
  const shapeText = shape(details);
  return [
    ['name', printable(name)],
    ['kind', kind],
    ...(shapeText === '' ? [] : [['shape', shapeText] as const]),
    ['size', exactly(size)],
    ['reserved', exactly(allocated)],
    ['permissions', `${permissions(mode)} (${mode.toString(8).padStart(4, '0')})`],
    ['owner', `${userName(uid)} (${uid})`],
  ];
}

function aboutHeader({ header, condemned }: ObjectDetails): Row[] {
  if (header === undefined) return [];
  const { lifetime, createdAt, creatorPid, major, minor, instanceId, mirrored } = header;
  const payload = `${exactly(header.payloadBytes)} at ${header.payloadOffset}${mirrored ? ', mapped twice in a row' : ''}`;
  return [
    ['lifetime', lifetime + (condemned ? ' (being removed)' : '')],
    ['created', `${value(createdAt)} by process ${creatorPid}`],
    ['instance', instanceId],
    ['layout', `${major}.${minor}`],
    ['words', `${header.wordsBytes} bytes at ${header.wordsOffset}`],
    ['roster', `${header.participants} slots at ${header.rosterOffset}, marks at ${header.marksOffset}`],
    ['payload', payload],
  ];
}

function aboutParticipants({ participants, orphaned }: ObjectDetails): Row[] {
  if (participants === undefined) return [];
  const nobody = `nobody${orphaned ? ': an orphan, which isthmus gc removes' : ''}`;
  if (participants.length === 0) return [['attached', nobody]];
  return participants.map(({ slot, pid, thread, attachedAt, alive }) => {
    const since = `since ${value(attachedAt)}, slot ${slot}`;
    return ['attached', `${who({ pid, thread })}, ${since}${alive ? '' : ' (gone)'}`] as const;
  });
}

function aboutContents({ kind, contents }: ObjectDetails): Row[] {
  return Object.entries(contents ?? {})
    .filter(([, one]) => one !== undefined)
    .flatMap(([key, one]): Row[] => {
      const held = (kind === 'rwlock' && key === 'holder' ? 'writer' : HELD[key]) ?? printable(key);
      if (kind === 'struct' && key === 'fields') return [['fields', value(one)]]; // they may have an owner's names
      const owners = Array.isArray(one) ? one : [one];
      if (kind === 'queue' && key === 'jobs') return owners.map(aboutJob);
      if (owners.length === 0 || !owners.every(isOwner)) return [[printable(key), value(one)]];
      return owners.map((owner) => [held, `${who(owner)}${owner.alive ? '' : ' (gone)'}`]);
    })
    .filter(([, text]) => text !== '');
}

function aboutJob({ holder, attempt }: { holder: Owner; attempt: number }): Row {
  return ['job held by', `${who(holder)}${attempt > 1 ? `, attempt ${attempt}` : ''}`];
}

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

function exactly(count: number): string {
  return count < 1000 ? `${count} bytes` : `${bytes(count)} (${count.toLocaleString('en-US')} bytes)`;
}
