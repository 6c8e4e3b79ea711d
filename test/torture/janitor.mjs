// node janitor.mjs PREFIX: outlives the harness by a moment, whatever it died of, and leaves no process and no file of its
// run. Our standard input is a pipe from the harness, which the kernel closes.

import { readdirSync, readFileSync } from 'node:fs';
import { unlink } from 'isthmus';
import { filesOf } from './stage.mjs';

const [prefix] = process.argv.slice(2);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.stdin.resume().once('close', () => {
  for (const pid of readdirSync('/proc').map(Number)) {
    if (pid > 0 && pid !== process.pid && wordsOf(pid).includes(prefix)) process.kill(pid, 'SIGKILL');
  }
  for (const file of filesOf(prefix)) unlink(file);
});

/** The command line; nothing for a process that is gone or not ours. */
function wordsOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
  } catch {
    return [];
  }
}
