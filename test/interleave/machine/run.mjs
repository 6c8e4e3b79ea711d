// node run.mjs JOB: one scenario in a process of its own. Prints one line of JSON.

import { Broken, Explorer } from './explorer.mjs';
import { lengthen } from './plans.mjs';

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
    const { plan, ...how } = job.schedule;
    explorer.run(lengthen(plan), { ...how, trace: true });
  } else {
    const most = Math.ceil((job.most ?? 30_000) * job.share);
    // A share of scenarios with a step for each store is a share of their points, too.
    const stride = job.share < 0.1 ? (job.stride ?? 1) : 1;
    const mostAfter = Math.ceil((job.mostCrash ?? 300) * job.share);
    const { ran, complete } = explorer.explore(job.bound, { most });
    Object.assign(result, { schedules: ran, complete });
    result.crashes = explorer.exploreCrashes(job.crashBound, { most: mostAfter, stride });
    result.crashSchedules = explorer.schedules - ran;
    if (job.stopBound !== undefined) {
      result.stops = explorer.exploreCrashes(job.stopBound, { most: mostAfter, stride, stop: true });
      result.stopSchedules = explorer.schedules - ran - result.crashSchedules;
    }
    result.random = Math.ceil(job.random * job.share);
    explorer.random(result.random, job.seed);
  }
} catch (error) {
  result.error = error.message;
  if (error instanceof Broken) result.replay = error.schedule;
  else result.error = error.stack;
}
result.seconds = Number(((performance.now() - began) / 1000).toFixed(1));
const { user, system } = process.cpuUsage();
result.processor = (user + system) / 1e6;
await explorer.end();
console.log(JSON.stringify(result));
process.exit(0);
