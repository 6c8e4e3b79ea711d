/** `isthmus ls` */

import { list, type ObjectInfo } from '../index.mjs';
import { EXIT } from './exit-codes.mjs';
import { bytes, json, permissions, printable, shape, table, userName } from './format.mjs';
import { print } from './output.mjs';

const HEADING = ['KIND', 'NAME', 'SHAPE', 'SIZE', 'RESERVED', 'MODE', 'OWNER'];

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
  ];
}
