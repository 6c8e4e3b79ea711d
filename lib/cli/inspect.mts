/** `isthmus inspect NAME` */

import { inspect, type ObjectDetails } from '../index.mjs';
import { EXIT } from './exit-codes.mjs';
import { bytes, json, permissions, printable, shape, userName, value, who } from './format.mjs';
import { contentRows, plainContents, type Row } from './inspect-contents.mjs';
import { print } from './output.mjs';
import { withSemaphoreName } from './semaphore-name.mjs';

/** So many entries, messages or lines are shown unless told otherwise. */
const SHOWN = 16;

interface Options {
  readonly json?: boolean;
  readonly all?: boolean;
  readonly limit?: number;
}

export async function inspectVerb(name: string, options: Options): Promise<number> {
  const limit = options.all ? Number.POSITIVE_INFINITY : (options.limit ?? SHOWN);
  const details = withSemaphoreName(name, (full) => inspect(full, { limit }));
  await print(options.json ? asJson(details) : describe(details));
  return details.problem === undefined ? EXIT.OK : EXIT.DAMAGED;
}

function asJson(details: ObjectDetails): string {
  const { contents } = details;
  return json(contents === undefined ? details : { ...details, contents: plainContents(contents) });
}

/** Everything about an object, in lines. */
export function describe(details: ObjectDetails): string {
  const rows = [
    ...about(details),
    ...aboutHeader(details),
    ...aboutParticipants(details),
    ...aboutClaims(details),
    ...contentRows(details),
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

/** What the header of a damaged object says, unchecked. */
function aboutClaims({ claims = {} }: ObjectDetails): Row[] {
  return Object.entries(claims)
    .filter(([, one]) => one !== undefined)
    .map(([key, one]) => [`says ${key}`, value(one)]);
}

function exactly(count: number): string {
  return count < 1000 ? `${count} bytes` : `${bytes(count)} (${count.toLocaleString('en-US')} bytes)`;
}
