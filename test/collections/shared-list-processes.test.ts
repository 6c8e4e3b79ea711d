// A list and unrelated processes: what one pushes another one takes, once; nothing is ever torn; whoever is killed leaves
// the old state or the new one, and every byte accounted for.

import { setTimeout as sleep } from 'node:timers/promises';
import { SharedList } from 'isthmus';
import { expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';
import { checkList } from './list-check.mjs';

test('three processes push and take at both ends: every value comes out exactly once', async () => {
  const name = freshName('list');
  const list = SharedList.create<string>(name);
  const each = 4000;
  const peers = [0, 1, 2].map((me) =>
    start(
      ({ SharedList }, { args, say }) => {
        const [name, me, each] = args as unknown as [string, number, number];
        const list = SharedList.attach<string>(name);
        const taken: string[] = [];
        const take = (value: string | undefined) => {
          if (value !== undefined) taken.push(value);
        };
        for (let n = 0; n < each; n++) {
          const value = `${me}:${n}`;
          if (n % 3 === 0) list.push(value);
          else if (n % 3 === 1) list.unshift(value);
          else list.splice(n % 7, 0, value);
          if (n % 4 === 0) take(list.shift());
          if (n % 4 === 1) take(list.pop());
          if (n % 4 === 2) for (const one of list.splice(n % 5, 2)) take(one);
          if (n % 100 === 0) list.reverse();
          if (n % 500 === 0) list.sort();
        }
        say(taken);
        list.close();
      },
      name,
      me,
      each,
    ),
  );
  const taken = (await Promise.all(peers.map((peer) => peer.said<string[]>()))).flat();
  await Promise.all(peers.map((peer) => peer.done()));
  const all = [...taken, ...list.toArray()].sort();
  const expected = [0, 1, 2].flatMap((me) => Array.from({ length: each }, (_, n) => `${me}:${n}`)).sort();
  expect(all).toEqual(expected);
  expect(checkList(name).length).toBe(list.length);
  list.close();
});

test('update and set in several processes: no addition is lost', async () => {
  const name = freshName('list');
  const list = SharedList.create<number>(name);
  list.push(0, 0, 0);
  const peers = [0, 1, 2].map(() =>
    start(({ SharedList }, { args }) => {
      const [name] = args as unknown as [string];
      const list = SharedList.attach<number>(name);
      for (let n = 0; n < 2001; n++) list.update(n % 3, (value) => value + 1);
      list.close();
    }, name),
  );
  await Promise.all(peers.map((peer) => peer.done()));
  expect(list.toArray()).toEqual([2001, 2001, 2001]);
  checkList(name);
  list.close();
});

test('a reader beside a fast writer never sees half of a change', async () => {
  const name = freshName('list');
  const list = SharedList.create<string>(name);
  // Always 100 values, all with the same number, whatever their sizes.
  const writer = start(({ SharedList }, { args, say }) => {
    const [name] = args as unknown as [string];
    const list = SharedList.attach<string>(name);
    const rounds = (n: number) => Array.from({ length: 100 }, (_, k) => `${n} ${'x'.repeat((k * n) % 300)}`);
    list.push(...rounds(0));
    say();
    for (let n = 1; ; n++) {
      if (n % 3 === 0) list.splice(0, 100, ...rounds(n));
      else {
        list.splice(0, 100, ...rounds(n));
        list.reverse();
      }
    }
  }, name);
  await writer.said();
  let seen = 0;
  const end = performance.now() + 1500;
  for (let looks = 0; looks < 200 || performance.now() < end; looks++) {
    const all = list.toArray();
    expect(all.length).toBe(100);
    const numbers = new Set(all.map((value) => value.split(' ')[0]));
    expect(numbers.size).toBe(1);
    const number = Number([...numbers][0]);
    expect(number).toBeGreaterThanOrEqual(seen);
    seen = number;
    const one = list.at(looks % 100)!;
    expect(one).toMatch(/^\d+ x*$/);
    expect(list.length).toBe(100);
    for (const value of list) expect(value).toMatch(/^\d+ x*$/);
  }
  expect(seen).toBeGreaterThan(0);
  writer.kill();
  await writer.exited;
  expect(list.length).toBe(100);
  list.push('mended');
  checkList(name);
  list.close();
});

test('killed at any moment: the old list or the new one, and no byte is lost', async () => {
  const name = freshName('list');
  const list = SharedList.create<string>(name, { maxBytes: '4MB' });
  for (let round = 0; round < 12; round++) {
    list.clear();
    // What it does is a function of how many steps there were: so the survivor can tell which list there must be.
    const peer = start(
      ({ SharedList }, { args, say }) => {
        const [name, seed] = args as unknown as [string, number];
        const list = SharedList.attach<string>(name);
        say();
        const text = (n: number) => `${n}:${'v'.repeat((n * 7919) % 700)}`;
        for (let n = seed; ; n++) {
          const k = list.length;
          if (n % 5 === 0) list.push(...Array.from({ length: 40 }, (_, i) => text(n + i)));
          else if (n % 5 === 1) list.splice(k >> 2, 10, text(n), text(n + 1));
          else if (n % 5 === 2) list.reverse();
          else if (n % 5 === 3 && n % 40 === 3) list.splice(k >> 3, 700);
          else if (n % 5 === 3) list.unshift(text(n));
          else list.set(k >> 1, text(n));
        }
      },
      name,
      round,
    );
    await peer.said();
    await sleep(20 + 13 * round);
    peer.kill();
    await peer.exited;
    const before = list.toArray();
    for (const value of before) {
      const n = Number(value.split(':')[0]);
      expect(value).toBe(`${n}:${'v'.repeat((n * 7919) % 700)}`);
    }
    expect(list.length).toBe(before.length);
    list.push('mended');
    const { length, trash } = checkList(name);
    expect(length).toBe(before.length + 1);
    expect(trash).toBe(0);
    expect(list.toArray()).toEqual([...before, 'mended']);
  }
  list.close();
});

test('killed in a large splice: its values are freed by the next one', async () => {
  const name = freshName('list');
  const list = SharedList.create<number>(name);
  for (let round = 0; round < 10; round++) {
    list.clear();
    for (let n = 0; n < 20; n++) list.push(...Array.from({ length: 2000 }, (_, i) => n * 2000 + i));
    const before = list.toArray();
    const peer = start(({ SharedList }, { args, say }) => {
      const [name] = args as unknown as [string];
      const list = SharedList.attach<number>(name);
      say();
      list.splice(100, 35_000);
      say();
    }, name);
    await peer.said();
    await sleep(round * 4);
    peer.kill();
    await peer.exited;
    const after = list.toArray();
    if (after.length !== before.length) before.splice(100, 35_000);
    expect(after).toEqual(before);
    list.push(-1);
    const { trash, length } = checkList(name);
    expect([trash, length]).toEqual([0, before.length + 1]);
  }
  list.close();
});

test('a stopped process that runs its own function holds others up no longer than their timeout', async () => {
  const name = freshName('list');
  const list = SharedList.create<number>(name, { timeout: 50 });
  list.push(1);
  const peer = start(({ SharedList }, { args, say }) => {
    const [name] = args as unknown as [string];
    const list = SharedList.attach<number>(name);
    list.update(0, (value) => {
      say();
      for (const end = Date.now() + 30_000; Date.now() < end; );
      return value + 1;
    });
  }, name);
  await peer.said();
  expect(list.at(0)).toBe(1);
  expect(() => list.push(2)).toThrow(expect.objectContaining({ code: 'ERR_ISTHMUS_TIMEOUT' }));
  peer.kill();
  await peer.exited;
  const patient = SharedList.attach<number>(name);
  patient.push(2);
  expect(list.toArray()).toEqual([1, 2]);
  checkList(name);
  patient.close();
  list.close();
});
