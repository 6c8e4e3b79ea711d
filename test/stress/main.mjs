// npm run stress [-- --only=messages,takeovers,…] [-- --share=0.1]
//
// The heavy loads that a test run has no time for, from separate scripts. Each module says what it does at its top.

import { readdirSync } from 'node:fs';

const MODULES = ['messages', 'takeovers', 'ledger', 'streams', 'queue', 'lifetimes', 'pipelines', 'maps'];

const option = (name, otherwise) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;
/** How much of everything: a little, to try the runs themselves out. */
const share = Number(option('share', 1));
const only = option('only', MODULES.join()).split(',');

let failed = 0;

/** Runs one load; what it returns is told. */
async function report(what, work) {
  const began = performance.now();
  let result;
  try {
    result = `ok      ${await work()}`;
  } catch (error) {
    failed++;
    result = `FAILED  ${error.stack}`;
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${what.padEnd(58)} ${seconds.padStart(7)} s  ${result}`);
}

console.log(`Node ${process.version}, ${new Date().toISOString()}`);
for (const name of only) {
  if (!MODULES.includes(name)) throw new Error(`no module '${name}'; there are: ${MODULES.join(', ')}`);
  const { run } = await import(`./${name}.mjs`);
  await run({ option, report, share });
}
const left = readdirSync('/dev/shm').filter((file) => file.includes(`-${process.pid}-`)); // see freshName
if (left.length > 0) console.log(`left in /dev/shm: ${left.join(', ')}`);
console.log(failed === 0 && left.length === 0 ? 'stress passed' : 'stress FAILED');
process.exit(failed === 0 && left.length === 0 ? 0 : 1);
