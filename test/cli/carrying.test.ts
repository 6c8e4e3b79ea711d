// isthmus send, isthmus receive

import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SharedArray, SpscQueue, Value } from 'isthmus';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noPrivateShm, privateShm } from '../processes/private-shm.js';
import { type Command, eventually, exists, fileOf, freshName, isthmus, MAIN, start } from './command.js';

const MB = 1024 * 1024;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cli-test-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Both sides' outcomes; the second starts when the first is in place. */
async function inOrder(name: string, first: () => Command, second: () => Command) {
  const one = first();
  await eventually('the first side is in place', () => exists(name) || one.child.exitCode !== null);
  const two = second();
  return [await one.outcome(), await two.outcome()] as const;
}

const ORDERS = [['send first'], ['receive first']] as const;

async function carry(
  order: string,
  input: Buffer | number,
  sendOptions: string[] = [],
  receiveOptions: string[] = [],
) {
  const name = freshName();
  const sender = () => start(['send', name, ...sendOptions], { input });
  const receiver = () => start(['receive', name, ...receiveOptions]);
  const [sent, received] =
    order === 'send first'
      ? await inOrder(name, sender, receiver)
      : await inOrder(name, receiver, sender).then(([a, b]) => [b, a] as const);
  expect({ code: sent.code, stderr: sent.stderr, stdout: sent.stdout.toString() }).toEqual({
    code: 0,
    stderr: '', // and so no progress where there is no terminal
    stdout: '',
  });
  expect({ code: received.code, stderr: received.stderr }).toEqual({ code: 0, stderr: '' });
  expect(exists(name)).toBe(false);
  return received.stdout;
}

describe.each(ORDERS)('%s', (order) => {
  test('random bytes from a pipe arrive exactly', async () => {
    const input = randomBytes(5 * MB + 12345);
    const output = await carry(order, input);
    expect(sha256(output)).toBe(sha256(input));
  });

  test('a file arrives exactly, and from where it is read', async () => {
    const bytes = randomBytes(3 * MB + 1);
    const file = join(directory, `file-${order}`);
    writeFileSync(file, bytes);
    const fd = openSync(file, 'r');
    const output = await carry(order, fd);
    closeSync(fd);
    expect(sha256(output)).toBe(sha256(bytes));
  });

  test('empty input is empty output', async () => {
    expect((await carry(order, Buffer.alloc(0))).length).toBe(0);
  });

  test('one byte, without a newline', async () => {
    expect((await carry(order, Buffer.from('x'))).toString()).toBe('x');
  });

  test('a queue much smaller than the data', async () => {
    const input = randomBytes(100_000);
    const output = await carry(order, input, ['--capacity', '64'], ['--capacity', '64']);
    expect(sha256(output)).toBe(sha256(input));
  });

  test('--lines: any bytes arrive exactly', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) =>
      i % 7 === 0 ? '' : `line ${i} ${'é'.repeat(i % 50)}`,
    );
    const input = Buffer.concat([
      Buffer.from(lines.join('\n')),
      randomBytes(300_000),
      Buffer.from('no newline at the end'),
    ]);
    const output = await carry(order, input, ['--lines']);
    expect(sha256(output)).toBe(sha256(input));
  });

  test('--lines: longer ones than the queue has room for arrive exactly', async () => {
    const input = Buffer.from(
      `${'a'.repeat(5000)}\n${'b'.repeat(56)}\n${'c'.repeat(55)}\n\n${'d'.repeat(200)}`,
    );
    const output = await carry(order, input, ['--lines', '--capacity', '64'], ['--capacity', '64']);
    expect(output.toString()).toBe(input.toString());
  });
});

describe('send', () => {
  test('--lines puts one message per line, each with its newline', async () => {
    const name = freshName();
    const sending = isthmus(['send', name, '--lines', '--capacity', '128'], {
      input: `one\n\nthree ü\n${'x'.repeat(130)}\nlast`,
    });
    await eventually('the queue is there', () => exists(name));
    const consumer = SpscQueue.consumer<Buffer>(name);
    const messages: string[] = [];
    for await (const message of consumer) messages.push(Buffer.from(message).toString());
    consumer.close();
    expect(messages).toEqual(['one\n', '\n', 'three ü\n', 'x'.repeat(120), `${'x'.repeat(10)}\n`, 'last']);
    expect((await sending).code).toBe(0);
    expect(exists(name)).toBe(false);
  });

  test('waits until everything was taken', async () => {
    const name = freshName();
    const sender = start(['send', name], { input: 'hello' });
    await eventually('the queue is there', () => exists(name));
    const consumer = SpscQueue.consumer<Buffer>(name);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(sender.child.exitCode).toBeNull();
    expect(Buffer.from((await consumer.get())!).toString()).toBe('hello');
    expect((await sender.outcome()).code).toBe(0);
    consumer.close();
    expect(exists(name)).toBe(false);
  });

  test('a directory as standard input is refused before anything starts', async () => {
    const name = freshName();
    const fd = openSync('/tmp', 'r');
    const { code, stderr } = await isthmus(['send', name], { input: fd });
    closeSync(fd);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'isthmus: standard input is a directory; give a file or a pipe\n',
    });
    expect(exists(name)).toBe(false);
  });

  test('two conversations in a row under one name, the first receiver slow to leave', async () => {
    const name = freshName();
    const first = isthmus(['send', name], { input: 'first' });
    await eventually('the queue is there', () => exists(name));
    const consumer = SpscQueue.consumer<Buffer>(name);
    await consumer.get();
    expect((await first).code).toBe(0);
    // The first conversation has ended, but this receiver is still there: the second must not join it.
    const second = start(['send', name], { input: 'second' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await consumer.get()).toBeUndefined();
    consumer.close();
    const receiver = await isthmus(['receive', name]);
    expect(receiver.stdout.toString()).toBe('second');
    expect((await second.outcome()).code).toBe(0);
    expect(exists(name)).toBe(false);
  });
});

describe('receive', () => {
  test('does not take the end of an earlier conversation for its own', async () => {
    const name = freshName();
    const producer = SpscQueue.producer<Buffer>(name, { lifetime: 'attached' });
    producer.putSync(Buffer.from('earlier'));
    producer.end();
    expect((await isthmus(['receive', name])).stdout.toString()).toBe('earlier');
    const second = start(['receive', name]); // while the first sender has not yet left
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(second.child.exitCode).toBeNull();
    producer.close();
    const sent = await isthmus(['send', name], { input: 'later' });
    expect(sent.code).toBe(0);
    expect((await second.outcome()).stdout.toString()).toBe('later');
    expect(exists(name)).toBe(false);
  });

  test('takes what a program sends: strings as UTF-8, bytes as they are', async () => {
    const name = freshName();
    const producer = SpscQueue.producer<unknown>(name, { lifetime: 'attached', codec: 'json' });
    const receiver = start(['receive', name]);
    await producer.putMany(['grüß ', new Uint8Array([255, 0]), Buffer.from('!'), '']);
    producer.end();
    expect((await receiver.outcome()).stdout).toEqual(
      Buffer.concat([Buffer.from('grüß '), Buffer.from([255, 0, 33])]),
    );
    producer.close();
  });

  test('refuses a message that is neither bytes nor text', async () => {
    const name = freshName();
    const producer = SpscQueue.producer<unknown>(name, { lifetime: 'attached' });
    const receiver = start(['receive', name]);
    producer.putSync({ an: 'object' });
    const { code, stderr } = await receiver.outcome();
    expect(code).toBe(4);
    expect(stderr).toMatch(/neither bytes nor text/);
    producer.close();
    expect(exists(name)).toBe(false);
  });

  test('writes to a file every byte it got', async () => {
    const name = freshName();
    const file = join(directory, 'output');
    const fd = openSync(file, 'w');
    const input = randomBytes(2 * MB);
    const receiver = start(['receive', name], { output: fd });
    closeSync(fd);
    expect((await isthmus(['send', name], { input })).code).toBe(0);
    expect((await receiver.outcome()).code).toBe(0);
    expect(sha256(readFileSync(file))).toBe(sha256(input));
  });

  test('a full disk is an error, not a shorter file', async () => {
    const name = freshName();
    const fd = openSync('/dev/full', 'w');
    const receiver = start(['receive', name], { output: fd });
    closeSync(fd);
    const sender = start(['send', name], { input: 'data' });
    const { code, stderr } = await receiver.outcome();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^isthmus: .*ENOSPC.*\n$/);
    sender.kill();
  });

  test('ends quietly when nobody reads its output any more', async () => {
    const name = freshName();
    const shell = ['bash', '-c', '"$0" "$1" receive "$2" | head -c 10; echo " $PIPESTATUS"'];
    const sender = start(['send', name], { input: Buffer.alloc(3 * MB, 'x') });
    const { stdout, stderr } = spawnSync(shell[0]!, [...shell.slice(1), process.execPath, MAIN, name], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect({ stdout, stderr }).toEqual({ stdout: 'xxxxxxxxxx 141\n', stderr: '' });
    expect((await sender.outcome()).code).toBe(6); // as a writer to a pipe would learn of it
    expect(exists(name)).toBe(false);
  });
});

describe('who comes in between', () => {
  test('a second receiver, a second sender: told whose the role is', async () => {
    const name = freshName();
    const receiver = start(['receive', name]);
    await eventually('the receiver is there', () => exists(name));
    const second = await isthmus(['receive', name]);
    expect(second.code).toBe(3);
    expect(second.stderr).toMatch(new RegExp(`has its consumer already: process ${receiver.child.pid}\\b`));

    const sender = start(['send', name], { input: null });
    sender.child.stdin!.write('open');
    await eventually('its data is there', () => receiver.stdout === 'open');
    const other = await isthmus(['send', name], { input: 'x' });
    expect(other.code).toBe(3);
    expect(other.stderr).toMatch(new RegExp(`has its producer already: process ${sender.child.pid}\\b`));
    sender.child.stdin!.end('ed');
    expect((await sender.outcome()).code).toBe(0);
    expect((await receiver.outcome()).stdout.toString()).toBe('opened');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends either side with %i and leaves nothing', async (signal, expected) => {
    const [one, two] = [freshName(), freshName()];
    const receiver = start(['receive', one]);
    const sender = start(['send', two], { input: null });
    sender.child.stdin!.write('some');
    await eventually('both are there', () => exists(one) && exists(two));
    receiver.child.kill(signal);
    sender.child.kill(signal);
    for (const side of [receiver, sender]) {
      expect(await side.outcome()).toMatchObject({ code: expected, signal: null, stderr: '' });
    }
    expect([one, two].filter(exists)).toEqual([]);
  });

  test('--timeout: nobody comes', async () => {
    const name = freshName();
    const receiving = await isthmus(['receive', name, '--timeout', '200']);
    expect(receiving).toMatchObject({
      code: 5,
      stderr: `isthmus: '/${name}': no message came within 200 ms\n`,
    });
    const sending = await isthmus(['send', name, '--timeout', '200'], { input: 'x' });
    expect(sending).toMatchObject({
      code: 5,
      stderr: `isthmus: '/${name}': not everything was taken within 200 ms\n`,
    });
    const full = await isthmus(['send', name, '--timeout', '200'], { input: randomBytes(2 * MB) });
    expect(full.code).toBe(5);
    expect(full.stderr).toMatch(/no room for the message within 200 ms/);
    expect(exists(name)).toBe(false);
  });

  test('--timeout: a slow receiver is no missing one', async () => {
    const name = freshName();
    const input = randomBytes(4000);
    const sender = start(['send', name, '--timeout', '6000', '--capacity', '256', '--lines'], { input });
    await eventually('the queue is there', () => exists(name));
    const consumer = SpscQueue.consumer<Buffer>(name);
    const parts: Uint8Array[] = [];
    for (;;) {
      const part = await consumer.get();
      if (part === undefined) break;
      parts.push(part);
      // 6.8 s in all (of 4,000 bytes there are at least 17 parts), and each far from the 6 s
      if (parts.length <= 17) await new Promise((resolve) => setTimeout(resolve, 400));
    }
    consumer.close();
    expect((await sender.outcome()).code).toBe(0);
    expect(parts.length).toBeGreaterThanOrEqual(17);
    expect(Buffer.concat(parts).equals(input)).toBe(true);
  });
});

describe('what stands under the name already', () => {
  test('objects of another kind, damaged, foreign; another capacity', async () => {
    const [value, hurt, foreign, array, queue] = Array.from({ length: 5 }, freshName) as [
      string,
      string,
      string,
      string,
      string,
    ];
    Value.create(value, 'i32').close();
    SharedArray.create(array, 'i32', 3).close();
    writeFileSync(fileOf(foreign), 'somebody else', { mode: 0o600 });
    writeFileSync(fileOf(hurt), 'isthmus\0 and then nothing sensible', { mode: 0o600 });
    SpscQueue.create(queue, { capacity: '2MB' }).close();
    const outcomes = await Promise.all([
      isthmus(['send', value], { input: 'x' }),
      isthmus(['receive', array]),
      isthmus(['send', foreign], { input: 'x' }),
      isthmus(['receive', hurt]),
      isthmus(['receive', queue, '--capacity', '1MB']),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual([4, 4, 4, 4, 4]);
    for (const { stderr } of outcomes) expect(stderr).toMatch(/^isthmus: [^\n]*\n$/);
    expect(readFileSync(fileOf(foreign), 'utf8')).toBe('somebody else');
  });

  test('without --capacity a side takes the queue as it is', async () => {
    const output = await carry('send first', Buffer.from('small'), ['--capacity', '4096']);
    expect(output.toString()).toBe('small');
  });

  test('a queue that stays and has ended', async () => {
    const name = freshName();
    const producer = SpscQueue.producer(name);
    producer.end();
    producer.close();
    const sent = await isthmus(['send', name], { input: 'x' });
    expect(sent.code).toBe(3);
    expect(sent.stderr).toMatch(/has ended.*unlink it first/);
    expect(await isthmus(['receive', name])).toMatchObject({ code: 0, stderr: '' });
  });

  test.skipIf(noPrivateShm)('a full /dev/shm', async () => {
    const { code, stderr } = await isthmus(['receive', freshName()], { through: privateShm('512k') });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^isthmus: ENOSPC: \/dev\/shm is full .*--shm-size.*\n$/);
  });
});

test('many conversations under one name leave nothing', async () => {
  const name = freshName();
  for (let round = 0; round < 10; round++) {
    const text = `round ${round}\n`;
    const [sent, received] = await Promise.all([
      isthmus(['send', name], { input: text }),
      isthmus(['receive', name]),
    ]);
    expect([sent.code, received.code, received.stdout.toString()]).toEqual([0, 0, text]);
    expect(exists(name)).toBe(false);
  }
});

describe('on a terminal', () => {
  // Python, which the build needs anyway, has pseudo-terminals.
  const pty = [
    'python3',
    '-c',
    'import pty,os,sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))',
  ];
  const shell = [...pty, 'sh', '-c', '"$@"', 'sh'];

  test('send draws a bar with bytes, rate and time left when it reads a file', async () => {
    const name = freshName();
    const file = join(directory, 'big');
    writeFileSync(file, randomBytes(4 * MB));
    const through = [...pty, 'sh', '-c', `"$@" < ${file}`, 'sh'];
    const sender = start(['send', name], { through });
    await eventually('it waits', () =>
      sender.stdout.includes(`send ${name}  waiting for: isthmus receive ${name}`),
    );
    const consumer = SpscQueue.consumer(name);
    const draining = (async () => {
      for await (const _ of consumer) await new Promise((resolve) => setTimeout(resolve, 20));
      consumer.close();
    })();
    const { code, stdout } = await sender.outcome();
    await draining;
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(
      /\[=+-+\] +\d+% {2}[\d.]+ [KM]B of 4 MB {2}[\d.]+ [KMG]B\/s {2}\d+:\d\d left/,
    );
    expect(stdout.toString()).toMatch(new RegExp(`send ${name} {2}4 MB in [\\d.]+ s, [\\d.]+ [KMG]B/s`));
  });

  test('receive draws bytes and rate, unless its output is the terminal', async () => {
    const name = freshName();
    const redirected = start(['receive', name], { through: [...pty, 'sh', '-c', '"$@" > /dev/null', 'sh'] });
    await eventually('it waits', () => redirected.stdout.includes(`waiting for: isthmus send ${name}`));
    await isthmus(['send', name], { input: Buffer.alloc(MB, 'x') });
    const { code, stdout } = await redirected.outcome();
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(new RegExp(`receive ${name} {2}1 MB in [\\d.]+ s, [\\d.]+ [KMG]B/s`));

    const shown = start(['receive', name], { through: shell });
    await isthmus(['send', name], { input: 'hello\n' });
    expect((await shown.outcome()).stdout.toString()).toBe('hello\r\n');
  });

  test('--no-progress draws nothing', async () => {
    const name = freshName();
    const quiet = start(['receive', name, '--no-progress'], {
      through: [...pty, 'sh', '-c', '"$@" > /dev/null', 'sh'],
    });
    await isthmus(['send', name], { input: 'x' });
    expect((await quiet.outcome()).stdout.toString()).toBe('');
  });
});
