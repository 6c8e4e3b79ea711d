// A bar on a terminal; nothing elsewhere.

export async function progress(total) {
  if (!process.stderr.isTTY) return { step: () => undefined, done: () => undefined, clear: () => undefined };
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar(
    {
      format: ' {bar} {percentage} % | {duration_formatted} | {what}',
      hideCursor: true,
      clearOnComplete: true,
      linewrap: false,
      stream: process.stderr,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(total, 0, { what: '' });
  let points = 0;
  return {
    step: (what, share) => bar.update(points + share, { what }),
    done: () => bar.update(++points),
    clear: () => bar.stop(),
  };
}
