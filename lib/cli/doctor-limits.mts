/** `isthmus doctor`: limits of memory and of this process, containers, and who sees whom. */

import { existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { idOf } from './doctor-shm.mjs';
import { type Finding, ok, problem, warning } from './finding.mjs';
import { bytes, printable } from './format.mjs';
import {
  container,
  limit,
  mountOf,
  namespaceOf,
  readText,
  removesIpcAtLogout,
  tightestMemoryGroup,
} from './system-facts.mjs';

export function checkLimits(): Finding[] {
  return [memory(), files(), addressSpace(), fileSize(), lockedMemory(), proc(), surroundings(), logout()];
}

function freeShm(): number {
  try {
    const { bsize, bavail, blocks } = statfsSync('/dev/shm');
    return blocks === 0 ? Number.POSITIVE_INFINITY : bsize * bavail;
  } catch {
    return 0;
  }
}

/** Pages of /dev/shm count for the group of whoever touched them first: at the limit the kernel kills, no ENOSPC. */
function memory(): Finding {
  const group = tightestMemoryGroup();
  if (group === undefined) return ok('memory', 'no memory cgroup limits this process');
  const { path, version, limit: most, used } = group;
  const text = `memory cgroup ${printable(path)} (v${version}): ${bytes(used)} of ${bytes(most)} used`;
  if (most - used >= freeShm()) return ok('memory', `${text}; /dev/shm is full before that`);
  return warning(
    'memory',
    `${text}, while /dev/shm has ${bytes(freeShm())} free: filling it gets a process killed (OOM) where ENOSPC was expected`,
    "raise the group's limit, or make /dev/shm smaller than what it leaves",
  );
}

function files(): Finding {
  const most = limit('Max open files');
  if (most === undefined) return ok('open files', 'unknown (no /proc)');
  const open = openFiles();
  const text = `${most.toLocaleString('en-US')} (each attached object is one)`;
  return most - open < 200 ? warning('open files', `only ${text}`, 'ulimit -n 4096') : ok('open files', text);
}

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

function addressSpace(): Finding {
  const most = limit('Max address space');
  if (most === undefined || most === Number.POSITIVE_INFINITY) return ok('address space', 'unlimited');
  return warning(
    'address space',
    `${bytes(most)}: mappings count, and rings twice (ENOMEM beyond it)`,
    'ulimit -v unlimited; limit memory with a cgroup instead',
  );
}

function fileSize(): Finding {
  const most = limit('Max file size');
  if (most === undefined || most === Number.POSITIVE_INFINITY) return ok('file size', 'unlimited');
  return warning('file size', `${bytes(most)}: no object can be larger (EFBIG)`, 'ulimit -f unlimited');
}

function lockedMemory(): Finding {
  const most = limit('Max locked memory');
  const text = most === undefined ? 'unknown' : most === Number.POSITIVE_INFINITY ? 'unlimited' : bytes(most);
  return ok('locked memory', `${text}; of no importance: isthmus locks no pages`);
}

function proc(): Finding {
  const found = mountOf('/proc');
  if (found === undefined || !existsSync('/proc/self/fd')) {
    return warning(
      '/proc',
      'not mounted: new objects have a temporary name at first, and little can be told here',
      'mount -t proc proc /proc',
    );
  }
  const hidden = found.options.find((one) => /^hidepid=(?!0|off)/.test(one));
  if (hidden === undefined || process.geteuid?.() === 0)
    return ok('/proc', `mounted${hidden ? `, ${hidden}` : ''}`);
  return warning(
    '/proc',
    `${hidden}: tools that look at processes see only your own; who is alive is known nevertheless`,
    'run such tools as root, or mount /proc with gid= of a group that you are in',
  );
}

function surroundings(): Finding {
  const spaces = (['mnt', 'ipc', 'pid'] as const).map((kind) => namespaceOf(kind) ?? `${kind}:?`).join(' ');
  const where = container();
  if (where === undefined) return ok('container', `none seen; namespaces ${spaces}`);
  const advice =
    'containers share /dev/shm with --ipc=host, or --ipc=shareable for one and --ipc=container:NAME for the others';
  return ok('container', `${printable(where)}; namespaces ${spaces}; ${advice}`);
}

/** System users keep their objects; so does who lingers. */
const FIRST_PERSON = 1000;

function logout(): Finding {
  if (!existsSync('/run/systemd/system'))
    return ok('logout', 'no systemd: objects stay when their user logs out');
  if (!removesIpcAtLogout()) return ok('logout', 'RemoveIPC=no: objects stay when their user logs out');
  const uid = process.geteuid?.() ?? 0;
  if (uid < FIRST_PERSON) return ok('logout', 'RemoveIPC=yes, which spares system users such as this one');
  if (existsSync(`/var/lib/systemd/linger/${loginName()}`))
    return ok('logout', 'RemoveIPC=yes, but this user lingers');
  return warning(
    'logout',
    "RemoveIPC=yes: systemd removes this user's objects when the last session ends, also under running programs",
    'loginctl enable-linger, or RemoveIPC=no in /etc/systemd/logind.conf, or run as a system user',
  );
}

function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

/** Whether that process and this one see the same /dev/shm. */
export function checkWith(pid: number): Finding {
  const check = `with ${pid}`;
  if (readText(`/proc/${pid}/stat`) === undefined)
    return problem(
      check,
      'no process with this number is visible here',
      'use the number it has in this pid namespace',
    );
  try {
    const [here, there] = [idOf(statSync('/dev/shm')), idOf(statSync(`/proc/${pid}/root/dev/shm`))];
    if (here === there) return ok(check, `process ${pid} sees the same /dev/shm (${here})`);
    return problem(
      check,
      `process ${pid} sees another /dev/shm (${there}, here ${here}): nothing is shared with it`,
      'start one of them with the /dev/shm of the other (containers: --ipc=container:NAME, or a common volume on /dev/shm)',
    );
  } catch (error) {
    return warning(
      check,
      `its /dev/shm cannot be looked at: ${(error as Error).message}`,
      `run as root or as its user, or compare: stat -c %d:%i /dev/shm in both`,
    );
  }
}
