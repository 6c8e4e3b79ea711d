/** The end of a command that failed: one message for people, an exit code for scripts, no stack trace. */

import { exit } from './ending.mjs';
import { codeOf, EXIT, exitCodeOf } from './exit-codes.mjs';
import { printable } from './format.mjs';

/** Says what went wrong on stderr. Quiet about a broken pipe, as every command is: its reader has had enough. */
export function complain(error: unknown): number {
  const code = exitCodeOf(error);
  if (code !== EXIT.BROKEN_PIPE) process.stderr.write(`isthmus: ${messageOf(error)}\n`);
  return code;
}

/** Says it and ends the process. */
export function fail(error: unknown): void {
  const code = complain(error);
  process.stderr.write('', () => exit(code));
}

function messageOf(error: unknown): string {
  const { path } = error as { path?: string };
  // The package's message speaks to programmers.
  if (codeOf(error) === 'ENOENT' && path !== undefined) return `'${printable(path)}': nothing has this name`;
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n').map(printable).join('\n');
}
