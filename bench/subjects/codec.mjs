// The default codec alone, in one process: what no transport can save.

import { createRequire } from 'node:module';
import { ready, timed } from '../lib/actor.mjs';
import { smallObject } from '../lib/messages.mjs';

// The package's own copy, with the options of lib/messages/codecs.ts.
const { Packr } = createRequire(new URL('../../package.json', import.meta.url))('msgpackr');
const packr = new Packr({ structuredClone: true, moreTypes: true, copyBuffers: true });
const REUSE_AND_RESET = 512 | 1024;

let sum = 0;

export function encode({ count }) {
  ready();
  const found = timed(count, (times) => {
    for (let n = 0; n < times; n++) sum += packr.pack(smallObject(n), REUSE_AND_RESET).length;
  });
  return { ...found, sum };
}

export function decode({ count }) {
  const packed = packr.pack(smallObject(1));
  ready();
  const found = timed(count, (times) => {
    for (let n = 0; n < times; n++) sum += packr.unpack(packed, packed.length).value;
  });
  return { ...found, sum };
}
