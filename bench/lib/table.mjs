// What was measured, as text on the terminal and as Markdown.

import { digits, rate, reached, time, verdict, wanted } from './format.mjs';

const note = (row) =>
  Object.entries(row.notes ?? {})
    .map(([key, value]) => `${key} ${Number.isInteger(value) ? value.toLocaleString('en') : digits(value)}`)
    .join(', ');

/** Lines of columns, each as wide as its widest cell; the first column to the left, the others to the right. */
function columns(rows) {
  const widths = [];
  for (const row of rows)
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  return rows.map((row) =>
    `  ${row.map((cell, index) => (index === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[index]))).join('   ')}`.trimEnd(),
  );
}

export function pointTable({ title, unit, rows, goals }, paint) {
  const subject = rows.find((row) => row.role === 'subject' && row.median !== undefined);
  const found = rows.filter((row) => row.median !== undefined);
  const lines = [paint('bold', title)];
  const head = ['', `per ${unit}`, 'least … most', 'rate', subject ? `÷ ${subject.label}` : '', ''];
  lines.push(
    ...columns([
      head,
      ...found.map((row) => [
        row.label,
        time(row.median),
        `${time(row.least)} … ${time(row.most)}`,
        rate(row.median),
        subject ? `${digits(row.median / subject.median)} ×` : '',
        note(row),
      ]),
    ]),
  );
  for (const row of rows.filter((one) => one.failed))
    lines.push(paint('red', `  ${row.label}: ${row.failed}`));
  for (const goal of goals) {
    const colour = goal.met === undefined ? 'dim' : goal.met ? 'green' : 'red';
    lines.push(paint(colour, `  ${verdict(goal)}: ${goal.subject}: ${wanted(goal)}; found ${reached(goal)}`));
  }
  return lines.join('\n');
}

/** Every goal of every suite in one table, for docs/performance.md. */
export function goalsMarkdown(suites) {
  const lines = ['| What | Measured | Goal | Found (least … most) | |', '|---|---|---|---|---|'];
  for (const { points } of suites)
    for (const { title, rows, goals } of points)
      for (const goal of goals) {
        const subject = rows.find((row) => row.label === goal.subject);
        const figure = subject?.median === undefined ? '' : `${goal.subject} ${time(subject.median)}`;
        lines.push(`| ${title} | ${figure} | ${wanted(goal)} | ${reached(goal)} | ${verdict(goal)} |`);
      }
  return lines.join('\n');
}

/** Every figure. */
export function pointMarkdown({ title, unit, rows }) {
  const lines = [`**${title}**`, '', `| | per ${unit} | least … most | rate | |`, '|---|--:|--:|--:|---|'];
  for (const row of rows)
    lines.push(
      row.median === undefined
        ? `| ${row.label} | ${row.missing ? 'left out' : 'failed'} | | | ${row.missing ?? row.failed} |`
        : `| ${row.label} | ${time(row.median)} | ${time(row.least)} … ${time(row.most)} | ${rate(row.median)} | ${note(row)} |`,
    );
  return lines.join('\n');
}
