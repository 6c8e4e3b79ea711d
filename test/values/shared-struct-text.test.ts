// SharedStruct's texts: what fits, never torn, whoever is killed or stopped when.

import { closeSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { CorruptError, inspect, SharedStruct, text } from 'isthmus';
import { expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';

const SHAPE = { n: 'u32', label: text(200), tiny: text(1) } as const;
/** The words of the object's control area, and of a text: see docs/layout.md. */
const TEXT_LOCK = 32;
const LABEL = 4;

test('holds n bytes of UTF-8, and refuses one more, and what has no UTF-8', () => {
  using struct = SharedStruct.create(freshName(), { t: text(8), u: text(7) });
  const { fields } = struct;
  expect([fields.t, fields.u]).toEqual(['', '']);
  for (const good of ['', 'a', 'x'.repeat(8), 'äöüß', '€€', '😀😀', '\0\0', '\ufeffa', '\u0080']) {
    fields.t = good;
    expect(fields.t).toBe(good);
    expect(fields.u).toBe('');
  }
  fields.t = 'kept';
  for (const long of ['x'.repeat(9), '€€€', '😀😀!'])
    expect(() => (fields.t = long)).toThrow(/at most 8 bytes of UTF-8; got "9 bytes"/);
  expect(() => (fields.u = '😀😀')).toThrow(RangeError);
  for (const bad of ['\ud800', 'a\udc00', 5, null, undefined, Buffer.from('x')])
    expect(() => (fields.t = bad as never)).toThrow(TypeError);
  expect(fields.t).toBe('kept');
});

test('a reader never sees a mix, however fast another process writes', async () => {
  const name = freshName();
  using struct = SharedStruct.create(name, SHAPE);
  const writers = [1, 2].map(() =>
    start(({ SharedStruct }, { args, say }) => {
      const { fields } = SharedStruct.attach<{ label: never }>(args[0]!) as never as {
        fields: { label: string };
      };
      const texts = [...'abcdefghijkl'].map((letter, n) => letter.repeat(17 * n)).concat('é'.repeat(100));
      say();
      for (let i = 0; ; i++) fields.label = texts[i % texts.length]!;
    }, name),
  );
  await Promise.all(writers.map((writer) => writer.said()));
  const { fields } = struct;
  const seen = new Map<string, number>();
  // For 1.5 s, and until there was something to see (but for 30 s at most).
  const begun = performance.now();
  for (let ms = 0; ms < 1500 || (seen.size <= 3 && ms < 30_000); ms = performance.now() - begun) {
    for (let i = 0; i < 500; i++) {
      const { label } = fields;
      if (/^(.?)\1*$/.test(label)) seen.set(label, (seen.get(label) ?? 0) + 1);
      else throw new Error(`a mix: ${label}`);
    }
    fields.tiny = 'x'; // beside them
  }
  for (const label of seen.keys())
    expect(label === '' || label[0] === 'é' || label.length % 17 === 0, label).toBe(true);
  expect(seen.size).toBeGreaterThan(3);
});

test('writers that are killed leave a whole text, and nobody waits for them', async () => {
  const name = freshName();
  using struct = SharedStruct.create(name, SHAPE);
  const { fields } = struct;
  for (let round = 0; round < 12; round++) {
    const peer = start(({ SharedStruct }, { args, say }) => {
      const { fields } = SharedStruct.attach(args[0]!) as never as { fields: { label: string } };
      const texts = ['a'.repeat(200), 'b'.repeat(150), 'ü'.repeat(100)];
      say();
      for (let i = 0; ; i++) fields.label = texts[i % 3]!;
    }, name);
    await peer.said();
    await sleep(round * 3);
    peer.kill();
    await peer.exited;
    expect(fields.label).toMatch(/^(a{200}|b{150}|ü{100}|mine|)$/);
    fields.label = 'mine';
    expect(fields.label).toBe('mine');
  }
});

/** Puts the text lock into the hands of somebody, or of nobody. */
function setTextLock(name: string, value: number): void {
  const word = Buffer.alloc(4);
  word.writeInt32LE(value | 0);
  poke(name, inspect(name).header!.wordsOffset + 4 * TEXT_LOCK, word);
}

function poke(name: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(`/dev/shm/${name}`, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

/** A process that is attached and says which slot it has. */
function bystander(name: string) {
  return start(({ SharedStruct, inspect }, { args, say }) => {
    SharedStruct.attach(args[0]!);
    say(inspect(args[0]!).participants!.find(({ pid }) => pid === process.pid)!.slot);
    setInterval(() => undefined, 1000);
  }, name);
}

test('one that is stopped with the lock holds up writers, not readers, and only as long as it is stopped', async () => {
  const name = freshName();
  using struct = SharedStruct.create(name, SHAPE, { initial: { label: 'old' } });
  const peer = bystander(name);
  const slot = await peer.said<number>();
  setTextLock(name, (1 << 10) | slot);
  expect(struct.fields.label).toBe('old');
  const releasing = start(
    async (_isthmus, { args, say, sleep, require }) => {
      say();
      await sleep(300);
      const { openSync, writeSync } = require('node:fs') as typeof import('node:fs');
      writeSync(openSync(`/dev/shm/${args[0]}`, 'r+'), new Uint8Array(4), 0, 4, args[1]!);
    },
    name,
    inspect(name).header!.wordsOffset + 4 * TEXT_LOCK,
  );
  await releasing.said(); // so that what is waited for is no start of a process
  struct.fields.label = 'new'; // waits
  expect(struct.fields.label).toBe('new');
  await releasing.done();
});

test('one that is killed with the lock holds up nobody', async () => {
  const name = freshName();
  using struct = SharedStruct.create(name, SHAPE, { initial: { label: 'old' } });
  const peer = bystander(name);
  const slot = await peer.said<number>();
  setTextLock(name, (1 << 10) | slot);
  setTimeout(() => peer.kill(), 0);
  await peer.exited;
  struct.fields.label = 'new';
  expect(struct.fields.label).toBe('new');
});

test('gives up after 10 s, and the old text stays', async () => {
  const name = freshName();
  using struct = SharedStruct.create(name, SHAPE, { initial: { label: 'old' } });
  const peer = bystander(name);
  setTextLock(name, (1 << 10) | (await peer.said<number>()));
  expect(() => (struct.fields.label = 'new')).toThrow(
    expect.objectContaining({ code: 'ERR_ISTHMUS_TIMEOUT' }),
  );
  expect(struct.fields.label).toBe('old');
});

test('what cannot be is a CorruptError: a length, bytes that are no UTF-8, a lock that names its finder', () => {
  const name = freshName();
  using struct = SharedStruct.create(name, SHAPE, { initial: { label: 'old' } });
  const { payloadOffset } = inspect(name).header!;
  const { fields } = struct;
  const at = payloadOffset + LABEL;
  poke(name, at + 8, Uint8Array.of(201, 0, 0, 0)); // the copy that `initial` chose is the second
  expect(() => fields.label).toThrow(CorruptError);
  expect(() => struct.snapshot()).toThrow(/'label' of at most 200 bytes is said to have 201/);
  expect(inspect(name).problem).toMatch(/'label'/);
  poke(name, at + 8, Uint8Array.of(2, 0, 0, 0));
  poke(name, at + 12 + 200, Uint8Array.of(0xc3, 0x28));
  expect(() => fields.label).toThrow(/not UTF-8/);
  fields.label = 'new';
  expect(fields.label).toBe('new');
  setTextLock(name, 1 << 10); // slot 0: ourselves
  expect(() => (fields.label = 'x')).toThrow(CorruptError);
  setTextLock(name, 0);
  fields.label = 'y';
  expect(fields.label).toBe('y');
});

test('a script that is broken off in the middle holds up nobody, not even another handle of its own', () => {
  const name = freshName();
  using struct = SharedStruct.create(name, SHAPE);
  using again = SharedStruct.attach(name, SHAPE);
  for (let round = 0; round < 20; round++) {
    const run = 'for (let i = 0; ; i++) fields.label = "abc".repeat(i % 60)';
    expect(() => runInNewContext(run, { fields: struct.fields }, { timeout: 3 })).toThrow(/timed out/);
    again.fields.label = 'whole';
    expect(struct.fields.label).toBe('whole');
  }
});
