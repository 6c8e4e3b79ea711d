// What unrelated processes did to a map at once, with the times of each call on the clock that they share, must be explained
// by some order of the calls. Keys are independent, so each key's history is judged by itself (M. Herlihy, J. Wing,
// "Linearizability", 1990: locality).

import { SharedMap, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';
import { checkMap } from './heap-check.mjs';
import { type Call, type Done, explains, mapModel, textOf, UNKNOWN } from './linear.mjs';

const LINEAR = new URL('./linear.mjs', import.meta.url).href;
const PROCESSES = 3;
/** Of each process. */
const CALLS = 1500;

/** A call, its result, and when it began and ended (ns). */
type Line = [what: Call, result: unknown, begin: bigint, end: bigint];

/** Makes calls drawn at random, as soon as all are there. */
const player = (name: string, gate: string, seed: number) =>
  start(
    async ({ SharedMap, Value }, { args, say }) => {
      const [names, seed, [calls, processes], path] = args as unknown as [string[], number, number[], string];
      const { callOn } = await new Function('path', 'return import(path)')(path);
      const map = SharedMap.attach(names[0]!);
      const gate = Value.attach(names[1]!);
      let state = seed;
      const below = (n: number): number => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        return (state >>> 8) % n;
      };
      const value = () => ['x', 'y', 'z'.repeat(100), 'w'.repeat(2000)][below(4)];
      const draw = (key: string): unknown[] => {
        const [what, ...rest] = [
          ['get'],
          ['get'],
          ['set', value()],
          ['delete'],
          ['update', ['1', '2', null][below(3)]],
          ['cas', [null, 'x', 'y'][below(3)], [null, 'x', value()][below(3)]],
          ['compute', value()],
          ['has'],
        ][below(8)]!;
        return [what, key, ...rest];
      };
      const lines: unknown[] = [];
      // Others run meanwhile, also where there are fewer cores than processes.
      const nap = new Int32Array(new SharedArrayBuffer(4));
      const pause = () => below(4) === 0 && Atomics.wait(nap, 0, 0, 0.3);
      gate.add(1);
      gate.waitForSync((n) => n === processes, { timeout: 30_000 });
      for (let n = 0; n < calls!; n++) {
        const what = below(8) === 0 ? ['add', 'n', below(5)] : draw(`k${below(2)}`);
        const begin = process.hrtime.bigint();
        const result = callOn(map, what, pause);
        lines.push([what, result, begin, process.hrtime.bigint()]);
      }
      say(lines);
    },
    [name, gate],
    seed,
    [CALLS, PROCESSES],
    LINEAR,
  );

/** The keys whose histories nothing explains. */
function unexplained(lines: readonly Line[], map: SharedMap): [string, Done[]][] {
  const byKey = new Map<string, Done[]>();
  for (const [what, result, begin, end] of lines) {
    const key = what[1] as string;
    if (!byKey.has(key)) byKey.set(key, []);
    byKey.get(key)!.push({ what, result, begin: Number(begin), end: Number(end) });
  }
  return [...byKey].filter(([key, history]) => {
    const final = map.get(key);
    return !explains(history, mapModel([]), textOf(final === undefined ? [] : [[key, final]]));
  });
}

test('what three processes did to a few keys at once happened in some order', async () => {
  const name = freshName('map');
  using map = SharedMap.create(name, { maxBytes: '4MB' });
  const gateName = freshName('gate');
  Value.create(gateName, 'i32').close();
  const seed = Date.now() & 0xffff;
  const peers = Array.from({ length: PROCESSES }, (_, n) => player(name, gateName, seed + n));
  const lines = (await Promise.all(peers.map((peer) => peer.said<Line[]>()))).flat();
  expect(unexplained(lines, map), `seed ${seed}`).toEqual([]);
  expect(lines.length).toBe(PROCESSES * CALLS);
  // A history without calls that overlap proves little.
  const all = lines.sort((a, b) => Number(a[2] - b[2]));
  const overlapping = all.filter(([, , begin], n) => n > 0 && all[n - 1]![3] > begin).length;
  expect(overlapping).toBeGreaterThan(50);
  checkMap(name);
});

describe('the judge', () => {
  const call = (begin: number, end: number, what: Call, result: unknown): Done => ({
    begin,
    end,
    what,
    result,
  });
  const holds = (history: Done[], final?: string) => explains(history, mapModel([['k', 'a']]), final);

  test('lets calls that overlap come in either order, and others not', () => {
    const set = call(1, 4, ['set', 'k', 'b'], 'done');
    expect(holds([set, call(2, 3, ['get', 'k'], 'a')])).toBe(true);
    expect(holds([set, call(2, 3, ['get', 'k'], 'b')])).toBe(true);
    expect(holds([set, call(5, 6, ['get', 'k'], 'a')])).toBe(false);
    expect(holds([set, call(2, 3, ['get', 'k'], 'c')])).toBe(false);
  });

  test('finds that one read the new value and a later one the old one', () => {
    const set = call(1, 9, ['set', 'k', 'b'], 'done');
    const [early, late] = [call(2, 3, ['get', 'k'], 'b'), call(4, 5, ['get', 'k'], 'a')];
    expect(holds([set, early, late])).toBe(false);
    expect(holds([set, { ...early, result: 'a' }, { ...late, result: 'b' }])).toBe(true);
  });

  test('finds a lost addition, and two who both compared and set', () => {
    const adds = [1, 2].map((n) => call(n, 9, ['add', 'n', 1], 1));
    expect(holds(adds)).toBe(false);
    const both = [1, 2].map((n) => call(n, 9, ['cas', 'k', 'a', 'b'], true));
    expect(holds(both)).toBe(false);
  });

  test('does not know whether a call that did not return was made', () => {
    const set = call(1, Number.POSITIVE_INFINITY, ['set', 'k', 'b'], UNKNOWN);
    expect(holds([set], textOf([['k', 'a']]))).toBe(true);
    expect(holds([set], textOf([['k', 'b']]))).toBe(true);
    expect(holds([set], textOf([]))).toBe(false);
  });
});
