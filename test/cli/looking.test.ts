// isthmus ls, inspect, rm

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import {
  Barrier,
  Condition,
  PermitPool,
  RLock,
  RwLock,
  SharedArray,
  SharedMemory,
  SharedStruct,
  SpscQueue,
  text,
  Value,
} from 'isthmus';
import { describe, expect, test } from 'vitest';
import { noPrivateShm, privateShm } from '../processes/private-shm.js';
import { exists, fileOf, freshName, isthmus } from './command.js';

/** The line of `ls` about a name, its columns split. */
function lineOf(table: string, name: string): string[] {
  const line = table.split('\n').find((one) => one.split(/\s{2,}/)[1] === `/${name}`);
  return line?.split(/\s{2,}/) ?? [];
}

function damaged(): string {
  const name = freshName();
  Value.create(name, 'i32').close();
  truncateSync(fileOf(name), 5000);
  return name;
}

describe('ls', () => {
  test('shows kind, shape, size, permissions and owner of every kind of object', async () => {
    const [value, array, queue, memory, semaphore] = Array.from({ length: 5 }, freshName) as [
      string,
      string,
      string,
      string,
      string,
    ];
    Value.create(value, 'i32').close();
    SharedArray.create(array, 'f64', 100, { mode: 0o640 }).close();
    SpscQueue.create(queue, { capacity: '2MB', codec: 'json' }).close();
    SharedMemory.create(memory, 5000).close();
    writeFileSync(fileOf(`sem.${semaphore}`), Buffer.alloc(32), { mode: 0o600 });

    const { code, stdout, stderr } = await isthmus(['ls']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const table = stdout.toString();
    expect(table.split('\n')[0]).toMatch(/^KIND +NAME +SHAPE +SIZE +RESERVED +MODE +OWNER +ATTACHED/);
    const size = expect.stringMatching(/^\d+ KB$/);
    expect(lineOf(table, value)).toEqual([
      'value',
      `/${value}`,
      'i32',
      size,
      size,
      'rw-------',
      userInfo().username,
      '-',
    ]);
    expect(lineOf(table, array).slice(0, 3)).toEqual(['array', `/${array}`, 'f64 × 100']);
    expect(lineOf(table, array)[5]).toBe('rw-r-----');
    expect(lineOf(table, queue).slice(0, 3)).toEqual(['spsc', `/${queue}`, '2 MB, json']);
    expect(lineOf(table, memory).slice(0, 4)).toEqual(['memory', `/${memory}`, '-', '4.9 KB']);
    expect(lineOf(table, semaphore).slice(0, 4)).toEqual(['semaphore', `/${semaphore}`, '-', '32 B']);
  });

  test('shows the shape of synchronisers', async () => {
    const [pool, barrier, lock, own, shared] = Array.from({ length: 5 }, freshName) as [
      string,
      string,
      string,
      string,
      string,
    ];
    PermitPool.create(pool, 4).close();
    Barrier.create(barrier, 1).close();
    const rlock = RLock.create(lock);
    Condition.create(own).close();
    Condition.create(shared, { lock: rlock }).close();
    rlock.close();

    const table = (await isthmus(['ls'])).stdout.toString();
    expect(lineOf(table, pool).slice(0, 3)).toEqual(['pool', `/${pool}`, '4 permits']);
    expect(lineOf(table, barrier).slice(0, 3)).toEqual(['barrier', `/${barrier}`, '1 party']);
    expect(lineOf(table, lock).slice(0, 3)).toEqual(['rlock', `/${lock}`, '-']);
    expect(lineOf(table, own).slice(0, 3)).toEqual(['condition', `/${own}`, 'lock']);
    expect(lineOf(table, shared).slice(0, 3)).toEqual(['condition', `/${shared}`, `rlock /${lock}`]);
  });

  test('a struct: its fields as they were declared, and what is in them', async () => {
    const name = freshName();
    const owner = { pid: 'u32', thread: 'u32', alive: 'bool' } as const; // not whoever holds its lock
    SharedStruct.create(name, { ...owner, t: text(9) }, { initial: { pid: 7, t: '\u001b[31m' } }).close();
    const { stdout } = await isthmus(['ls']);
    expect(lineOf(stdout.toString(), name).slice(0, 3)).toEqual([
      'struct',
      `/${name}`,
      'pid: u32, thread: u32, alive: bool, t: text(9)',
    ]);
    const details = (await isthmus(['inspect', name])).stdout.toString();
    expect(details).toMatch(/^\.pid +7\n\.thread +0\n\.alive +false\n\.t +"\\u001b\[31m"$/m);
  });

  test('--json gives the same to programs', async () => {
    const name = freshName();
    SharedArray.create(name, 'u64', 3).close();
    const { code, stdout } = await isthmus(['ls', '--json']);
    expect(code).toBe(0);
    const found = JSON.parse(stdout.toString()).find((one: { name: string }) => one.name === `/${name}`);
    expect(found).toMatchObject({
      kind: 'array',
      shape: { type: 'u64', length: 3 },
      mode: 0o600,
      uid: process.geteuid!(),
    });
  });

  test('shows damaged objects with their problem, and goes on', async () => {
    const name = damaged();
    const { code, stdout } = await isthmus(['ls']);
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/PROBLEM/);
    expect(lineOf(stdout.toString(), name).at(-1)).toMatch(/damaged.*5000/);
  });

  test('a terminal gets no control characters from names and schemas', async () => {
    const name = freshName();
    Value.create(name, 'i32').close();
    const fd = openSync(fileOf(name), 'r+');
    writeSync(fd, '{"type":"\\u001b7"}', 256);
    closeSync(fd);
    const evil = `${name}\u001b[31m`;
    writeFileSync(fileOf(evil), 'x');
    try {
      const { code, stdout } = await isthmus(['ls']);
      expect(code).toBe(0);
      expect(stdout.toString()).not.toContain('\u001b');
      expect((await isthmus(['inspect', name])).stdout.toString()).not.toContain('\u001b');
    } finally {
      rmSync(fileOf(evil));
    }
  });

  test.skipIf(noPrivateShm)('an empty /dev/shm is said so, and is no error', async () => {
    const through = privateShm('64k');
    const { code, stdout, stderr } = await isthmus(['ls'], { through });
    expect({ code, out: stdout.toString(), stderr }).toEqual({
      code: 0,
      out: '',
      stderr: 'isthmus: nothing in /dev/shm\n',
    });
    expect((await isthmus(['ls', '--json'], { through })).stdout.toString()).toBe('[]\n');
  });
});

describe('inspect', () => {
  test('tells who has permits, reads, writes, and has been at a barrier', async () => {
    const pool = PermitPool.create(freshName(), 2);
    const permit = pool.acquireSync();
    const lock = RwLock.create(freshName());
    const reader = lock.read.acquireSync();
    const barrier = Barrier.create(freshName(), 1);
    barrier.waitSync();
    const contents = async (name: string): Promise<string> =>
      (await isthmus(['inspect', name])).stdout.toString();
    const me = `process ${process.pid}`;
    expect(await contents(pool.name)).toMatch(new RegExp(`^available +1\npermit held by +${me}$`, 'm'));
    expect(await contents(lock.name)).toMatch(new RegExp(`^reader +${me}$`, 'm'));
    expect(await contents(barrier.name)).toMatch(new RegExp(`^rounds +1\nparty +${me}$`, 'm'));
    reader.release();
    const writer = lock.write.acquireSync();
    expect(await contents(lock.name)).toMatch(new RegExp(`^writer +${me}$`, 'm'));
    for (const guard of [writer, permit]) guard.release();
    for (const object of [pool, lock, barrier]) object.close();
  });

  test('tells everything about an object and who is attached', async () => {
    const name = freshName();
    const value = Value.create(name, 'i64', { initial: 2n ** 60n, lifetime: 'attached' });
    const { code, stdout, stderr } = await isthmus(['inspect', name]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const text = stdout.toString();
    expect(text).toMatch(new RegExp(`^name +/${name}$`, 'm'));
    expect(text).toMatch(/^kind +value$/m);
    expect(text).toMatch(/^permissions +rw------- \(0600\)$/m);
    expect(text).toMatch(/^lifetime +attached$/m);
    expect(text).toMatch(new RegExp(`^created +\\d{4}-.*Z by process ${process.pid}$`, 'm'));
    expect(text).toMatch(new RegExp(`^attached +process ${process.pid}\\b.*slot 0$`, 'm'));
    expect(text).toMatch(new RegExp(`^value +${2n ** 60n}$`, 'm'));
    value.close();
  });

  test('--json carries bigints, dates and what JSON has no numbers for', async () => {
    const [big, odd] = [freshName(), freshName()];
    Value.create(big, 'u64', { initial: 2n ** 64n - 1n }).close();
    SharedArray.create(odd, 'f64', [Number.NaN, Number.NEGATIVE_INFINITY, 1.5]).close();
    const details = JSON.parse((await isthmus(['inspect', '--json', big])).stdout.toString());
    expect(details.contents).toEqual({ value: '18446744073709551615' });
    expect(new Date(details.header.createdAt).getTime()).toBeLessThanOrEqual(Date.now());
    const { contents } = JSON.parse((await isthmus(['inspect', '--json', odd])).stdout.toString());
    expect(contents.elements).toEqual(['NaN', '-Infinity', 1.5]);
  });

  test('shows a damaged object and its problem, with exit code 4', async () => {
    const name = damaged();
    const plain = await isthmus(['inspect', name]);
    expect(plain.code).toBe(4);
    expect(plain.stdout.toString()).toMatch(/^problem +'.*is damaged.*5000/m);
    const json = await isthmus(['inspect', name, '--json']);
    expect(json.code).toBe(4);
    expect(JSON.parse(json.stdout.toString()).problem).toMatch(/damaged/);
  });

  test('what is no object: a directory, a symbolic link, nothing, an impossible name', async () => {
    const [directory, link, nothing] = [freshName(), freshName(), freshName()];
    mkdirSync(fileOf(directory));
    symlinkSync('/etc/passwd', fileOf(link));
    const outcomes = await Promise.all(
      [directory, link, nothing, 'a/b'].map((name) => isthmus(['inspect', name])),
    );
    expect(outcomes.map(({ code }) => code)).toEqual([4, 4, 1, 2]);
    expect(outcomes[2]!.stderr).toBe(`isthmus: '/${nothing}': nothing has this name\n`);
    for (const { stderr } of outcomes) expect(stderr).toMatch(/^isthmus: .*\n$/);
  });

  test('a semaphore by its plain name', async () => {
    const name = freshName();
    writeFileSync(fileOf(`sem.${name}`), Buffer.alloc(32));
    const { code, stdout } = await isthmus(['inspect', name]);
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/^kind +semaphore$/m);
  });
});

describe('rm', () => {
  test('removes each name, damaged objects and semaphores too', async () => {
    const [value, semaphore, raw, hurt] = [freshName(), freshName(), freshName(), damaged()];
    Value.create(value, 'i32').close();
    writeFileSync(fileOf(`sem.${semaphore}`), Buffer.alloc(32));
    writeFileSync(fileOf(raw), 'not ours');
    const { code, stdout, stderr } = await isthmus(['rm', value, `/${semaphore}`, raw, hurt]);
    expect({ code, out: stdout.toString(), stderr }).toEqual({ code: 0, out: '', stderr: '' });
    expect([value, raw, hurt].filter(exists)).toEqual([]);
    expect(existsSync(fileOf(`sem.${semaphore}`))).toBe(false);
  });

  test('says what failed and removes the rest', async () => {
    const [missing, value, directory] = [freshName(), freshName(), freshName()];
    Value.create(value, 'i32').close();
    mkdirSync(fileOf(directory));
    const { code, stderr } = await isthmus(['rm', missing, directory, value]);
    expect(code).toBe(1); // the first failure's
    expect(stderr.split('\n')).toEqual([
      `isthmus: '/${missing}': nothing has this name`,
      expect.stringContaining(directory),
      '',
    ]);
    expect(exists(value)).toBe(false);
    expect(exists(directory)).toBe(true);
  });

  test('-f ignores what is not there, and only that', async () => {
    const name = freshName();
    expect(await isthmus(['rm', '-f', name])).toMatchObject({ code: 0, stderr: '' });
    expect((await isthmus(['rm', '-f', name, 'a/b'])).code).toBe(2);
  });

  test('a name that begins with a dash', async () => {
    const name = `-${freshName()}`;
    Value.create(name, 'i32').close();
    expect((await isthmus(['rm', name])).code).toBe(2);
    expect((await isthmus(['rm', '--', name])).code).toBe(0);
    expect(exists(name)).toBe(false);
  });
});
