/** Cuts a stream of bytes into lines, keeping every byte. */

const NEWLINE = 10;

export class LineCutter {
  readonly #most: number;
  /** The beginning of a line whose end has not come yet; copies, for chunks are reused. */
  #parts: Uint8Array[] = [];
  #held = 0;

  /** @param most a line longer than this is cut into pieces of this length */
  constructor(most: number) {
    this.#most = most;
  }

  /** The lines that end in this chunk, with their newlines, and full pieces of longer ones. */
  cut(chunk: Buffer): Uint8Array[] {
    const lines: Uint8Array[] = [];
    for (let at = 0; at < chunk.length; ) {
      const window = chunk.subarray(at, at + this.#most - this.#held);
      const newline = window.indexOf(NEWLINE);
      const piece = newline < 0 ? window : window.subarray(0, newline + 1);
      at += piece.length;
      if (newline >= 0 || this.#held + piece.length === this.#most) lines.push(this.#complete(piece));
      else this.#hold(piece);
    }
    return lines;
  }

  /** What is left after the last chunk: a last line without a newline, or nothing. */
  rest(): Uint8Array[] {
    return this.#held === 0 ? [] : [this.#complete(Buffer.alloc(0))];
  }

  #complete(piece: Uint8Array): Uint8Array {
    if (this.#held === 0) return piece;
    const line = Buffer.concat([...this.#parts, piece]);
    this.#parts = [];
    this.#held = 0;
    return line;
  }

  #hold(piece: Uint8Array): void {
    this.#parts.push(Uint8Array.prototype.slice.call(piece));
    this.#held += piece.length;
  }
}
