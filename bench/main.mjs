// node bench/main.mjs [SUITE…] [--quick] [--list] [--charts] [--document] [--repetitions=N] [--seconds=S]
// Measures the suites (all of them), prints tables and keeps the figures in bench/results/latest.json.

import { parseArgs } from 'node:util';
import { environment, describe as inWords } from './lib/environment.mjs';
import { wanted } from './lib/format.mjs';
import { install } from './lib/install.mjs';
import { findPeers, missingPeers } from './lib/peers.mjs';
import { progress } from './lib/progress.mjs';
import { stopRedis } from './lib/redis.mjs';
import { readResults, saveSuite } from './lib/results.mjs';
import { runPoint } from './lib/run.mjs';
import { pointTable } from './lib/table.mjs';

const NAMES = [
  'spsc',
  'sizes',
  'roundtrip',
  'lock',
  'takeover',
  'value',
  'queue',
  'map',
  'attach',
  'waits',
  'idle',
  'growth',
];

const HELP = `npm run bench -- [SUITE…] [options]

Suites: ${NAMES.join(', ')} (all of them)

  --quick            less time for each figure, fewer sizes
  --list             what is measured, with the goals, and nothing else
  --charts           draw docs/charts/*.svg from the last figures, measure nothing
  --document         write the last figures into docs/performance.md, measure nothing
  --repetitions=N    of each figure, 5 unless told otherwise
  --seconds=S        for each repetition of what can be repeated, 0.15 (--quick: 0.08)`;

const options = {
  quick: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  charts: { type: 'boolean', default: false },
  document: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  repetitions: { type: 'string', default: '5' },
  seconds: { type: 'string' },
};

class Problem extends Error {}

const COLOURS = { bold: 1, dim: 2, red: 31, green: 32 };
const paint = (colour, text) => (process.stdout.isTTY ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text);

try {
  await main(parseArgs({ options, allowPositionals: true }));
} catch (error) {
  const usage = error.code?.startsWith('ERR_PARSE_ARGS') ? `\n\n${HELP}` : '';
  // A mistake of the user's needs no stack; one of ours does.
  console.error(`bench: ${usage !== '' || error instanceof Problem ? error.message + usage : error.stack}`);
  process.exitCode = 1;
}

async function main({ values, positionals }) {
  const unknown = positionals.find((name) => !NAMES.includes(name));
  if (unknown !== undefined || values.help) {
    if (unknown !== undefined) process.exitCode = 1;
    console.log(unknown === undefined ? HELP : `bench: there is no suite "${unknown}"\n\n${HELP}`);
    return;
  }
  const repetitions = positive(values.repetitions, 'repetitions');
  const seconds = positive(values.seconds ?? (values.quick ? '0.08' : '0.15'), 'seconds');
  const scope = { quick: values.quick, repetitions };
  const names = positionals.length > 0 ? NAMES.filter((name) => positionals.includes(name)) : NAMES;
  const suites = await Promise.all(names.map(async (name) => (await import(`./suites/${name}.mjs`)).default));
  if (values.list) return list(suites, scope);
  install();
  if (!values.charts && !values.document) {
    await measure(suites, { ...scope, seconds });
    if (positionals.length > 0) return;
  }
  if (readResults().suites.length === 0)
    throw new Problem('there are no figures yet: run it without --charts and --document');
  const { drawCharts, writeDocument } = await drawing();
  if (values.document) writeDocument(readResults());
  else await drawCharts(readResults());
}

/** What draws may not be installed: measuring works without. */
async function drawing() {
  try {
    return { ...(await import('./lib/charts.mjs')), ...(await import('./lib/document.mjs')) };
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Problem(
      `no charts: ${error.message.split('\n')[0]}; the figures are in bench/results/latest.json`,
    );
  }
}

function positive(text, what) {
  const number = Number(text);
  if (number > 0) return number;
  throw new Problem(`--${what}: a number above 0 expected, not "${text}"`);
}

function list(suites, scope) {
  for (const { name, title, points } of suites) {
    console.log(`${name}: ${title}`);
    for (const point of points(scope)) {
      console.log(`  ${point.title}`);
      for (const goal of point.goals ?? []) console.log(`    goal: ${goal.subject}: ${wanted(goal)}`);
    }
  }
}

async function measure(suites, { quick, repetitions, seconds }) {
  const found = environment();
  console.log(inWords(found));
  const peers = await findPeers();
  for (const line of missingPeers(peers)) console.log(paint('dim', `left out: ${line}`));
  const plans = suites.map((suite) => ({ ...suite, points: suite.points({ quick, repetitions }) }));
  const bar = await progress(plans.reduce((sum, { points }) => sum + points.length, 0));
  const began = performance.now();
  try {
    for (const { name, title, points } of plans) {
      const done = [];
      for (const point of points) {
        const result = await runPoint(point, { peers, repetitions, seconds, step: bar.step });
        done.push(result);
        bar.done();
        console.log(`\n${pointTable(result, paint)}`);
      }
      const about = { environment: environment(), missing: missingPeers(peers), quick, repetitions, seconds };
      saveSuite({ name, title, ...about, points: done }, NAMES);
    }
  } finally {
    bar.clear();
    await stopRedis();
  }
  console.log(
    `\n${((performance.now() - began) / 60_000).toFixed(1)} minutes. Figures: bench/results/latest.json`,
  );
}
