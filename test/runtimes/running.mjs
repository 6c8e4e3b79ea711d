// Starting a program on a runtime, with a watchdog.

import { spawn } from 'node:child_process';

/** A process of its own session. `ready`: it has said READY, or ended. `done`: its output and what went wrong. */
export function start({ program, environment, patience }, args, { bare = false, input } = {}) {
  // `bun run` and `deno run` know no --version.
  const before = bare ? program.filter((word) => !/^(run|-A|--no-install)$/.test(word)) : program;
  const child = spawn(before[0], [...before.slice(1), ...args], {
    env: environment,
    detached: true,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.on('error', () => {}); // one that died does not read
  child.stdin?.end(input);
  const result = { child, output: '', errors: '' };
  result.ready = new Promise((resolve) => {
    child.stdout.on('data', (chunk) => {
      result.output += chunk;
      if (result.output.includes('READY')) resolve();
    });
    child.on('close', resolve);
  });
  child.stderr.on('data', (chunk) => {
    result.errors += chunk;
  });
  let late = false;
  const dog = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
    // A killed emulator may leave a pipe open.
    child.stdout.destroy();
    child.stderr.destroy();
  }, patience);
  result.done = new Promise((resolve) => {
    child.on('error', (error) => resolve({ output: '', problem: error.message }));
    child.on('close', (code, signal) => {
      clearTimeout(dog);
      let problem;
      if (late) problem = `does not end within ${patience / 1000} s`;
      else if (code !== 0) problem = reason(result.errors) ?? `ends with ${signal ?? `exit code ${code}`}`;
      resolve({ output: result.output, problem });
    });
  });
  return result;
}

/** The line that says most. */
function reason(errors) {
  const lines = errors.split('\n').map((line) => line.trim());
  const plain = lines.filter((line) => line !== '');
  return (
    plain.find((line) => /error|panic|assert|abort/i.test(line))?.slice(0, 200) ?? plain[0]?.slice(0, 200)
  );
}
