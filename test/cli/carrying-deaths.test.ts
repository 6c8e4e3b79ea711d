// isthmus send, isthmus receive: one side is killed, is interrupted or fails, and what the other one makes of it

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { SpscQueue } from 'isthmus';
import { expect, test } from 'vitest';
import { type Command, eventually, exists, freshName, isthmus, MAIN, start } from './command.js';

const MB = 1024 * 1024;
const PEER_DIED = 6;
/** Little room, so that a side which stops is soon noticed by the other; both sides say so, for either may come first. */
const SMALL = ['--capacity', '16KB'];

/** The one message for people that a survivor leaves. */
function brokeOff(side: 'sender' | 'receiver', dead: Command, state: string): string {
  return (
    `isthmus: the ${side} (process ${dead.child.pid}) broke off: it was killed, was interrupted or failed. ${state}. ` +
    `Start both again; with --wait-for-successor this side waits for another ${side} instead\n`
  );
}

function grouped(count: number): string {
  return `${count.toLocaleString('en-US')} byte${count === 1 ? '' : 's'}`;
}

/** An input that never ends: 1, 2, 3, … The process is the command itself. */
const ENDLESS = { input: null, through: ['bash', '-c', 'exec "$@" < <(seq inf)', 'bash'] } as const;

/** The beginning of that input, at least so many bytes. */
function counting(bytes: number): Buffer {
  const lines: string[] = [];
  for (let i = 1, length = 0; length < bytes; i++) length += lines[lines.push(`${i}\n`) - 1]!.length;
  return Buffer.from(lines.join(''));
}

/** Keeps writing to the sender, whose input never ends. */
function feed(sender: Command, text: string): void {
  sender.child.stdin!.write(text);
}

/** A conversation that stands in the middle: the receiver has got the first part. */
async function midway(
  first: string,
  sendOptions: string[] = [],
  receiveOptions: string[] = [],
): Promise<{ name: string; sender: Command; receiver: Command }> {
  const name = freshName();
  const receiver = start(['receive', name, ...receiveOptions]);
  const sender = start(['send', name, ...sendOptions], { input: null });
  feed(sender, first);
  await eventually('the first part arrives', () => receiver.stdout === first);
  return { name, sender, receiver };
}

/** What somebody who kills a process at any moment does. */
async function killInMidStream(victim: Command, receiver: Command): Promise<void> {
  await eventually('something arrives', () => receiver.stdout.length > 0 || receiver.child.exitCode !== null);
  expect({ stderr: receiver.stderr, code: receiver.child.exitCode }).toEqual({ stderr: '', code: null });
  victim.child.kill('SIGKILL');
  expect((await victim.outcome()).signal).toBe('SIGKILL');
}

test.each([[[]], [['--lines']]])(
  'a killed sender, %j: whole messages arrive, then the receiver says so',
  async (options) => {
    const name = freshName();
    const receiver = start(['receive', name, ...SMALL]);
    const sender = start(['send', name, ...SMALL, ...options], ENDLESS);
    await killInMidStream(sender, receiver);
    const { code, stdout, stderr } = await receiver.outcome();
    expect(code).toBe(PEER_DIED);
    expect(stderr).toBe(brokeOff('sender', sender, `All that came is written: ${grouped(stdout.length)}`));
    expect(stdout.length).toBeGreaterThan(0);
    expect(stdout.equals(counting(stdout.length).subarray(0, stdout.length))).toBe(true);
    if (options.length > 0) expect(stdout.at(-1)).toBe(10);
    expect(exists(name)).toBe(false);
  },
);

test('a killed sender: what it had put while nobody received is delivered, too', async () => {
  const name = freshName();
  const sender = start(['send', name], { input: null });
  feed(sender, 'put and not yet taken');
  // An observer keeps the queue there while neither side is.
  await eventually('the queue is there', () => exists(name));
  const queue = SpscQueue.attach(name);
  await eventually('it lies in the queue', () => queue.used > 0);
  sender.child.kill('SIGKILL');
  await sender.outcome();
  const { code, stdout, stderr } = await isthmus(['receive', name]);
  queue.close();
  expect({ code, stdout: stdout.toString() }).toEqual({ code: PEER_DIED, stdout: 'put and not yet taken' });
  expect(stderr).toBe(brokeOff('sender', sender, 'All that came is written: 21 bytes'));
  expect(exists(name)).toBe(false);
});

test('a receiver that is killed while the sender has no room: the sender says how much was not taken', async () => {
  const name = freshName();
  const receiver = start(['receive', name, ...SMALL]);
  const sender = start(['send', name, ...SMALL, '--lines'], ENDLESS);
  await killInMidStream(receiver, receiver);
  const { code, stderr } = await sender.outcome();
  expect(code).toBe(PEER_DIED);
  const [, lost, read] = /([\d,]+ bytes?) of the ([\d,]+ bytes) read so far were not taken/.exec(stderr)!;
  expect(stderr).toBe(brokeOff('receiver', receiver, `${lost} of the ${read} read so far were not taken`));
  const number = (text: string): number => Number(text.replace(/\D/g, ''));
  expect(number(lost!)).toBeGreaterThan(0);
  // What it wrote before it was killed, it had taken.
  const { stdout } = await receiver.outcome();
  expect(number(read!) - number(lost!)).toBeGreaterThanOrEqual(stdout.length);
  expect(exists(name)).toBe(false);
});

test('a receiver that is stopped and killed: the bytes that were not taken are counted exactly', async () => {
  const { name, sender, receiver } = await midway('taken\n', ['--lines']);
  receiver.child.kill('SIGSTOP');
  const queue = SpscQueue.attach(name);
  feed(sender, 'one\n\nthree\nhalf a l');
  await eventually('the lines are in the queue', () => queue.used > 0);
  queue.close();
  receiver.child.kill('SIGKILL');
  const { code, stderr } = await sender.outcome(); // its input is still open
  expect(code).toBe(PEER_DIED);
  expect(stderr).toBe(brokeOff('receiver', receiver, '19 bytes of the 25 bytes read so far were not taken'));
  expect(exists(name)).toBe(false);
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s to one side is no end of the data: the other side says so', async (signal, expected) => {
  const one = await midway('some');
  one.sender.child.kill(signal);
  expect(await one.sender.outcome()).toMatchObject({ code: expected, signal: null, stderr: '' });
  expect(await one.receiver.outcome()).toMatchObject({
    code: PEER_DIED,
    stderr: brokeOff('sender', one.sender, 'All that came is written: 4 bytes'),
  });

  const two = await midway('some');
  two.receiver.child.kill(signal);
  expect(await two.receiver.outcome()).toMatchObject({ code: expected, signal: null, stderr: '' });
  feed(two.sender, ' more');
  expect(await two.sender.outcome()).toMatchObject({
    code: PEER_DIED,
    stderr: brokeOff('receiver', two.receiver, '5 bytes of the 9 bytes read so far were not taken'),
  });
  expect([one.name, two.name].filter(exists)).toEqual([]);
});

test('an input that fails is no end of the data', async () => {
  const name = freshName();
  let connection: Socket | undefined;
  const server = createServer((socket) => {
    connection = socket.on('error', () => undefined);
    socket.write('the beginning');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const receiver = start(['receive', name]);
  const through = ['bash', '-c', `exec "$@" < /dev/tcp/127.0.0.1/${port}`, 'bash'];
  const sender = start(['send', name], { input: null, through });
  await eventually('the beginning arrives', () => receiver.stdout === 'the beginning');
  connection!.resetAndDestroy();
  const sent = await sender.outcome();
  server.close();
  expect(sent).toMatchObject({ code: 1, stderr: 'isthmus: read ECONNRESET\n' });
  expect(await receiver.outcome()).toMatchObject({
    code: PEER_DIED,
    stderr: brokeOff('sender', sender, 'All that came is written: 13 bytes'),
  });
  expect(exists(name)).toBe(false);
});

test('a side that gives up after its --timeout does not leave the other one waiting', async () => {
  const name = freshName();
  const sender = start(['send', name], { input: null });
  feed(sender, 'some');
  await eventually('the queue is there', () => exists(name));
  const queue = SpscQueue.attach(name);
  await eventually('it lies in the queue', () => queue.used > 0);
  queue.close();
  const receiver = start(['receive', name, '--timeout', '300']);
  expect((await receiver.outcome()).code).toBe(5);
  feed(sender, ' more');
  const { code, stderr } = await sender.outcome();
  expect(code).toBe(PEER_DIED);
  expect(stderr).toBe(brokeOff('receiver', receiver, '5 bytes of the 9 bytes read so far were not taken'));
  expect(exists(name)).toBe(false);
});

test.each(['SIGKILL', 'SIGINT'] as const)(
  '--wait-for-successor: another sender takes the place of one that got %s',
  async (signal) => {
    const { name, sender, receiver } = await midway('one ', [], ['--wait-for-successor']);
    sender.child.kill(signal);
    await sender.outcome();
    const second = start(['send', name], { input: null });
    feed(second, 'two ');
    await eventually("the second's part arrives", () => receiver.stdout === 'one two ');
    second.child.kill(signal);
    await second.outcome();
    expect(await isthmus(['send', name], { input: 'three' })).toMatchObject({ code: 0, stderr: '' });
    const { code, stdout, stderr } = await receiver.outcome();
    expect({ code, stdout: stdout.toString(), stderr }).toEqual({
      code: 0,
      stdout: 'one two three',
      stderr: '',
    });
    expect(exists(name)).toBe(false);
  },
);

test.each(['SIGKILL', 'SIGINT'] as const)(
  '--wait-for-successor: another receiver takes the place of one that got %s',
  async (signal) => {
    const { name, sender, receiver } = await midway('one ', ['--wait-for-successor']);
    receiver.child.kill(signal);
    await receiver.outcome();
    feed(sender, 'two ');
    const second = start(['receive', name]);
    await eventually("the second's part arrives", () => second.stdout === 'two ');
    second.child.kill(signal);
    await second.outcome();
    sender.child.stdin!.end('three');
    const third = await isthmus(['receive', name]);
    expect({ ...third, stdout: third.stdout.toString() }).toMatchObject({
      code: 0,
      stdout: 'three',
      stderr: '',
    });
    expect(await sender.outcome()).toMatchObject({ code: 0, stderr: '' });
    expect(exists(name)).toBe(false);
  },
);

test('--wait-for-successor and a sender that has no room: the stream goes on where the queue stands', async () => {
  const name = freshName();
  const input = counting(5 * MB);
  const sender = start(['send', name, '--lines', '--wait-for-successor'], { input: null });
  sender.child.stdin!.write(input.subarray(0, -1));
  const first = start(['receive', name]);
  await killInMidStream(first, first);
  sender.child.stdin!.end(input.subarray(-1)); // it cannot have ended before
  const before = (await first.outcome()).stdout;
  const after = (await isthmus(['receive', name])).stdout;
  expect((await sender.outcome()).code).toBe(0);
  expect(before.equals(input.subarray(0, before.length))).toBe(true);
  expect(after.equals(input.subarray(input.length - after.length))).toBe(true);
  // What the first had taken and not yet written is lost with it.
  expect(before.length + after.length).toBeLessThanOrEqual(input.length);
  expect(after.length).toBeGreaterThan(0);
});

test('both killed, then started again: a new conversation', async () => {
  const { name, sender, receiver } = await midway('old', [], ['--wait-for-successor']);
  receiver.child.kill('SIGSTOP'); // or it would take what comes now
  feed(sender, ' and never taken');
  for (const side of [sender, receiver]) side.child.kill('SIGKILL');
  for (const side of [sender, receiver]) await side.outcome();
  const second = start(['receive', name]);
  expect(await isthmus(['send', name], { input: 'new' })).toMatchObject({ code: 0, stderr: '' });
  const { code, stdout, stderr } = await second.outcome();
  expect({ code, stdout: stdout.toString(), stderr }).toEqual({ code: 0, stdout: 'new', stderr: '' });
  expect(exists(name)).toBe(false);
});

test('a conversation that breaks off on a queue that stays leaves what was not taken in it', async () => {
  const name = freshName();
  const queue = SpscQueue.create(name);
  const sender = start(['send', name], { input: null });
  feed(sender, 'kept');
  await eventually('it lies in the queue', () => queue.used > 0);
  queue.close();
  sender.child.kill('SIGTERM');
  expect((await sender.outcome()).code).toBe(143);
  expect(exists(name)).toBe(true);
  const receiving = await isthmus(['receive', name]);
  expect({ ...receiving, stdout: receiving.stdout.toString() }).toMatchObject({
    code: PEER_DIED,
    stdout: 'kept',
    stderr: brokeOff('sender', sender, 'All that came is written: 4 bytes'),
  });
});

test('a pipeline around a broken one ends as one of pipes would', () => {
  // The right end has enough after one line; the left one would go on for ever.
  const name = freshName();
  const left = `yes | { "$0" "$1" send "$2"; echo "sender: $?" >&2; }`;
  const right = `"$0" "$1" receive "$2" | head -n 1`;
  const { stdout, stderr } = spawnSync(
    'bash',
    ['-c', `${right} & ${left}; wait`, process.execPath, MAIN, name],
    { encoding: 'utf8', timeout: 40_000, input: randomBytes(0) },
  );
  expect(stdout).toBe('y\n');
  expect(stderr).toMatch(/^isthmus: the receiver \(process \d+\) broke off.*\nsender: 6\n$/);
  expect(exists(name)).toBe(false);
});
