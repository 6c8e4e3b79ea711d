// stream.pipeline carries 1 GB of bytes that no codec has seen from one process to another, through a Queue, a Pipe and
// their Web streams; the sums of both sides are compared. The share scales the bytes.

import { createHash, randomBytes } from 'node:crypto';
import { Pipe, Queue, SharedArray, unlink } from 'isthmus';
import { check, freshName, start } from './processes.mjs';

export const SUM_BYTES = 32;

/** Bytes that repeat with no period of a power of two, in pieces of changing length. */
export function* pieces(bytes, seed) {
  const pattern = Buffer.alloc(1_000_003);
  for (let at = 0, state = seed; at < pattern.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pattern[at] = state >>> 24;
  }
  for (let left = bytes, n = 0; left > 0; n++) {
    const length = Math.min(left, 1 + ((n * 7919) % 200_000));
    const from = (n * 104729) % (pattern.length - length);
    yield pattern.subarray(from, from + length);
    left -= length;
  }
}

export async function run({ report, share }) {
  const bytes = Math.round(1024 ** 3 * share);
  for (const kind of ['queue', 'pipe'])
    for (const web of [false, true])
      await report(
        `${(bytes / 1024 ** 2).toFixed(0)} MB through a ${web ? 'Web' : 'Node'} stream of a ${kind}`,
        () => carry(kind, web, bytes),
      );
}

async function carry(kind, web, bytes) {
  const name = freshName('pipelines');
  const open = { queue: () => Queue.create(name), pipe: () => undefined };
  const object = open[kind]();
  const sums = SharedArray.create(`${name}-sums`, 'u8', 2 * SUM_BYTES);
  const seed = randomBytes(4).readUInt32LE();
  const began = performance.now();
  try {
    const args = [name, kind, web ? 'web' : 'node', bytes, seed];
    const sides = ['read', 'write'].map((side) => start('pipelines-end.mjs', [side, ...args]));
    for (const side of sides) await side.done();
    const [sent, received] = [0, SUM_BYTES].map((at) => Buffer.from(sums.view.subarray(at, at + SUM_BYTES)));
    check(sent.equals(received) && !sent.equals(Buffer.alloc(SUM_BYTES)), 'the sums differ');
    return `${(bytes / 1e6 / ((performance.now() - began) / 1000)).toFixed(0)} MB/s, sha256 included`;
  } finally {
    object?.close();
    sums.close();
    for (const one of [name, `${name}-sums`]) unlink(one);
  }
}

export const hashOf = () => createHash('sha256');
export const openEnd = (name, kind) => (kind === 'pipe' ? Pipe.open(name) : Queue.attach(name));
