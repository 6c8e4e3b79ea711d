// node pipelines-end.mjs SIDE NAME KIND WAY BYTES SEED: one side of a pipeline; writes the sum of what went through it.

import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SharedArray } from 'isthmus';
import { hashOf, openEnd, pieces, SUM_BYTES } from './pipelines.mjs';

const [side, name, kind, way, bytes, seed] = process.argv.slice(2);
const object = openEnd(name, kind);
const sum = hashOf();
if (side === 'write') {
  async function* counted() {
    for (const piece of pieces(Number(bytes), Number(seed))) {
      sum.update(piece);
      yield piece;
    }
  }
  if (way === 'web') await ReadableStream.from(counted()).pipeTo(object.webWritable());
  else await pipeline(Readable.from(counted(), { objectMode: false }), object.writable());
} else {
  const sink = new Writable({
    write(chunk, _encoding, done) {
      sum.update(chunk);
      done();
    },
  });
  if (way === 'web') await object.webReadable().pipeTo(Writable.toWeb(sink));
  else await pipeline(object.readable(), sink);
}
const sums = SharedArray.attach(`${name}-sums`);
sums.view.set(sum.digest(), side === 'write' ? 0 : SUM_BYTES);
sums.close();
object.close();
