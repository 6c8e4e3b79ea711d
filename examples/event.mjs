// Four runners wait for the start; one of them is killed at the line. The signal is set and cleared at once, and still
// everybody who was waiting runs. Run: node event.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Event, unlink, Value } from 'isthmus';

const RUNNERS = 4;
const start = Event.open('example-start');
const ready = Value.open('example-start-ready', 'i32');
const started = Value.open('example-start-started', 'i32');

if (process.argv[2] === 'run') {
  const signal = start.wait({ timeout: 30_000 }); // waits from here on …
  ready.add(1); // … so that nobody can say "ready" and miss the signal
  await signal;
  started.add(1);
} else {
  const self = fileURLToPath(import.meta.url);
  const runners = Array.from({ length: RUNNERS }, () =>
    spawn(process.execPath, [self, 'run'], { stdio: 'inherit' }),
  );
  const exits = runners.map((one) => once(one, 'exit'));
  await ready.waitFor((count) => count === RUNNERS, { timeout: 30_000 });
  runners[0].kill('SIGKILL');
  await exits[0];
  start.set();
  start.clear();
  const ends = (await Promise.all(exits)).map(([code, signal]) => signal ?? (code === 0 ? 'ran' : 'failed'));
  console.log(`runners: ${ends.join(', ')}; the signal is ${start.isSet ? 'set' : 'clear'}`);
  process.exitCode = started.value === RUNNERS - 1 && !start.isSet ? 0 : 1;
  for (const { name } of [start, ready, started]) unlink(name);
}
for (const handle of [start, ready, started]) handle.close();
