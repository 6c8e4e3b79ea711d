// What unrelated processes did to a list at once, with the times of each call on the clock that they share, must be explained
// by some order of the calls: M. Herlihy, J. Wing, "Linearizability", 1990.

import { SharedList, Value } from 'isthmus';
import { expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';
import { checkList } from './list-check.mjs';
import { type DoneOnList, explainsList, type ListCall } from './list-linear.mjs';

const LINEAR = new URL('./list-linear.mjs', import.meta.url).href;
const PROCESSES = 3;
const ROUNDS = 120;
/** Of each process, in each round. */
const CALLS = 6;

type Line = [round: number, what: ListCall, result: unknown, begin: bigint, end: bigint];

/** Every round begins when all are there; between two of them, one notes what is in the list. */
const player = (name: string, gate: string, me: number, seed: number) =>
  start(
    async ({ SharedList, Value }, { args, say }) => {
      const [names, me, seed, limits, path] = args as unknown as [
        string[],
        number,
        number,
        [number, number, number],
        string,
      ];
      const [rounds, calls, processes] = limits;
      const { callOn } = await new Function('path', 'return import(path)')(path);
      const list = SharedList.attach<string>(names[0]!);
      const gate = Value.attach(names[1]!);
      let state = seed;
      const below = (n: number): number => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        return (state >>> 8) % n;
      };
      let passed = 0;
      const together = () => {
        passed += processes;
        gate.add(1);
        gate.waitForSync((n) => Number(n) >= passed, { timeout: 30_000 });
      };
      // Others run meanwhile, also where there are fewer cores than processes.
      const nap = new Int32Array(new SharedArrayBuffer(4));
      const pause = () => below(2) === 0 && Atomics.wait(nap, 0, 0, 0.3);
      const lines: unknown[] = [];
      const states: unknown[] = [];
      for (let round = 0; round < rounds; round++) {
        if (me === 0) states.push(list.toArray());
        const mine = Array.from({ length: calls }, (_, n) => {
          const value = `${round}.${me}.${n}${'v'.repeat([0, 10, 500][below(3)]!)}`;
          const index = below(4);
          return [
            ['push', value],
            ['push', value, `${value}'`],
            ['unshift', value],
            ['pop'],
            ['shift'],
            ['splice', index, 2],
            ['splice', index, 1, value, `${value}"`],
            ['at', index],
            ['at', -1],
            ['length'],
            ['all'],
            ['reverse'],
            ['sort'],
            ['update', '+'],
            ['slice', 1, 3],
            ['indexOf', value],
          ][below(16)]!;
        });
        together();
        for (const what of mine) {
          const begin = process.hrtime.bigint();
          const result = callOn(list, what, pause);
          lines.push([round, what, result, begin, process.hrtime.bigint()]);
        }
        together();
      }
      say([lines, states]);
    },
    [name, gate],
    me,
    seed,
    [ROUNDS, CALLS, PROCESSES],
    LINEAR,
  );

test('what three processes did to a list at once happened in some order', async () => {
  const name = freshName('list');
  const list = SharedList.create<string>(name, { maxBytes: '4MB' });
  const gateName = freshName('gate');
  const gate = Value.create(gateName, 'i32');
  const seed = Date.now() & 0xffff;
  const peers = Array.from({ length: PROCESSES }, (_, me) => player(name, gateName, me, seed + me));
  const said = await Promise.all(peers.map((peer) => peer.said<[Line[], unknown[][]]>()));
  const states = [...said[0]![1], list.toArray()];
  let overlapping = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const history: DoneOnList[] = said
      .flatMap(([lines]) => lines)
      .filter(([of]) => of === round)
      .map(([, what, result, begin, end]) => ({ what, result, begin: Number(begin), end: Number(end) }));
    expect(history).toHaveLength(PROCESSES * CALLS);
    const [before, after] = [states[round]!, states[round + 1]!];
    const told = JSON.stringify({ seed, round, before, after, history });
    expect(explainsList(history, before, after), told).toBe(true);
    const sorted = [...history].sort((a, b) => a.begin - b.begin);
    if (sorted.some(({ begin }, n) => n > 0 && begin < sorted[n - 1]!.end)) overlapping++;
  }
  expect(overlapping).toBeGreaterThan(0);
  checkList(name);
  gate.close();
  list.close();
});

test('the judge finds what cannot be', () => {
  const call = (begin: number, end: number, what: ListCall, result: unknown): DoneOnList => ({
    begin,
    end,
    what,
    result,
  });
  const push = call(1, 4, ['push', 'b'], 2);
  expect(explainsList([push, call(2, 3, ['shift'], 'a')], ['a'], ['b'])).toBe(true);
  expect(explainsList([push, call(2, 3, ['pop'], 'b')], ['a'], ['a'])).toBe(true);
  expect(explainsList([push, call(5, 6, ['length'], 1)], ['a'], ['a', 'b'])).toBe(false);
  const shifts = [call(1, 3, ['shift'], 'a'), call(2, 4, ['shift'], 'a')];
  expect(explainsList(shifts, ['a', 'b'], ['b'])).toBe(false);
});
