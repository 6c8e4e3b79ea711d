// A private, small /dev/shm: a mount namespace of its own, where that is permitted.

import { spawnSync } from 'node:child_process';

/** The command to run a process through so that it sees a /dev/shm of `size` (tmpfs syntax, such as '512k'). */
export function privateShm(size: string): string[] {
  return [
    'unshare',
    '--mount',
    'sh',
    '-c',
    `mount -t tmpfs -o size=${size} tmpfs /dev/shm && exec "$@"`,
    'sh',
  ];
}

/** Why it cannot be had here; undefined if it can. */
export const noPrivateShm: string | undefined = (() => {
  const [command, ...args] = [...privateShm('64k'), 'true'] as unknown as [string, ...string[]];
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? undefined : `no mount namespace here: ${error?.message ?? stderr.trim()}`;
})();
