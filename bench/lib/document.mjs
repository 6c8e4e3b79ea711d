// The figures in docs/performance.md, between two marks; everything else in it is written by hand.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chartsOf } from './charts.mjs';
import { describe } from './environment.mjs';
import { goalsMarkdown, pointMarkdown } from './table.mjs';

const FILE = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));

export function writeDocument({ suites }) {
  let text = readFileSync(FILE, 'utf8');
  text = replaced(text, 'goals', `${ranOn(suites)}\n\n${goalsMarkdown(suites)}`);
  text = replaced(text, 'figures', suites.map(figures).join('\n\n'));
  writeFileSync(FILE, text);
  console.log('docs/performance.md holds the last figures now');
}

function replaced(text, mark, content) {
  const pattern = new RegExp(`(<!-- ${mark} -->\n)[^]*?(<!-- end of ${mark} -->)`);
  if (!pattern.test(text)) throw new Error(`docs/performance.md has no place for ${mark}`);
  return text.replace(pattern, (_, before, after) => `${before}\n${content}\n\n${after}`);
}

/** Suites of one run have the same machine and much the same time; those of several are told apart. */
function ranOn(suites) {
  const runs = new Map();
  for (const { name, environment, missing, quick, repetitions, seconds } of suites) {
    const { date: _date, load: _load, ...machine } = environment;
    const key = JSON.stringify([machine, missing, quick, repetitions, seconds]);
    if (!runs.has(key)) runs.set(key, { environment, missing, quick, repetitions, seconds, names: [] });
    runs.get(key).names.push(name);
  }
  return [...runs.values()]
    .map(({ environment, missing, quick, repetitions, seconds, names }) =>
      [
        `\`npm run bench -- ${names.join(' ')}${quick ? ' --quick' : ''}\`: ${repetitions} repetitions of ${seconds} s.`,
        `${describe(environment)}.`,
        ...(missing.length > 0 ? [`Left out: ${missing.join('; ')}.`] : []),
      ].join('\n'),
    )
    .join('\n\n');
}

function figures(suite) {
  const charts = chartsOf([suite]).map(({ file, title }) => `![${plain(title)}](charts/${file})`);
  return [`### ${suite.title}`, ...charts, ...suite.points.map(pointMarkdown)].join('\n\n');
}

/** A text that may stand between the brackets of a picture. */
function plain(text) {
  return text.replace(/[[\]]/g, '\\$&');
}
