// isthmus doctor: on this machine, and on ones that are made unfit for it.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { noPrivateShm, privateShm } from '../processes/private-shm.js';
import { eventually, isthmus } from './command.js';

interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'problem';
  readonly found: string;
  readonly advice?: string;
}

/** What doctor finds when it runs through this command. */
async function examine(
  through: readonly string[] = [],
  more: readonly string[] = [],
): Promise<{ code: number | null; status: string; of(check: string): Finding }> {
  const { code, stdout, stderr } = await isthmus(['doctor', '--json', ...more], { through });
  expect(stderr).toBe('');
  const { status, findings } = JSON.parse(stdout.toString()) as { status: string; findings: Finding[] };
  for (const { found, advice, status } of findings) {
    expect(found).toMatch(/./);
    expect(advice !== undefined).toBe(status !== 'ok'); // whoever is warned is told what to do
  }
  const of = (check: string): Finding =>
    findings.find((one) => one.check === check) ?? ({ check, status: 'absent', found: '' } as never);
  return { code, status, of };
}

/** Runs a command for which the kernel refuses these system calls. */
function refusing(...calls: number[]): string[] {
  return ['python3', new URL('refusing.py', import.meta.url).pathname, '1', calls.join(',')];
}

const noFilter: string | undefined = (() => {
  const [command, ...args] = [...refusing(449), 'true'] as unknown as [string, ...string[]];
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? undefined : `no seccomp filter here: ${error?.message ?? stderr.trim()}`;
})();

/** A mount namespace of its own in which a script runs before the command. */
function prepared(script: string): string[] {
  return ['unshare', '--mount', 'sh', '-c', `${script}; exec "$@"`, 'sh'];
}

const FUTEX_WAITV = 449; // the same number everywhere

test('a machine that runs these tests is fit, and nothing is left behind', async () => {
  const unfinished = (): string[] => readdirSync('/dev/shm').filter((name) => name.startsWith('.isthmus-'));
  const before = unfinished();
  const { code, status, of } = await examine();
  expect(code).toBe(0);
  expect(status).not.toBe('problem');
  for (const check of ['making objects', 'mirrored mapping', 'OFD locks', 'death frees locks', 'runtime'])
    expect(of(check)).toMatchObject({ status: 'ok' });
  expect(of('native part').found).toMatch(/(prebuilt|built here): \/.*\.node/);
  // Other tests make unfinished files, too, for some seconds.
  await eventually('nothing is left behind', () => unfinished().every((name) => before.includes(name)));
});

test('for people: a line for each finding, without colours in a pipe, and a summary', async () => {
  const { stdout } = await isthmus(['doctor']);
  const text = stdout.toString();
  expect(text).toMatch(/^ok {7}OFD locks +\S/m);
  expect(text).toMatch(/\n\n(All good\.|\d+ problems?, \d+ warnings?\.)\n$/);
  expect(text).not.toContain('\u001b');
});

test('an addon that does not load is a problem, and the rest is looked at nevertheless', async () => {
  const { code, of } = await examine(['env', 'ISTHMUS_PREBUILD=/nowhere']);
  expect(code).toBe(7);
  expect(of('native part')).toMatchObject({
    status: 'problem',
    found: expect.stringMatching(/could not load.*Possible solutions/),
  });
  expect(of('mount').status).not.toBe('absent');
});

test('features that ISTHMUS_DISABLE switches off: what is used instead, and what it costs', async () => {
  const { code, of } = await examine(['env', 'ISTHMUS_DISABLE=futex_waitv,death_marks,o_tmpfile,colours']);
  expect(code).toBe(0);
  expect(of('ISTHMUS_DISABLE').found).toMatch(/switches off futex_waitv.*what there is not: colours/);
  for (const check of ['futex_waitv', 'robust list', 'O_TMPFILE and linkat']) {
    expect(of(check)).toMatchObject({ status: 'warning', advice: 'see ISTHMUS_DISABLE' });
    expect(of(check).found).toMatch(/^not used; fallback: /);
  }
  expect(of('death frees locks').status).toBe('ok');
});

test.skipIf(noFilter)('a sandbox that refuses futex_waitv: a warning', async () => {
  const { code, of } = await examine(refusing(FUTEX_WAITV));
  expect(code).toBe(0);
  expect(of('futex_waitv')).toMatchObject({
    status: 'warning',
    found: expect.stringMatching(/^refused: futex_waitv: .*EPERM.*fallback: /),
  });
});

test.skipIf(noFilter || process.arch !== 'x64')('a sandbox that refuses linkat: a problem', async () => {
  const { code, of } = await examine(refusing(265));
  expect(code).toBe(7);
  expect(of('making objects')).toMatchObject({ status: 'problem', found: expect.stringContaining('linkat') });
  expect(of('OFD locks').status).toBe('warning'); // could not be tried
});

test.skipIf(noFilter || process.arch !== 'x64')('no robust list: deaths are noticed later', async () => {
  const { of } = await examine(refusing(274));
  expect(of('robust list')).toMatchObject({ status: 'warning', found: expect.stringMatching(/^refused/) });
});

describe.skipIf(noPrivateShm)('/dev/shm', () => {
  test('a small one: a warning, with what to do', async () => {
    const { code, of } = await examine(privateShm('1m'));
    expect(code).toBe(0);
    expect(of('space')).toMatchObject({ status: 'warning', found: expect.stringContaining('of 1 MB free') });
    expect(of('making objects').status).toBe('ok');
  });

  test('a full one: a problem', async () => {
    const full = 'mount -t tmpfs -o size=1m t /dev/shm; head -c 2000000 /dev/zero 2>&- >/dev/shm/f';
    const { code, status, of } = await examine(prepared(full));
    expect({ code, status }).toEqual({ code: 7, status: 'problem' });
    expect(of('space')).toMatchObject({
      status: 'problem',
      found: '0 B of 1 MB free: no object fits (ENOSPC)',
    });
    expect(of('making objects')).toMatchObject({
      status: 'problem',
      found: expect.stringContaining('ENOSPC'),
    });
    expect(of('OFD locks').status).toBe('ok'); // needs no page
  });

  test('one without inodes: a problem', async () => {
    const { code, of } = await examine(privateShm('1m,nr_inodes=1'));
    expect(code).toBe(7);
    expect(of('inodes')).toMatchObject({ status: 'problem' });
  });

  test('a read-only one: a problem; noexec is none', async () => {
    const { code, of } = await examine(privateShm('8m,ro'));
    expect(code).toBe(7);
    expect(of('mount')).toMatchObject({ status: 'problem', found: expect.stringContaining('read-only') });
    const fine = await examine(prepared('mount -t tmpfs -o noexec,size=8m t /dev/shm'));
    expect(fine.of('mount')).toMatchObject({ status: 'ok', found: expect.stringContaining('noexec') });
  });

  test('one without the sticky bit: a warning', async () => {
    const { of } = await examine(privateShm('8m,mode=0777'));
    expect(of('permissions')).toMatchObject({ status: 'warning', advice: 'chmod 1777 /dev/shm' });
  });

  test('what a killed process left: a warning, and it stays where it is', async () => {
    const orphan = `exec 3>&2 2>/dev/null; node -e "require('isthmus').Value.create('left', 'i32', { lifetime: 'attached' }); process.kill(process.pid, 'SIGKILL')"; exec 2>&3 3>&-`;
    const through = prepared(
      `mount -t tmpfs -o size=8m t /dev/shm; ${orphan}; printf x >/dev/shm/.isthmus-${'0'.repeat(32)}`,
    );
    const { code, of } = await examine(through);
    expect(code).toBe(0);
    // The unfinished file is too young to be called so.
    expect(of('leftovers')).toMatchObject({
      status: 'warning',
      found: expect.stringMatching(/^1 \(.*: \/left$/),
    });
  });

  test('--with: whether another process sees the same one', async () => {
    const same = await examine([], ['--with', String(process.pid)]);
    expect(same.of(`with ${process.pid}`).status).toBe('ok');
    const [command, ...args] = [...privateShm('1m'), 'sh', '-c', 'echo; exec sleep 60'] as unknown as [
      string,
      ...string[],
    ];
    const other = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await once(other.stdout, 'data');
      const { code, of } = await examine([], ['--with', String(other.pid)]);
      expect(code).toBe(7);
      expect(of(`with ${other.pid}`).found).toMatch(/sees another \/dev\/shm/);
    } finally {
      other.kill('SIGKILL');
    }
  });

  test('a memory cgroup that is full before /dev/shm: a warning', async () => {
    // Both versions at once: which of them this process is in does not matter.
    const say = (bytes: number, ...files: string[]): string =>
      files.map((file) => `echo ${bytes} >/sys/fs/cgroup/${file}`).join('; ');
    const group = (most: number): string[] =>
      prepared(
        `mount -t tmpfs -o size=8m t /dev/shm; mount -t tmpfs t /sys/fs/cgroup; mkdir /sys/fs/cgroup/memory; ${say(most, 'memory.max', 'memory/memory.limit_in_bytes')}; ${say(5e6, 'memory.current', 'memory/memory.usage_in_bytes')}`,
      );
    expect((await examine(group(10e6))).of('memory')).toMatchObject({
      status: 'warning',
      found: expect.stringMatching(/4\.8 MB of 9\.5 MB used, while \/dev\/shm has 8 MB free/),
    });
    expect((await examine(group(1e9))).of('memory').status).toBe('ok');
  });
});

test('limits of the process that are too low: warnings', async () => {
  const through = ['sh', '-c', 'ulimit -n 150; ulimit -f 1000; exec "$@"', 'sh'];
  const { code, of } = await examine(through);
  expect(code).toBe(0);
  expect(of('open files')).toMatchObject({ status: 'warning', advice: 'ulimit -n 4096' });
  expect(of('file size').status).toBe('warning');
});

test('no process of that number: a problem', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  const { code, of } = await examine([], ['--with', String(child.pid)]);
  expect(code).toBe(7);
  expect(of(`with ${child.pid}`).status).toBe('problem');
});

const skipped = [noPrivateShm, noFilter].filter((reason) => reason !== undefined);
afterAll(() => {
  if (skipped.length > 0) console.warn(`not everything was tried: ${skipped.join('; ')}`);
});
