/** The order in which `sort` puts values. */

/** How two values compare, as `Array.prototype.sort` takes it. */
export type Compare<T> = (a: T, b: T) => number;

/** The positions of values in their new order: by `compare`, or as strings, like an Array's; equal ones stay as they are. */
export function sortedPositions<T>(values: readonly T[], compare: Compare<T> | undefined): number[] {
  const positions = values.map((_, n) => n);
  if (compare !== undefined) return positions.sort((a, b) => compare(values[a]!, values[b]!));
  const texts = values.map(String);
  return positions.sort((a, b) => {
    const [one, other] = [texts[a]!, texts[b]!];
    return one < other ? -1 : one > other ? 1 : 0;
  });
}
