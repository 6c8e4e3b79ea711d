// npm run fuzz [-- --minutes N] [-- --seed S] [-- --only=lock,spsc] [-- --families=before,during,storm]
// npm run fuzz -- --replay='{"family":…}'       (printed with every failure)
//
// Bytes of objects are overwritten, before and while they are used; every call must give the right answer, a documented
// error, or a wait that ends. kinds.mjs has the calls, scribbles.mjs what is written, victim.mjs runs a case.

import { parseArgs } from 'node:util';
import { FAMILIES, hold, Victim } from './cases.mjs';
import { KINDS } from './kinds.mjs';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    only: { type: 'string', default: '' },
    families: { type: 'string', default: Object.keys(FAMILIES).join() },
    replay: { type: 'string' },
  },
});

const victim = new Victim();
let failed = 0;

async function replay({ family, kind, seed, path }) {
  console.log(
    (await hold(victim, family, kind, { seed, path, numRuns: 1, trace: true, endOnFailure: true })) ??
      'holds',
  );
}

/** Round after round, each with the next seed, until the time is over. */
async function run() {
  const kinds = Object.keys(KINDS).filter((kind) =>
    options.only.split(',').some((only) => kind.startsWith(only)),
  );
  const families = options.families.split(',');
  const deadline = performance.now() + Number(options.minutes) * 60_000;
  const count = new Map();
  const runs = { before: 50, during: 50, storm: 2 };
  let seed = Number(options.seed);
  console.log(`Node ${process.version}, seed ${seed}: ${kinds.length} kinds`);
  for (; performance.now() < deadline; seed++) {
    for (const kind of kinds) {
      for (const family of families) {
        if (performance.now() >= deadline) break;
        const before = victim.cases;
        const broken = await hold(victim, family, kind, { seed, numRuns: runs[family], ms: 500 });
        const key = `${family} ${kind}`;
        count.set(key, (count.get(key) ?? 0) + victim.cases - before);
        if (broken === undefined) continue;
        failed++;
        console.log(`\n${broken}\n`);
      }
    }
  }
  for (const [key, cases] of [...count].sort())
    console.log(`${key.padEnd(40)} ${String(cases).padStart(8)} cases`);
  console.log(
    failed === 0
      ? `fuzz passed: ${victim.cases} cases, ${victim.attached} of them attached`
      : `fuzz FAILED: ${failed} failures`,
  );
}

if (options.replay !== undefined) await replay(JSON.parse(options.replay));
else await run();
await victim.stop();
process.exit(failed === 0 ? 0 : 1);
