// Figures for people.

/** 12.3 ns, 4.56 µs, 789 ms */
export function time(ns) {
  const [unit, size] = ns < 1e3 ? ['ns', 1] : ns < 1e6 ? ['µs', 1e3] : ns < 1e9 ? ['ms', 1e6] : ['s', 1e9];
  return `${digits(ns / size)} ${unit}`;
}

/** Three digits that count. */
export function digits(value) {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}

export function rate(ns) {
  const each = 1e9 / ns;
  return each >= 1e6
    ? `${digits(each / 1e6)} M/s`
    : each >= 1e3
      ? `${digits(each / 1e3)} k/s`
      : `${digits(each)} /s`;
}

/** "at most 5 × C++ ring" */
export function wanted({ against: peers, ratio, plus, atMost, note }) {
  const against = Array.isArray(peers) ? `the slower of ${peers.join(', ')}` : peers;
  if (note !== undefined) return `${note} at most ${atMost}`;
  if (atMost !== undefined) return `at most ${time(atMost)}`;
  if (plus !== undefined) return `at most ${time(plus)} more than ${against}`;
  return ratio >= 1
    ? `at most ${digits(ratio)} × ${against}`
    : `1/${Number((1 / ratio).toFixed(2))} of ${against}`;
}

/** The same figure as in `wanted`, as it was found. */
export function reached({ reached: found, spread, ratio, plus, note }) {
  if (found === undefined) return 'not measured';
  if (note !== undefined) return digits(found);
  if (ratio === undefined)
    return plus === undefined ? time(found) : `${found < 0 ? '-' : ''}${time(Math.abs(found))}`;
  const as = (value) => (ratio >= 1 || value >= 1 ? digits(value) : `1/${digits(1 / value)}`);
  return `${as(found)} (${[spread.least, spread.most].map(as).join(' … ')})`;
}

/** With a question mark if the spread lies on both sides of the goal: the run cannot tell. */
export function verdict({ met, spread, ratio }) {
  if (met === undefined) return 'left out';
  const open = spread !== undefined && spread.least <= ratio && spread.most > ratio;
  return `${met ? 'met' : 'MISSED'}${open ? '?' : ''}`;
}
