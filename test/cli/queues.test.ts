// isthmus put, get, tail

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { inspect, Queue, unlink, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { eventually, exists, fileOf, freshName, isthmus, start } from './command.js';

const OK = { code: 0, stderr: '' };
const text = ({ stdout }: { stdout: Buffer }): string => stdout.toString();

/** What a program gets. */
function contents(name: string): unknown[] {
  const queue = Queue.attach(name);
  const all = queue.tryGetMany();
  queue.close();
  return all;
}

function isAttached(queue: Queue, times: number): boolean {
  return inspect(queue.name).participants!.length === times;
}

describe('put', () => {
  test('each line is a message of text', async () => {
    const name = freshName();
    expect(await isthmus(['put', name], { input: 'one\n\nthree ü\r\nlast' })).toMatchObject({ ...OK });
    expect(contents(name)).toEqual(['one', '', 'three ü\r', 'last']);
    expect(exists(name)).toBe(true);
  });

  test('many lines, in any chunks, are all there in order', async () => {
    const name = freshName();
    const lines = Array.from({ length: 20_000 }, (_, n) => `${n} ${'é'.repeat(n % 40)}`);
    const putting = isthmus(['put', name, '--end'], { input: `${lines.join('\n')}\n` });
    await eventually('the queue is there', () => exists(name));
    const queue = Queue.attach<string>(name);
    const got: string[] = [];
    for await (const line of queue) got.push(line);
    queue.close();
    expect(got).toEqual(lines);
    expect(await putting).toMatchObject(OK);
  });

  test('--json: each line is a value', async () => {
    const name = freshName();
    const input = '{"a":[1,null]}\n\n"text"\n 17 \nnull\n';
    expect(await isthmus(['put', name, '--json'], { input })).toMatchObject(OK);
    expect(contents(name)).toEqual([{ a: [1, null] }, 'text', 17, null]);
  });

  test('--whole: all of it is one message', async () => {
    const name = freshName();
    const bytes = randomBytes(200_000);
    expect(await isthmus(['put', name, '--whole'], { input: bytes })).toMatchObject(OK);
    expect(await isthmus(['put', name, '--whole'])).toMatchObject(OK);
    expect(await isthmus(['put', name, '--whole', '--json'], { input: '[1,\n2]\n' })).toMatchObject(OK);
    expect(contents(name)).toEqual([bytes, Buffer.alloc(0), [1, 2]]);
  });

  test('--capacity and --max-items make the queue, and must agree with one that is there', async () => {
    const name = freshName();
    const made = await isthmus(['put', name, '--capacity', '64KB', '--max-items', '5'], { input: 'x\n' });
    expect(made).toMatchObject(OK);
    const queue = Queue.attach(name);
    expect([queue.capacity, queue.maxItems]).toEqual([65536, 5]);
    queue.close();
    expect(await isthmus(['put', name], { input: 'y\n' })).toMatchObject(OK);
    const other = await isthmus(['put', name, '--max-items', '6'], { input: 'z\n' });
    expect(other.code).toBe(4);
    expect(other.stderr).toMatch(/has a maxItems of 5, not 6/);
    expect(contents(name)).toEqual(['x', 'y']);
  });

  test('a full queue: waits, or gives up and says how many were put', async () => {
    const name = freshName();
    const full = await isthmus(['put', name, '--max-items', '2', '--timeout', '200'], { input: '1\n2\n3\n' });
    expect(full).toMatchObject({
      code: 5,
      stderr: `isthmus: '/${name}': no room for the message within 200 ms; 2 messages were put before that\n`,
    });
    const patient = start(['put', name], { input: '3\n4\n' });
    expect(text(await isthmus(['get', name, '--count', '4']))).toBe('1\n2\n3\n4\n');
    expect(await patient.outcome()).toMatchObject(OK);
  });

  test.each<[string, string[], Buffer | string, number, RegExp]>([
    [
      'no text',
      [],
      Buffer.from('fine\n\xff\xfe\nnever\n', 'latin1'),
      1,
      /line 2 is no text.*; 1 message was put/,
    ],
    ['no JSON', ['--json'], '1\n2\n{"a":\n', 1, /line 3 is no JSON: .*; 2 messages were put/],
    ['too long', ['--capacity', '64'], `a\n${'x'.repeat(57)}\n`, 2, /at most 56 bytes.*; 1 message was put/],
    ['too long a whole', ['--whole', '--capacity', '64'], 'x'.repeat(57), 2, /at most 56 bytes/],
    ['not one value', ['--whole', '--json'], '1 2', 1, /standard input is no JSON/],
  ])('%s: exit code and place', async (_, options, input, code, message) => {
    const name = freshName();
    const outcome = await isthmus(['put', name, ...options], { input });
    expect(outcome.code).toBe(code);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr).toMatch(/^isthmus: [^\n]*\n$/);
  });

  test('a line as long as the largest message', async () => {
    const name = freshName();
    const outcome = await isthmus(['put', name, '--capacity', '64'], { input: `${'x'.repeat(56)}\n` });
    expect(outcome).toMatchObject(OK);
    expect(contents(name)).toEqual(['x'.repeat(56)]);
  });

  test('a queue of bytes only takes lines as bytes', async () => {
    const name = freshName();
    Queue.create(name, { codec: 'raw' }).close();
    expect(await isthmus(['put', name], { input: 'a\nb\n' })).toMatchObject(OK);
    expect(contents(name).map(String)).toEqual(['a', 'b']);
  });

  test('--end ends the queue for all', async () => {
    const name = freshName();
    expect(await isthmus(['put', name, '--end'], { input: 'last\n' })).toMatchObject(OK);
    const late = await isthmus(['put', name], { input: 'x\n' });
    expect(late.code).toBe(3);
    expect(late.stderr).toMatch(/has ended.*unlink it first/);
    expect(text(await isthmus(['get', name, '--follow']))).toBe('last\n');
  });
});

describe('get', () => {
  test('text as it is, bytes as they are, the rest as JSON', async () => {
    const name = freshName();
    const queue = Queue.open<unknown>(name);
    queue.putManySync([
      'grüß',
      { a: 1 },
      Buffer.from([255, 10, 0]),
      null,
      [2n, Number.NaN],
      new Map([[1, new Set('a')]]),
    ]);
    queue.putSync({ bytes: new Uint8Array([1, 2]), at: new Date(0) });
    expect((await isthmus(['get', name, '--count', '2'])).stdout.toString()).toBe('grüß\n{"a":1}\n');
    expect((await isthmus(['get', name])).stdout).toEqual(Buffer.from([255, 10, 0]));
    expect(text(await isthmus(['get', name, '--all']))).toBe(
      'null\n["2","NaN"]\n[[1,["a"]]]\n{"bytes":{"base64":"AQI="},"at":"1970-01-01T00:00:00.000Z"}\n',
    );
    queue.putManySync(['text', Buffer.from('bytes')]);
    expect(text(await isthmus(['get', name, '--all', '--json']))).toBe('"text"\n{"base64":"Ynl0ZXM="}\n');
    queue.close();
  });

  test('what put --whole took comes out byte for byte', async () => {
    const name = freshName();
    const bytes = randomBytes(300_000);
    await isthmus(['put', name, '--whole'], { input: bytes });
    expect((await isthmus(['get', name])).stdout.equals(bytes)).toBe(true);
  });

  test('--count takes so many and no more; --all takes what is there', async () => {
    const name = freshName();
    const lines = Array.from({ length: 1000 }, (_, n) => `${n}`);
    await isthmus(['put', name], { input: lines.join('\n') });
    expect(text(await isthmus(['get', name]))).toBe('0\n');
    expect(text(await isthmus(['get', name, '--count', '400']))).toBe(`${lines.slice(1, 401).join('\n')}\n`);
    const all = await isthmus(['get', name, '--all']);
    expect(all).toMatchObject(OK);
    expect(text(all)).toBe(`${lines.slice(401).join('\n')}\n`);
    expect(await isthmus(['get', name, '--all'])).toMatchObject({ ...OK, stdout: Buffer.alloc(0) });
  });

  test('waits for messages, prints each as it comes, and follows to the end', async () => {
    const name = freshName();
    const queue = Queue.open(name);
    const follower = start(['get', name, '--follow']);
    const one = start(['get', name, '--count', '1', '--timeout', '30000']);
    queue.putManySync(['a', 'b', 'c']);
    await eventually('all are printed', () => follower.stdout.length + one.stdout.length === 6);
    queue.end();
    expect(await follower.outcome()).toMatchObject(OK);
    expect(['a\n', 'b\n', 'c\n', '']).toContain(text(await one.outcome()));
    queue.close();
  });

  test('exit codes: nothing came in time, has ended, is not there, is something else, is damaged', async () => {
    const [name, value, hurt] = [freshName(), freshName(), freshName()];
    const queue = Queue.open(name);
    expect(await isthmus(['get', name, '--timeout', '100'])).toMatchObject({
      code: 5,
      stderr: `isthmus: '/${name}': no message came within 100 ms\n`,
    });
    queue.putSync('only one');
    queue.end();
    const ended = await isthmus(['get', name, '--count', '2']);
    expect(text(ended)).toBe('only one\n');
    expect(ended).toMatchObject({ code: 3, stderr: `isthmus: '/${name}' has ended, and nothing is left\n` });
    queue.close();
    const missing = freshName();
    expect(await isthmus(['get', missing])).toMatchObject({
      code: 1,
      stderr: `isthmus: '/${missing}': nothing has this name\n`,
    });
    expect(exists(missing)).toBe(false);
    Value.create(value, 'i32').close();
    writeFileSync(fileOf(hurt), 'isthmus\0 and then nothing sensible', { mode: 0o600 });
    for (const verb of ['put', 'get', 'tail'])
      for (const one of [value, hurt]) {
        const { code, stderr } = await isthmus([verb, one], { input: 'x' });
        expect([verb, code]).toEqual([verb, 4]);
        expect(stderr).toMatch(/^isthmus: [^\n]*\n$/);
      }
  });

  test('what could not be written goes back in front', async () => {
    const name = freshName();
    const lines = Array.from({ length: 100 }, (_, n) => `${n} ${'x'.repeat(1000)}`);
    await isthmus(['put', name], { input: lines.join('\n') });
    const through = ['bash', '-c', '"$@" > /dev/full', 'bash'];
    const failed = await isthmus(['get', name, '--all'], { through });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/ENOSPC/);
    expect(contents(name)).toEqual(lines);
  });

  test('one that is killed while its output is stuck loses nothing', async () => {
    const name = freshName();
    const lines = Array.from({ length: 300 }, (_, n) => `${n} ${'x'.repeat(3000)}`);
    await isthmus(['put', name], { input: lines.join('\n') });
    const reader = start(['get', name, '--all'], { through: ['bash', '-c', '"$@" | sleep 60', 'bash'] });
    const queue = Queue.attach(name);
    await eventually('it has taken some', () => queue.size < 300);
    reader.kill();
    await reader.outcome();
    await eventually('they are back', () => queue.tryGet() !== undefined && queue.size === 299);
    queue.close();
  });

  test('a queue with few places for jobs', async () => {
    const name = freshName();
    const queue = Queue.open(name, { maxJobs: 2 });
    queue.putManySync(['1', '2', '3', '4', '5']);
    expect(text(await isthmus(['get', name, '--count', '5']))).toBe('1\n2\n3\n4\n5\n');
    queue.putSync('6');
    queue.putSync('7');
    queue.putSync('8');
    const jobs = [queue.takeSync()!, queue.takeSync()!];
    const { code, stderr } = await isthmus(['get', name]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/as many jobs as it can have/);
    for (const job of jobs) job.done();
    queue.close();
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it with %i', async (signal, code) => {
    const name = freshName();
    const queue = Queue.open(name, { lifetime: 'attached' });
    const getter = start(['get', name]);
    await eventually('it waits', () => isAttached(queue, 2));
    getter.child.kill(signal);
    expect(await getter.outcome()).toMatchObject({ code, stderr: '' });
    queue.putSync('still works');
    expect(queue.tryGet()).toBe('still works');
    queue.close();
    expect(exists(name)).toBe(false);
  });
});

describe('tail', () => {
  test('tells what has changed, and ends when all is done', async () => {
    const name = freshName();
    const queue = Queue.open(name);
    queue.putManySync(['a', 'b', 'c']);
    queue.getSync();
    const watcher = start(['tail', name]);
    await eventually('it looks', () => watcher.stdout === '2 waiting, 0 jobs out, 3 put, 1 taken\n');
    const job = queue.takeSync()!;
    queue.putSync('d');
    const second = '2 waiting, 1 job out, +1 put, +1 taken\n';
    await eventually(
      'it sees both',
      () => watcher.stdout.endsWith(second) || watcher.stdout.split('\n').length > 3,
    );
    queue.end();
    job.done();
    queue.getManySync();
    const { code, stdout, stderr } = await watcher.outcome();
    expect({ code, stderr }).toEqual(OK);
    const lines = stdout.toString().trimEnd().split('\n');
    expect(lines.at(-1)).toMatch(/^0 waiting, 0 jobs out, \+0 put, \+\d taken, ended$/);
    const sum = (what: string): number =>
      lines.reduce((all, line) => all + Number(new RegExp(`(\\d+) ${what}`).exec(line)![1]), 0);
    expect([sum('put'), sum('taken')]).toEqual([4, 4]);
    queue.close();
  });

  test('attaches to nothing; says that the queue is gone', async () => {
    const name = freshName();
    const queue = Queue.open(name);
    const watcher = start(['tail', name]);
    await eventually('it looks', () => watcher.stdout.length > 0);
    expect(isAttached(queue, 1)).toBe(true);
    unlink(name);
    queue.close();
    expect(await watcher.outcome()).toMatchObject({
      code: 1,
      stderr: `isthmus: '/${name}': nothing has this name\n`,
    });
  });
});

test('ls and inspect tell a queue', async () => {
  const name = freshName();
  const queue = Queue.open(name, { capacity: '2MB', maxItems: 7 });
  queue.putSync('x');
  const job = queue.takeSync()!;
  expect(text(await isthmus(['ls']))).toMatch(new RegExp(`^queue +/${name} +2 MB, msgpack, at most 7 `, 'm'));
  const shown = text(await isthmus(['inspect', name]));
  expect(shown).toMatch(/^size +0$/m);
  expect(shown).toMatch(new RegExp(`^job held by +process ${process.pid}$`, 'm'));
  expect(shown).toMatch(/^put +1$/m);
  job.retry();
  queue.takeSync()!;
  expect(text(await isthmus(['inspect', name]))).toMatch(/^job held by +process \d+, attempt 2$/m);
  queue.close();
});
