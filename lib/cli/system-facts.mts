/** What /proc and /sys say about this process and its surroundings. What cannot be read is undefined, never an error. */

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

export interface Mount {
  readonly point: string;
  readonly type: string;
  /** Of the mount and of its file system: `ro`, `noexec`, `size=64k`, … */
  readonly options: readonly string[];
}

/** The mount that a path lies in: the deepest, and of several at one place the last. */
export function mountOf(path: string): Mount | undefined {
  let found: Mount | undefined;
  for (const line of readText('/proc/self/mountinfo')?.split('\n') ?? []) {
    const [left, right] = line.split(' - ');
    const [, , , , point = '', options = ''] = left?.split(' ') ?? [];
    const [type = '', , superOptions = ''] = right?.split(' ') ?? [];
    if (point === '' || !(path === point || path.startsWith(point === '/' ? '/' : `${point}/`))) continue;
    if (found !== undefined && found.point.length > point.length) continue;
    found = { point, type, options: [...options.split(','), ...superOptions.split(',')] };
  }
  return found;
}

/** Soft limits of this process; Infinity: none. */
export function limit(name: string): number | undefined {
  const line = readText('/proc/self/limits')
    ?.split('\n')
    .find((one) => one.startsWith(name));
  const [soft] = line?.slice(name.length).trim().split(/\s+/) ?? [];
  if (soft === undefined || soft === '') return undefined;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

/** A group of processes whose memory, pages of /dev/shm included, is limited. */
export interface MemoryGroup {
  readonly path: string;
  readonly version: 1 | 2;
  readonly limit: number;
  readonly used: number;
}

const CGROUPS = '/sys/fs/cgroup';

/** The group with the least room among this process's own and those around it; undefined: none has a limit. */
export function tightestMemoryGroup(): MemoryGroup | undefined {
  let tightest: MemoryGroup | undefined;
  for (const line of readText('/proc/self/cgroup')?.split('\n') ?? []) {
    const [id, controllers = '', ...path] = line.split(':');
    const own = path.join(':');
    if (id === '0' && controllers === '') consider(CGROUPS, own, 2, 'memory.max', 'memory.current');
    else if (controllers.split(',').includes('memory')) {
      consider(join(CGROUPS, 'memory'), own, 1, 'memory.limit_in_bytes', 'memory.usage_in_bytes');
    }
  }
  return tightest;

  function consider(base: string, own: string, version: 1 | 2, most: string, current: string): void {
    // In a container the path may be the host's, and the mount begins at our own group: the base is looked at anyway.
    for (let path = own; ; path = join(path, '..')) {
      const limit = Number(readText(join(base, path, most))); // "max" is NaN
      const used = Number(readText(join(base, path, current)));
      // Version 1 says "no limit" with the largest multiple of a page.
      if (limit < 2 ** 62 && limit > 0 && used >= 0) {
        if (tightest === undefined || limit - used < tightest.limit - tightest.used)
          tightest = { path: join('/', path), version, limit, used };
      }
      if (path === '/' || path === '' || path === '.') break;
    }
  }
}

/** Which container this seems to be in; undefined: none. */
export function container(): string | undefined {
  if (existsSync('/.dockerenv')) return 'Docker';
  if (existsSync('/run/.containerenv')) return 'Podman';
  if (process.env['KUBERNETES_SERVICE_HOST'] !== undefined) return 'Kubernetes';
  const variable = /(?:^|\0)container=([^\0]+)/.exec(readText('/proc/1/environ') ?? '')?.[1];
  if (variable !== undefined) return variable;
  return /\/(docker|kubepods|lxc|containerd)\b/.exec(readText('/proc/1/cgroup') ?? '')?.[1];
}

/** `mnt:[4026531841]` and the like: equal for two processes in one namespace. */
export function namespaceOf(kind: 'ipc' | 'mnt' | 'pid', pid: number | 'self' = 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
}

/** systemd's `RemoveIPC`: what the configuration says, `true` (its default) where it says nothing. */
export function removesIpcAtLogout(): boolean {
  let found = true;
  // Later directories win over earlier ones, and drop-ins over the main file.
  const bases = ['/usr/lib/systemd', '/usr/local/lib/systemd', '/run/systemd', '/etc/systemd'];
  const dropIns = bases.flatMap((base) => filesBelow(`${base}/logind.conf.d`));
  for (const path of [...bases.map((base) => `${base}/logind.conf`), ...dropIns]) {
    for (const [, word] of (readText(path) ?? '').matchAll(/^\s*RemoveIPC\s*=\s*(\S+)/gim))
      found = !/^(no|n|false|f|off|0)$/i.test(word!);
  }
  return found;
}

function filesBelow(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith('.conf'))
      .sort()
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}
