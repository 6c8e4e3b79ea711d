// Which files the demo reads, checked before anything starts.

import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The text to get through when no files are named, in bytes: a few seconds' worth. */
const ENOUGH = 40e6;

/** The files, how many bytes they have together, and how often to read them all. Throws an Error for people. */
export function chooseFiles(named) {
  const files = named.length > 0 ? named : typeScriptLibraries();
  const bytes = files.reduce((sum, file) => sum + sizeOf(file), 0);
  const passes = named.length > 0 ? 1 : Math.ceil(ENOUGH / bytes);
  return { files, passes, bytes: bytes * passes };
}

/** Large texts that `npm ci` has installed. */
function typeScriptLibraries() {
  try {
    const directory = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'lib');
    return readdirSync(directory)
      .filter((file) => file.endsWith('.d.ts'))
      .map((file) => join(directory, file));
  } catch {
    throw new Error(
      'no files are named, and TypeScript is not installed here: run npm ci, or name some text files',
    );
  }
}

function sizeOf(file) {
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) throw new Error(`'${file}' is a directory; name text files`);
    if (!stat.isFile()) throw new Error(`'${file}' is no regular file; name text files`);
    accessSync(file, constants.R_OK);
    return stat.size;
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw new Error(`there is no file '${file}'`);
    if (error.code === 'EACCES') throw new Error(`'${file}' may not be read by you`);
    throw error;
  }
}
