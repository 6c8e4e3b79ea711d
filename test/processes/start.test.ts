import { expect, test } from 'vitest';
import { freshName, start } from './start.js';

test('a started process shares only names with the test', async () => {
  const name = freshName();
  const peer = start(async ({ Value }, { args, say, heard }) => {
    const value = Value.open(args[0]!, 'i32', { initial: 41 });
    say([process.channel === undefined, value.add(1)]);
    say(await heard());
    value.close();
  }, name);
  expect(await peer.said()).toEqual([true, 41]);
  peer.tell({ n: 5n });
  expect(await peer.said()).toEqual({ n: 5n });
  await peer.done();
});

test('a process that fails is reported with what it wrote', async () => {
  const peer = start(() => {
    throw new Error('on purpose');
  });
  await expect(peer.said()).rejects.toThrow('on purpose');
  await expect(peer.done()).rejects.toThrow('on purpose');
});
