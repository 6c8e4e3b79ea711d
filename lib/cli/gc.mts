/** `isthmus gc` */

import { collect } from '../index.mjs';
import { EXIT } from './exit-codes.mjs';
import { json, printable } from './format.mjs';
import { print } from './output.mjs';

export async function gc(options: { json?: boolean }): Promise<number> {
  const names = collect();
  if (options.json) await print(json(names));
  else if (names.length === 0) process.stderr.write('isthmus: nothing to remove\n');
  else await print(names.map(printable).join('\n'));
  return EXIT.OK;
}
