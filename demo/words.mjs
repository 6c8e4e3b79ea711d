// What a word is, and how they are counted while the text comes in pieces. The counting process and the plain count in
// one process use the same rules.

/** Letters with their accents, and apostrophes between them: "don't" is one word, "'quoted'" is quoted. */
const WORD = /\p{L}\p{M}*(?:['’]?\p{L}\p{M}*)*/gu;

export class WordCounter {
  /** @type {Map<string, number>} */
  table = new Map();
  words = 0;
  lines = 0;
  bytes = 0;
  /** The end of the last piece, which may be the beginning of a word. */
  #rest = '';

  /** The next piece of a text. It may end within a word. */
  add(text) {
    this.bytes += Buffer.byteLength(text);
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.lines++;
    const end = lastSeparator(text) + 1;
    if (end === 0) {
      this.#rest += text;
      return;
    }
    this.#count(this.#rest + text.slice(0, end));
    this.#rest = text.slice(end);
  }

  /** The text ends here; what follows is another one. */
  endOfText() {
    this.#count(this.#rest);
    this.#rest = '';
  }

  #count(text) {
    for (const found of text.match(WORD) ?? []) {
      const word = found.toLowerCase();
      this.table.set(word, (this.table.get(word) ?? 0) + 1);
      this.words++;
    }
  }
}

/** Where the last character stands that can be part of no word (it is enough to look for one in ASCII); -1: nowhere. */
function lastSeparator(text) {
  for (let at = text.length - 1; at >= 0; at--) {
    const code = text.charCodeAt(at);
    const letter = (code | 32) >= 97 && (code | 32) <= 122;
    if (code < 128 && !letter && code !== 39) return at;
  }
  return -1;
}
