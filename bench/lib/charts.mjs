// docs/charts/*.svg from the figures, drawn by Vega (no browser needed): what was measured at one point as dots with their
// spread, what grows as lines. The limit is drawn in grey.

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as vega from 'vega';
import * as vegaLite from 'vega-lite';
import { dots, lines } from './chart-specs.mjs';

const FOLDER = fileURLToPath(new URL('../../docs/charts/', import.meta.url));

/** Of each group of points: title, axis. */
const GROUPS = {
  sizes: {
    title: 'One message by its size, one way between two processes',
    axis: 'bytes of a message',
    x: 'log2',
  },
  takeover: {
    title: 'From SIGKILL to the next holder, by the memory of the killed one',
    axis: 'MB',
    x: 'linear',
  },
  waits: { title: 'Waking one of many pending waits', axis: 'pending waits', x: 'log' },
  'processes-add': { title: 'Processes that add to one value: an addition', axis: 'processes', x: 'linear' },
  'processes-lock': { title: 'Processes that want one lock: a handover', axis: 'processes', x: 'linear' },
  'processes-queue': { title: 'Processes at one queue: a message', axis: 'processes', x: 'linear' },
  'map-few': { title: 'get from a map, the same 128 keys', axis: 'entries', x: 'log' },
  'map-all': { title: 'get from a map, keys at random', axis: 'entries', x: 'log' },
};

/** Every chart there are figures for: { file, title }. */
export async function drawCharts({ suites }) {
  mkdirSync(FOLDER, { recursive: true });
  const drawn = chartsOf(suites);
  for (const { file, spec } of drawn) {
    const view = new vega.View(vega.parse(vegaLite.compile(spec, { logger: quiet() }).spec), {
      renderer: 'none',
    });
    writeFileSync(`${FOLDER}${file}`, `${await view.toSVG()}\n`);
    view.finalize();
  }
  console.log(`${drawn.length} charts in docs/charts`);
}

const quiet = () => vega.logger(vega.Error);

export function chartsOf(suites) {
  const charts = [];
  const groups = new Map();
  for (const { name, points } of suites) {
    for (const point of points) {
      if (point.chart === undefined) {
        const rows = point.rows.filter(({ median }) => median > 0);
        const { title, unit, id } = point;
        if (rows.length > 1)
          charts.push({ suite: name, file: `${id}.svg`, title, spec: dots(title, unit, rows) });
      } else {
        if (!groups.has(point.chart)) groups.set(point.chart, { suite: name, unit: point.unit, rows: [] });
        for (const row of point.rows)
          if (row.median > 0)
            groups
              .get(point.chart)
              .rows.push({ ...row, x: row.x ?? point.x, series: row.series ?? row.label });
      }
    }
  }
  for (const [key, { suite, unit, rows }] of groups) {
    const group = GROUPS[key];
    if (new Set(rows.map(({ x }) => x)).size < 2) continue;
    charts.push({ suite, file: `${key}.svg`, title: group.title, spec: lines(group, unit, rows) });
  }
  return charts;
}
