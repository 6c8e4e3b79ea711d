/** `isthmus ls` */

import { list, type ObjectInfo } from '../index.mjs';
import { EXIT } from './exit-codes.mjs';
import { brief, bytes, json, permissions, printable, shape, table, userName } from './format.mjs';
import { print } from './output.mjs';

const HEADING = ['KIND', 'NAME', 'SHAPE', 'SIZE', 'RESERVED', 'MODE', 'OWNER', 'ATTACHED'];

/** So many participants a line; `inspect` shows all. */
const SHOWN = 4;

export async function ls(options: { json?: boolean }): Promise<number> {
  const objects = list();
  if (options.json) await print(json(objects));
  else if (objects.length === 0) process.stderr.write('isthmus: nothing in /dev/shm\n');
  else await print(tableOf(objects));
  return EXIT.OK;
}

function tableOf(objects: readonly ObjectInfo[]): string {
  const troubled = objects.some(({ problem }) => problem !== undefined);
  const rows = objects.map((object) => [
    ...cells(object),
    ...(troubled ? [printable(object.problem ?? '')] : []),
  ]);
  return table(troubled ? [...HEADING, 'PROBLEM'] : HEADING, rows);
}

function cells(object: ObjectInfo): string[] {
  const { kind, name, size, allocated, mode, uid } = object;
  return [
    kind,
    printable(name),
    shape(object) || '-',
    bytes(size),
    bytes(allocated),
    permissions(mode),
    userName(uid),
    attached(object),
  ];
}

/** The pids of the living, with `:n` for worker n. */
function attached({ participants = [], orphaned }: ObjectInfo): string {
  if (orphaned) return 'nobody: orphan';
  const living = participants.filter(({ alive }) => alive).map(brief);
  if (living.length === 0) return '-';
  const more = living.length - SHOWN;
  return more > 0 ? `${living.slice(0, SHOWN).join(' ')} and ${more} more` : living.join(' ');
}
