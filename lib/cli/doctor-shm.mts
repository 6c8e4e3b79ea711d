/** `isthmus doctor`: /dev/shm itself, and what was left in it. */

import { accessSync, constants, lstatSync, realpathSync, type Stats, statfsSync, statSync } from 'node:fs';
import type { ObjectInfo } from '../index.mjs';
import { type Finding, ok, problem, warning } from './finding.mjs';
import { bytes, permissions, printable } from './format.mjs';
import { container, mountOf } from './system-facts.mjs';

const SHM = '/dev/shm';
/** Docker's and Podman's default. */
const CONTAINER_DEFAULT = 64 * 1024 * 1024;
/** The smallest object takes about so much (header, words, roster, one mark, payload). */
const SMALLEST = 24 * 1024;
const LITTLE = 4 * 1024 * 1024;

const LARGER =
  container() === undefined
    ? `mount -o remount,size=4G ${SHM} (and in /etc/fstab), or remove objects: isthmus ls`
    : 'docker run --shm-size=1g (compose: shm_size: 1gb; Kubernetes: an emptyDir with medium: Memory), or remove objects: isthmus ls';

export function checkShm(): Finding[] {
  let stat: Stats;
  try {
    stat = statSync(SHM);
  } catch (error) {
    return [problem(SHM, (error as Error).message, `mount -t tmpfs -o mode=1777 tmpfs ${SHM}`)];
  }
  return [mount(), access(stat), ...room(), identity(stat)];
}

function mount(): Finding {
  const path = realpathSync(SHM);
  const found = mountOf(path);
  if (found === undefined) return ok('mount', `${SHM} is there; /proc does not tell how it is mounted`);
  const options = [...new Set(found.options)].join(',');
  const text = `${found.type} on ${printable(found.point)} (${printable(options)})`;
  if (found.options.includes('ro')) {
    return problem(
      'mount',
      `${text} is read-only: nothing can be made`,
      `mount -o remount,rw ${printable(found.point)}`,
    );
  }
  if (found.point !== path || !['tmpfs', 'ramfs'].includes(found.type)) {
    return warning(
      'mount',
      `${SHM} lies in ${text}: not in memory of its own, perhaps on a disk`,
      `mount -t tmpfs -o mode=1777 tmpfs ${SHM}`,
    );
  }
  if (found.type === 'ramfs') {
    return warning(
      'mount',
      `${text} has no size: too much of it ends processes instead of giving ENOSPC`,
      'use a tmpfs with a size',
    );
  }
  return ok('mount', text);
}

function access(stat: Stats): Finding {
  const mode = stat.mode & 0o7777;
  const text = `${SHM} is ${permissions(mode)} (${mode.toString(8).padStart(4, '0')}), owner ${stat.uid}`;
  try {
    accessSync(SHM, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EROFS') return ok('permissions', text); // said above
    return problem('permissions', `${text}: this user cannot make objects in it`, `chmod 1777 ${SHM}`);
  }
  const othersMayWrite = (mode & 0o022) !== 0;
  if (othersMayWrite && (mode & 0o1000) === 0) {
    return warning(
      'permissions',
      `${text}: without the sticky bit any user can remove the names of others`,
      `chmod 1777 ${SHM}`,
    );
  }
  return ok('permissions', text);
}

function room(): Finding[] {
  const { bsize, blocks, bavail, files, ffree } = statfsSync(SHM);
  return [space(bsize * blocks, bsize * bavail), inodes(files, ffree)];
}

function space(total: number, free: number): Finding {
  if (total === 0) return ok('space', 'no limit of its own');
  const text = `${bytes(free)} of ${bytes(total)} free`;
  if (free < SMALLEST) return problem('space', `${text}: no object fits (ENOSPC)`, LARGER);
  if (total === CONTAINER_DEFAULT && container() !== undefined) {
    return warning('space', `${text}: the default of containers, little for queues and maps`, LARGER);
  }
  if (free < LITTLE || free < total / 20) return warning('space', `${text}: little`, LARGER);
  return ok('space', text);
}

function inodes(total: number, free: number): Finding {
  if (total === 0) return ok('inodes', 'no limit');
  const text = `${free.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} free, one for each object`;
  const advice = `mount -o remount,nr_inodes=100k ${SHM}, or remove objects: isthmus ls`;
  if (free === 0) return problem('inodes', `${text}: no object can be made (ENOSPC)`, advice);
  return free < 100 ? warning('inodes', text, advice) : ok('inodes', text);
}

/** "device:inode" of the directory: the kernel gives each mounted tmpfs a device number of its own. */
export function idOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

function identity(stat: Stats): Finding {
  return ok(
    'identity',
    `${idOf(stat)}: processes share objects where stat -c %d:%i ${SHM} prints the same (or ask: isthmus doctor --with PID)`,
  );
}

/** ms for which an unfinished file may be one in the making; `collect` leaves it alone as long. */
const MAKERS_MAY_TAKE = 10_000;

/** What killed processes left, what is damaged, and what just stands there. */
export function checkLeftovers(objects: readonly ObjectInfo[]): Finding[] {
  const unfinished = objects.filter(({ name }) => isOldUnfinished(name));
  const finished = objects.filter(({ name }) => !isTemporary(name));
  const orphans = finished.filter(({ orphaned }) => orphaned);
  const hurt = finished.filter((one) => one.problem !== undefined && one.uid >= 0);
  const unused = finished.filter(
    ({ participants, orphaned }) => participants?.every(({ alive }) => !alive) && !orphaned,
  );
  return [
    orphans.length + unfinished.length === 0
      ? ok('leftovers', 'none')
      : warning(
          'leftovers',
          [
            ...(orphans.length > 0
              ? [`${sum(orphans)} that should have gone with their users: ${names(orphans)}`]
              : []),
            ...(unfinished.length > 0 ? [`${sum(unfinished)} never finished: ${names(unfinished)}`] : []),
          ].join('; '),
          'isthmus gc removes those of your user',
        ),
    ...(hurt.length === 0
      ? []
      : [
          warning(
            'damaged',
            `${sum(hurt)} of this package that cannot be used: ${names(hurt)}`,
            'isthmus inspect NAME says why; isthmus rm NAME removes it',
          ),
        ]),
    ok(
      'objects',
      unused.length === 0
        ? `${finished.length} in all`
        : `${finished.length} in all; ${sum(unused)} persistent and used by nobody now (isthmus ls; isthmus rm NAME if unwanted)`,
    ),
  ];
}

function isTemporary(name: string): boolean {
  return /^\/\.isthmus-[0-9a-f]{32}$/.test(name);
}

function isOldUnfinished(name: string): boolean {
  if (!isTemporary(name)) return false;
  const stat = lstatSync(SHM + name, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.ctimeMs >= MAKERS_MAY_TAKE;
}

function sum(objects: readonly ObjectInfo[]): string {
  const reserved = objects.reduce((all, { allocated }) => all + allocated, 0);
  return `${objects.length} (${bytes(reserved)})`;
}

const SHOWN = 4;

function names(objects: readonly ObjectInfo[]): string {
  const more = objects.length - SHOWN;
  const first = objects.slice(0, SHOWN).map(({ name }) => printable(name));
  return first.join(' ') + (more > 0 ? ` and ${more} more` : '');
}
