// Attaching to what exists; loading the package.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { background, native, oneWay, side } from '../lib/contenders.mjs';

const SUBJECT = 'subjects/attach.mjs';
const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const KINDS = { value: 'Value', lock: 'Lock', spsc: 'SpscQueue', map: 'SharedMap' };

const attaching = (label, kind, options) =>
  oneWay(label, { most: 2000, ...options }, side(SUBJECT, 'attach', { kind }));

function segments() {
  const key = { key: 1 + Math.floor(Math.random() * 1e9) };
  return oneWay(
    'shm-typed-array',
    { most: 2000, needs: 'shm-typed-array' },
    background(side(SUBJECT, 'keepSegment', key)),
    side(SUBJECT, 'attach', { kind: 'shm-typed-array', ...key }),
  );
}

/** From starting a process with a script to its end; some of them in a row. */
function loading(label, role, ...args) {
  return {
    label,
    role,
    fixed: true,
    async run() {
      const began = performance.now();
      const times = 5;
      for (let n = 0; n < times; n++) {
        const child = spawn(process.execPath, args, { stdio: 'ignore' });
        const code = await new Promise((resolve) => child.on('close', resolve));
        if (code !== 0) throw new Error(`it ended with ${code}`);
      }
      return ((performance.now() - began) / times) * 1e6;
    },
  };
}

const MODULE = '--input-type=module';

export default {
  name: 'attach',
  title: 'Attaching and loading',
  points: () => [
    {
      id: 'attach',
      title: 'attaching to an existing object and closing it',
      unit: 'attach',
      contenders: [
        ...Object.entries(KINDS).map(([kind, label]) =>
          attaching(`isthmus ${label}`, kind, { role: 'subject' }),
        ),
        oneWay('C++ shm_open, mmap', { role: 'limit', needs: 'locks' }, native('locks', { role: 'attach' })),
        segments(),
        attaching('lmdb', 'lmdb', { needs: 'lmdb' }),
      ],
      goals: Object.values(KINDS).map((label) => ({ subject: `isthmus ${label}`, atMost: 150_000 })),
    },
    {
      id: 'load',
      title: 'a script that loads the package, start to end',
      unit: 'process',
      contenders: [
        loading('isthmus require', 'subject', '-e', `require(${JSON.stringify(`${DIST}index.js`)})`),
        loading('isthmus import', 'subject', MODULE, '-e', `import ${JSON.stringify(`${DIST}index.mjs`)}`),
        loading('empty script', 'limit', '-e', '0'),
        loading('empty module', 'limit', MODULE, '-e', '0'),
      ],
      goals: [
        { subject: 'isthmus require', against: 'empty script', plus: 10e6 },
        { subject: 'isthmus import', against: 'empty module', plus: 10e6 },
      ],
    },
  ],
};
