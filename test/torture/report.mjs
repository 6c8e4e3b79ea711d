// What a run did, one line for each load.

/** Returns how many loads have failed. When the run broke off, one without a problem of its own has not passed either. */
export function printReport(stages, counts, failure) {
  const columns = ['kills', 'stops', 'terminations', 'left', 'restarts', 'operations'];
  const row = (cells, rest) =>
    console.log(
      `${cells.map((cell, n) => (n === 0 ? String(cell).padEnd(10) : String(cell).padStart(13))).join('')}  ${rest}`,
    );
  console.log();
  row(['load', ...columns], 'what was found');
  stages.forEach(({ file, problem }, n) => {
    const { [n]: count } = counts;
    const found = Object.entries(count)
      .filter(([name]) => !columns.includes(name))
      .map(([name, number]) => `${number} ${name}`)
      .join(', ');
    const result = problem !== undefined ? 'FAILED' : failure === undefined ? 'ok' : 'broken off';
    row([file, ...columns.map((name) => count[name])], `${found}: ${result}`);
  });
  const total = (name) => counts.reduce((sum, count) => sum + count[name], 0);
  row(['all', ...columns.map(total)], '');
  for (const { file, problem } of stages) {
    if (problem !== undefined) console.log(`\n${file} FAILED: ${problem.stack}`);
  }
  const known = stages.some(({ problem }) => problem === failure);
  if (failure !== undefined && !known) console.log(`\nFAILED: ${failure.stack}`);
  return failure === undefined ? 0 : stages.length;
}
