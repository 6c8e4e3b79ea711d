// The object's memory as it was made: each schedule begins with it.

import { openSync, readFileSync, writeSync } from 'node:fs';
import { MOST_ACTORS } from './control.mjs';

export class Image {
  #fd;
  #parts;

  /**
   * `payload`: so many bytes of it, or which: [[offset, bytes], …].
   *
   * Taken when all actors are attached: their slots and marks are part of it.
   */
  constructor(isthmus, name, { words = 1024, payload = Number.POSITIVE_INFINITY }) {
    const { header } = isthmus.inspect(name);
    const { wordsOffset, rosterOffset, marksOffset, participants, payloadOffset, payloadBytes } = header;
    const file = readFileSync(`/dev/shm/${name}`);
    this.#parts = [
      [wordsOffset, words],
      [rosterOffset, Math.min(participants, MOST_ACTORS + 1) * 64],
      ...Array.from({ length: MOST_ACTORS + 1 }, (_, slot) => [marksOffset + slot * 4096 + 4088, 4]),
      ...(Array.isArray(payload)
        ? payload.map(([offset, bytes]) => [payloadOffset + offset, bytes])
        : [[payloadOffset, Math.min(payloadBytes, payload)]]),
    ]
      .filter(([, bytes]) => bytes > 0)
      .map(([offset, bytes]) => [offset, Buffer.from(file.subarray(offset, offset + bytes))]);
    this.#fd = openSync(`/dev/shm/${name}`, 'r+');
  }

  restore() {
    for (const [offset, bytes] of this.#parts) writeSync(this.#fd, bytes, 0, bytes.length, offset);
  }
}
