import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MismatchError, SharedMemory, unlink } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';

const has = (command: string) => spawnSync(command, ['--version']).status === 0;

test('is exactly the bytes that were asked for, zeroed, shared', async () => {
  const name = freshName();
  using memory = SharedMemory.create(name, 5000);
  expect(statSync(`/dev/shm/${name}`).size).toBe(5000);
  expect([memory.size, memory.buffer.byteLength]).toEqual([5000, 5000]);
  expect(new Uint8Array(memory.buffer).every((byte) => byte === 0)).toBe(true);
  const peer = start(({ SharedMemory }, { args, say }) => {
    const mine = new Uint8Array(SharedMemory.attach(args[0]!).buffer);
    mine[4999] = mine[0]! + 1;
    say(mine.length);
  }, name);
  new Uint8Array(memory.buffer)[0] = 0;
  expect(await peer.said()).toBe(5000);
  expect(new Uint8Array(memory.buffer)[4999]).toBe(1);
});

test('open creates or attaches, and compares the size', () => {
  const name = freshName();
  using first = SharedMemory.open(name, '4KB');
  using second = SharedMemory.open(name, 4096);
  expect(second.buffer).toBe(first.buffer);
  expect(() => SharedMemory.open(name, 4097)).toThrow(MismatchError);
  expect(first.size).toBe(4096);
});

test('an empty file (a maker that has not given it a size yet) is refused, not mapped', () => {
  const name = freshName();
  writeFileSync(`/dev/shm/${name}`, '');
  expect(() => SharedMemory.attach(name)).toThrow(MismatchError);
});

describe.runIf(has('python3'))('with Python', () => {
  test("multiprocessing's SharedMemory sees the same bytes", () => {
    const name = freshName();
    using memory = SharedMemory.create(name, 100);
    new Uint8Array(memory.buffer).set([1, 2, 3]);
    // Python's resource tracker would unlink a segment it only attached to (python/cpython#82300): unregister it.
    const program = `
from multiprocessing import shared_memory, resource_tracker
import sys
shm = shared_memory.SharedMemory(name=sys.argv[1])
resource_tracker.unregister(shm._name, 'shared_memory')
print(shm.size, list(shm.buf[0:3]))
shm.buf[3] = 44
shm.close()
`;
    expect(execFileSync('python3', ['-c', program, name], { encoding: 'utf8' }).trim()).toBe('100 [1, 2, 3]');
    expect(new Uint8Array(memory.buffer)[3]).toBe(44);
  });

  test('a segment made by Python is attached', () => {
    const name = freshName();
    const program = `
from multiprocessing import shared_memory, resource_tracker
import sys
shm = shared_memory.SharedMemory(name=sys.argv[1], create=True, size=64)
resource_tracker.unregister(shm._name, 'shared_memory')
shm.buf[0:5] = b'hello'
shm.close()
`;
    execFileSync('python3', ['-c', program, name]);
    using memory = SharedMemory.attach(name);
    expect(Buffer.from(memory.buffer, 0, 5).toString()).toBe('hello');
    unlink(name);
  });
});

describe.runIf(has('cc'))('with C', () => {
  test('shm_open and mmap see the same bytes', () => {
    const name = freshName();
    using memory = SharedMemory.create(name, 4096);
    new Uint8Array(memory.buffer).set([10, 20]);
    const folder = mkdtempSync(join(tmpdir(), 'isthmus-c-'));
    try {
      writeFileSync(
        join(folder, 'peer.c'),
        `#include <fcntl.h>
         #include <stdio.h>
         #include <sys/mman.h>
         int main(int argc, char **argv) {
           int fd = shm_open(argv[argc - 1], O_RDWR, 0);
           unsigned char *bytes = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
           printf("%d %d", bytes[0], bytes[1]);
           bytes[2] = bytes[0] + bytes[1];
           return 0;
         }`,
      );
      execFileSync('cc', ['-o', join(folder, 'peer'), join(folder, 'peer.c'), '-lrt']);
      expect(execFileSync(join(folder, 'peer'), [`/${name}`], { encoding: 'utf8' })).toBe('10 20');
      expect(new Uint8Array(memory.buffer)[2]).toBe(30);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
