// A raw segment between Node.js and Python (shared_memory.py, beside this file). Run: node shared-memory.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SharedMemory, unlink } from 'isthmus';

// The layout both programs agree on: int32 state at 0, int32 length at 4, text from 8 on.
const EMPTY = 0;
const ASKED = 1;
const memory = SharedMemory.create('example-memory', '4KB');
const words = new Int32Array(memory.buffer);
const bytes = Buffer.from(memory.buffer);
console.log(`${memory.name} has ${memory.size} bytes, state ${words[0] === EMPTY ? 'empty' : words[0]}`);

words[1] = bytes.write('hello from node', 8);
Atomics.store(words, 0, ASKED); // last: whoever sees it sees the text

const python = spawn('python3', [fileURLToPath(new URL('shared_memory.py', import.meta.url))], {
  stdio: 'inherit',
});
try {
  const [code] = await once(python, 'exit'); // rejects if there is no python3
  console.log(`python answered: ${bytes.toString('utf8', 8, 8 + words[1])}`);
  process.exitCode = code;
} catch (error) {
  console.log(`python3 did not start (${error.code}), so nobody answers`);
}

memory.close();
unlink('example-memory');
