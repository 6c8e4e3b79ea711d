// Who is attached, who holds what, and what is swept when they were killed: isthmus ls, inspect, gc.

import { existsSync, readFileSync } from 'node:fs';
import { SpscQueue, Value } from 'isthmus';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TURN, takeTurn } from '../processes/alone.mjs';
import { freshName, start } from '../processes/start.js';
import { fileOf, isthmus } from './command.js';

let endTurn: () => Promise<void>;
beforeAll(async () => {
  endTurn = await takeTurn();
}, TURN);
afterAll(() => endTurn());

const output = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await isthmus(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.toString();
};
const lsLine = async (name: string): Promise<string> =>
  (await output('ls')).split('\n').find((line) => line.includes(`/${name} `)) ?? '';

test('the living are shown with their pids, workers with their number; holders are named', async () => {
  const name = freshName();
  const peer = start(async ({ Value }, { args, say, require }) => {
    const value = Value.create(args[0]!, 'i32', { lifetime: 'attached' });
    value.lock.acquireSync();
    const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
    const isthmus = JSON.stringify(require.resolve('isthmus'));
    const worker = new Worker(
      `const value = require(${isthmus}).Value.attach(require('node:worker_threads').workerData);
         value.add(1); setInterval(() => value, 1000);`,
      { eval: true, execArgv: [], workerData: args[0] },
    );
    await value.waitFor((ready) => ready === 1);
    say(worker.threadId);
    setInterval(() => undefined, 1000);
  }, name);
  const worker = await peer.said<number>();
  expect(await lsLine(name)).toMatch(new RegExp(` ${peer.pid} ${peer.pid}:${worker}$`));
  const before = await output('inspect', name);
  expect(before).toMatch(new RegExp(`^attached +process ${peer.pid}, since .*, slot 0$`, 'm'));
  expect(before).toMatch(
    new RegExp(`^attached +process ${peer.pid}, worker ${worker}, since .*, slot 1$`, 'm'),
  );
  expect(before).toMatch(new RegExp(`^lock held by +process ${peer.pid}$`, 'm'));
  expect(JSON.parse(await output('inspect', name, '--json')).contents).toEqual({
    value: 1,
    holder: { pid: peer.pid, thread: 0, alive: true },
  });

  peer.kill();
  await peer.exited;
  expect(await lsLine(name)).toMatch(/ nobody: orphan$/);
  const after = await output('inspect', name);
  expect(after).toMatch(new RegExp(`^attached +process ${peer.pid}, .* \\(gone\\)$`, 'm'));
  expect(after).toMatch(new RegExp(`^lock held by +process ${peer.pid} \\(gone\\)$`, 'm'));
  expect((await output('gc')).split('\n')).toContain(`/${name}`);
  expect(existsSync(fileOf(name))).toBe(false);
});

test('the roles of a queue', async () => {
  const name = freshName();
  const producer = SpscQueue.producer(name);
  const peer = start(({ SpscQueue }, { args, say }) => {
    SpscQueue.consumer(args[0]!);
    say();
    setInterval(() => undefined, 1000);
  }, name);
  await peer.said();
  peer.kill();
  await peer.exited;
  const text = await output('inspect', name);
  expect(text).toMatch(new RegExp(`^producer +process ${process.pid}$`, 'm'));
  expect(text).toMatch(new RegExp(`^consumer +process ${peer.pid} \\(gone\\)$`, 'm'));
  producer.close();
});

test('gc says so when there is nothing to do, and gives an array to programs', async () => {
  const kept = freshName();
  using value = Value.create(kept, 'i32', { lifetime: 'attached' });
  expect(JSON.parse((await isthmus(['gc', '--json'])).stdout.toString())).not.toContain(`/${kept}`);
  // Others may leave something at any time: what matters is that it is one or the other.
  const { code, stdout, stderr } = await isthmus(['gc']);
  expect(code).toBe(0);
  if (stdout.length === 0) expect(stderr).toBe('isthmus: nothing to remove\n');
  else expect(stdout.toString()).toMatch(/^(\/\S+\n)+$/);
  expect(value.value).toBe(0);
  expect(readFileSync(fileOf(kept)).length).toBeGreaterThan(0);
});
