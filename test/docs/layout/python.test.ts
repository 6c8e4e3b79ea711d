// docs/layout.md as programs in Python use it: the reader in the document, and locked bytes.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type ElementType, SharedArray, unlink, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { text } from './document.js';
import { constant, freshName, keep, SAMPLES } from './reader.js';

const PYTHON = spawnSync('python3', ['--version']).status === 0;

function python(source: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('python3', ['-c', source, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (status !== 0) throw new Error(`python3 ended with ${status}: ${stderr}`);
  return stdout.trim();
}

describe.skipIf(!PYTHON)('in Python', () => {
  const block = /```python\n([\s\S]*?)```/.exec(text)?.[1] ?? '';

  test.each(Object.entries(SAMPLES))(
    'the reader in the document reads a Value of type %s',
    (type, sample) => {
      const value = keep(Value.create(freshName(), type as ElementType, { initial: sample as never }));
      const shown = sample === true ? 'True' : String(sample);
      expect(python(block, value.name)).toBe(`${type} ${shown}`);
    },
  );

  test('it refuses what is no Value', () => {
    const array = keep(SharedArray.create(freshName(), 'i32', 1));
    expect(() => python(block, array.name)).toThrow('not a Value');
  });

  test('a slot whose byte is locked is alive, by the numbers in the document', () => {
    const name = freshName();
    const value = Value.create(name, 'i32');
    // struct flock of 64-bit Linux: short type, short whence, (pad), long start, long length, int pid, (pad)
    const source = `
import fcntl, struct, sys
F_OFD_GETLK = 36
with open("/dev/shm/" + sys.argv[1], "r+b") as file:
    for byte in map(int, sys.argv[2:]):
        lock = struct.pack("hhxxxxqqixxxx", fcntl.F_WRLCK, 0, byte, 1, 0)
        kind = struct.unpack_from("h", fcntl.fcntl(file, F_OFD_GETLK, lock))[0]
        print("free" if kind == fcntl.F_UNLCK else "held")
`;
    const bytes = [constant('GATE_BYTE'), constant('SLOT_BYTE'), constant('SLOT_BYTE') + 1].map(String);
    try {
      expect(python(source, name, ...bytes).split('\n')).toEqual(['free', 'held', 'free']);
      value.close();
      expect(python(source, name, ...bytes).split('\n')).toEqual(['free', 'free', 'free']);
    } finally {
      value.close();
      unlink(name);
    }
    expect(existsSync(`/dev/shm/${name}`)).toBe(false);
  });
});
