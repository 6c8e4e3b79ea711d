// Numbers drawn from a seed: the same words give the same sequence.

/** FNV-1a, then mulberry32. */
export function randomFrom(...words) {
  let state = 0x811c9dc5;
  for (const character of words.join('|')) {
    state = Math.imul(state ^ character.codePointAt(0), 0x01000193);
  }
  const unit = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n) => Math.floor(unit() * n);
  return {
    unit,
    below,
    chance: (share) => unit() < share,
    pick: (list) => list[below(list.length)],
    between: (least, most) => least + unit() * (most - least),
    /** As many small ones as large ones, in orders of magnitude. */
    scattered: (least, most) => least * (most / least) ** unit(),
  };
}
