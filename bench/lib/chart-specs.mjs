// Vega-Lite specifications. The background is transparent and every colour of middle lightness, so that they can be read
// on a light page and on a dark one.

const INK = '#848d97';
const SUBJECTS = ['#e8590c', '#d9a406', '#d6336c', '#b5651d'];
const LIMIT = '#848d97';
const PEERS = ['#3b82c4', '#2f9e6e', '#9b6bd3', '#0f9fb3', '#7a9a01', '#c2528b', '#5c7cfa', '#a0703c'];

/** Times in ns as labels of an axis, and of a dot. */
const TIME = `(datum.value < 1e3 ? format(datum.value, '.3~r') + ' ns' : datum.value < 1e6 ? format(datum.value / 1e3, '.3~r') + ' µs' : datum.value < 1e9 ? format(datum.value / 1e6, '.3~r') + ' ms' : format(datum.value / 1e9, '.3~r') + ' s')`;
const BYTES = `(datum.value < 1024 ? datum.value + ' B' : datum.value < 1048576 ? datum.value / 1024 + ' KB' : datum.value / 1048576 + ' MB')`;

const base = (title) => ({
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  background: 'transparent',
  padding: 8,
  title: { text: title, anchor: 'start', fontSize: 14, fontWeight: 600, color: INK, offset: 12 },
  config: {
    font: 'system-ui, sans-serif',
    view: { stroke: null },
    axis: {
      labelColor: INK,
      titleColor: INK,
      tickColor: INK,
      domainColor: INK,
      gridColor: INK,
      gridOpacity: 0.25,
      labelFontSize: 11,
      titleFontWeight: 'normal',
    },
  },
});

/** The colour of each series: subjects warm, the limit grey, peers cool. */
function colours(rows) {
  const chosen = new Map();
  const next = { subject: 0, peer: 0 };
  for (const { series, role } of rows) {
    if (chosen.has(series)) continue;
    if (role === 'limit') chosen.set(series, LIMIT);
    else {
      const palette = role === 'subject' ? SUBJECTS : PEERS;
      chosen.set(series, palette[next[role]++ % palette.length]);
    }
  }
  return chosen;
}

/** A domain of whole decades. */
function decades(values) {
  return [
    10 ** Math.floor(Math.log10(Math.min(...values))),
    10 ** Math.ceil(Math.log10(Math.max(...values))),
  ];
}

function decadesWithin([low, high]) {
  const found = [];
  for (let at = low; at <= high * 1.001; at *= 10) found.push(at);
  return found;
}

/** One dot for each contender, its spread as a line through it, its figure beside it. */
export function dots(title, unit, rows) {
  const values = rows.map(({ label, role, median, least, most }) => ({
    label,
    role,
    value: median,
    least,
    most,
  }));
  const scale = {
    type: 'log',
    domain: decades(values.flatMap(({ least, most }) => [least, most])),
    nice: false,
  };
  const y = {
    field: 'label',
    type: 'nominal',
    sort: null,
    axis: { title: null, grid: true, labelLimit: 260, domain: false, ticks: false },
  };
  const colour = {
    field: 'role',
    type: 'nominal',
    scale: { domain: ['subject', 'limit', 'peer'], range: [SUBJECTS[0], LIMIT, PEERS[0]] },
    legend: null,
  };
  const x = (field) => ({
    field,
    type: 'quantitative',
    scale,
    axis: {
      title: `time for each ${unit} (less is better)`,
      labelExpr: TIME,
      values: decadesWithin(scale.domain),
    },
  });
  return {
    ...base(title),
    width: 460,
    height: { step: 24 },
    data: { values },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 3, opacity: 0.45 },
        encoding: { x: x('least'), x2: { field: 'most' }, y, color: colour },
      },
      {
        mark: { type: 'point', filled: true, size: 90, opacity: 1 },
        encoding: { x: x('value'), y, color: colour },
      },
      {
        mark: { type: 'text', align: 'left', dx: 9, dy: -7, fontSize: 11 },
        transform: [{ calculate: TIME, as: 'shown' }],
        encoding: { x: x('value'), y, text: { field: 'shown' }, color: colour },
      },
    ],
  };
}

const HEIGHT = 340;
const LINE_HEIGHT = 13;

/** Names at the ends of the lines, moved apart where they would lie on each other. */
function labels(rows, [low, high]) {
  const ends = new Map();
  for (const row of rows) if (row.x >= (ends.get(row.series)?.x ?? row.x)) ends.set(row.series, row);
  const span = Math.log(high / low);
  const places = [...ends.values()]
    .map((row) => ({ ...row, at: (HEIGHT * Math.log(row.value / low)) / span }))
    .sort((a, b) => a.at - b.at);
  for (let index = 1; index < places.length; index++)
    places[index].at = Math.max(places[index].at, places[index - 1].at + LINE_HEIGHT);
  // Too high at the top: all the way back down.
  let ceiling = HEIGHT;
  for (const place of places.reverse()) {
    place.at = Math.min(place.at, ceiling);
    ceiling = place.at - LINE_HEIGHT;
  }
  const end = Math.max(...rows.map(({ x }) => x));
  return places.map(({ series, at }) => ({ series, x: end, value: low * Math.exp((at / HEIGHT) * span) }));
}

const SCALES = {
  log: { type: 'log', nice: false },
  log2: { type: 'log', base: 2, nice: false },
  linear: { type: 'linear', nice: false },
};

/** One line for each series. */
export function lines({ title, axis, x: kind }, unit, rows) {
  const values = rows.map(({ series, role, x, median }) => ({ series, role, x, value: median }));
  const chosen = colours(rows);
  const domain = decades(values.map(({ value }) => value));
  const ticks = [...new Set(values.map(({ x }) => x))].sort((a, b) => a - b);
  const y = {
    field: 'value',
    type: 'quantitative',
    scale: { type: 'log', domain, nice: false },
    axis: { title: `time for each ${unit} (less is better)`, labelExpr: TIME, values: decadesWithin(domain) },
  };
  const x = {
    field: 'x',
    type: 'quantitative',
    scale: { ...SCALES[kind], domain: [ticks[0], ticks.at(-1)] },
    axis: { title: axis, values: ticks, grid: false, ...(kind === 'log2' ? { labelExpr: BYTES } : {}) },
  };
  const color = {
    field: 'series',
    type: 'nominal',
    scale: { domain: [...chosen.keys()], range: [...chosen.values()] },
    legend: null,
  };
  const strokeDash = {
    condition: { test: "datum.role === 'limit'", value: [5, 4] },
    value: [1, 0],
  };
  return {
    ...base(title),
    width: 520,
    height: HEIGHT,
    layer: [
      {
        data: { values },
        mark: { type: 'line', strokeWidth: 2.2 },
        encoding: { x, y, color, strokeDash, detail: { field: 'series' } },
      },
      {
        data: { values },
        mark: { type: 'point', filled: true, size: 32, opacity: 1 },
        encoding: { x, y, color },
      },
      {
        data: { values: labels(values, domain) },
        mark: { type: 'text', align: 'left', dx: 8, fontSize: 11 },
        encoding: { x, y, color, text: { field: 'series' } },
      },
    ],
  };
}
