// node run.mjs JOB: one scenario in a process of its own. Prints one line of JSON.

import { Broken, Explorer, lengthen } from './explorer.mjs';

const job = JSON.parse(process.argv[2]);
const file = new URL(`../scenarios/${job.file}.mjs`, import.meta.url).href;
const { default: describe } = await import(file);
const scenario = describe(job.variant);
const explorer = new Explorer(scenario, { dist: job.dist, file, variant: job.variant });
const began = performance.now();
const result = {
  file: job.file,
  what: job.what ?? job.file,
  variant: job.variant,
  actors: scenario.actors.length,
  bound: job.bound,
};
await explorer.begin();
try {
  if (job.schedule !== undefined) {
    explorer.run(lengthen(job.schedule.plan), { crash: job.schedule.crash, trace: true });
  } else {
    const most = Math.ceil((job.most ?? 30_000) * job.share);
    result.schedules = explorer.explore(job.bound, { most }).ran;
    const before = explorer.schedules;
    result.points = explorer.exploreCrashes(job.crashBound, {
      most: Math.ceil((job.mostCrash ?? 300) * job.share),
    });
    result.crashSchedules = explorer.schedules - before;
    result.random = Math.ceil(job.random * job.share);
    explorer.random(result.random, 20_261_124);
  }
} catch (error) {
  result.error = error.message;
  if (error instanceof Broken) result.replay = error.schedule;
  else result.error = error.stack;
}
result.seconds = Number(((performance.now() - began) / 1000).toFixed(1));
await explorer.end();
console.log(JSON.stringify(result));
process.exit(0);
