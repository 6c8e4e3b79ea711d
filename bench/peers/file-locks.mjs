// Locks made of files: flock(2) through fs-ext, and proper-lockfile.

import { openSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pause, readLine, ready, say, timed } from '../lib/actor.mjs';
import { contended } from '../subjects/lock.mjs';

const require = createRequire(import.meta.url);

function flock(name) {
  const { flockSync } = require('fs-ext');
  const file = openSync(`/dev/shm/${name}`, 'a');
  return { acquire: () => flockSync(file, 'ex'), release: () => flockSync(file, 'un') };
}

function lockfile(name) {
  const { lockSync } = require('proper-lockfile');
  const path = `/dev/shm/${name}`;
  writeFileSync(path, '');
  const acquire = () => {
    for (;;) {
      try {
        return lockSync(path); // retries only exist in the asynchronous form
      } catch (error) {
        if (error.code !== 'ELOCKED') throw error;
        pause(1);
      }
    }
  };
  return { acquire, release: (unlock) => unlock() };
}

const make = ({ kind, name }) => (kind === 'flock' ? flock(name) : lockfile(name));

export function free(parameters) {
  const { acquire, release } = make(parameters);
  ready();
  return timed(parameters.count, (times) => {
    for (let n = 0; n < times; n++) release(acquire());
  });
}

export function contend(parameters) {
  const { acquire, release } = make(parameters);
  return contended(parameters.name, parameters.seconds, acquire, release);
}

export function holder({ name, ballast }) {
  const { acquire } = flock(name);
  const ballasts = [];
  for (let left = ballast; left > 0; left -= 2 ** 28) ballasts.push(Buffer.alloc(Math.min(left, 2 ** 28), 1));
  say('PREPARED');
  readLine();
  acquire();
  say('HELD');
  for (;;) pause(ballasts.length + 1000);
}

export function waiter({ name }) {
  const { acquire, release } = flock(name);
  while (readLine() !== undefined) {
    say('WAITING');
    acquire();
    say(`AT ${process.hrtime.bigint()} 0`);
    release();
  }
}
