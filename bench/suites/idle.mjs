// What pending waits cost while nothing happens: CPU time of the process for each second.

import { side } from '../lib/contenders.mjs';
import { freshName, together } from '../lib/processes.mjs';

const COUNTS = [1, 100, 1000];

function idle(label, waits, role) {
  return {
    label,
    role,
    fixed: true,
    async run({ seconds }) {
      const parameters = { name: freshName('idle'), waits, seconds: Math.max(1, 12 * seconds) };
      const [{ cpu, ns }] = await together([side('subjects/waits.mjs', 'idle', parameters)({})]);
      return (cpu / ns) * 1e9;
    },
  };
}

export default {
  name: 'idle',
  title: 'Idle',
  points: ({ quick }) => [
    {
      id: 'idle',
      title: 'CPU time of a process in which nothing happens',
      unit: 'second',
      contenders: [
        ...(quick ? [1, 1000] : COUNTS).map((waits) =>
          idle(`${waits.toLocaleString('en')} pending`, waits, 'subject'),
        ),
        idle('a timer far away', 0, 'limit'),
      ],
      // "not measurable": a thousandth of a core, above what Node itself takes.
      goals: [1, 1000].map((waits) => ({
        subject: `${waits.toLocaleString('en')} pending`,
        against: 'a timer far away',
        plus: 1e6,
      })),
    },
  ],
};
