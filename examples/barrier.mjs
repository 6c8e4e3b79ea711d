// Four processes work in lockstep, round by round; then one of them is killed, and the others are told instead of waiting
// for it for ever. Run: node barrier.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Barrier, BrokenBarrierError, SharedArray, unlink } from 'isthmus';

const PARTIES = 4;
const ROUNDS = 100;
const [ACTIONS, APART, TOLD] = [PARTIES, PARTIES + 1, PARTIES + 2];
const board = SharedArray.open('example-lockstep-board', 'i32', PARTIES + 3);
const barrier = Barrier.open('example-lockstep', PARTIES, {
  action: () => board.add(ACTIONS, 1), // once for each round, by whoever comes last
});

if (process.argv[2] !== undefined) {
  const me = Number(process.argv[2]);
  for (let round = 1; round <= ROUNDS; round++) {
    board.set(me, round);
    if (me % 2 === 0) barrier.waitSync();
    else await barrier.wait();
    // Everybody has come as far as this; nobody can be more than one round ahead.
    for (let other = 0; other < PARTIES; other++) {
      if (board.at(other) !== round && board.at(other) !== round + 1) board.add(APART, 1);
    }
  }
  if (me === 0) process.kill(process.pid, 'SIGKILL');
  try {
    await barrier.wait();
  } catch (error) {
    if (error instanceof BrokenBarrierError) board.add(TOLD, 1);
  }
} else {
  const self = fileURLToPath(import.meta.url);
  const processes = Array.from({ length: PARTIES }, (_, me) =>
    spawn(process.execPath, [self, String(me)], { stdio: 'inherit' }),
  );
  const ends = await Promise.all(processes.map(async (one) => (await once(one, 'exit'))[1] ?? 'finished'));
  const [actions, apart, told] = [board.at(ACTIONS), board.at(APART), board.at(TOLD)];
  console.log(`parties: ${ends.join(', ')}`);
  console.log(`rounds: ${actions}; out of step: ${apart}; told that the barrier is broken: ${told}`);
  process.exitCode = actions === ROUNDS && apart === 0 && told === PARTIES - 1 ? 0 : 1;
  unlink('example-lockstep');
  unlink('example-lockstep-board');
}
for (const handle of [barrier, board]) handle.close();
