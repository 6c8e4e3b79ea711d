// One actor: a worker with its own copy of the package, which runs its part of a scenario once for each schedule.

import { threadId, workerData } from 'node:worker_threads';
import { AT, awaitTurn, EXPLORER, giveTo, STATE, TIMED } from './control.mjs';
import { intercept } from './intercept.mjs';
import { Scheduler } from './scheduler.mjs';

const { control, results, scratch, me, dist, scenario: file, variant, name } = workerData;
const DIED = 0x40000000;
const WAITERS = 0x80000000 | 0;
const realImmediate = setImmediate;
const microtasks = () => new Promise((resolve) => realImmediate(resolve));

const scheduler = new Scheduler(control, me);
const { isthmus, state, turn, keyOf, real } = intercept(dist, scheduler, control, me);
const { default: describe } = await import(file);
const scenario = describe(variant);
const role = scenario.actors[me];
state.names = scenario.names === true; // opening and looking are steps where names come and go

/** Attached once for all schedules: a slot of its own, which no schedule gives back. */
const base = scenario.attach?.(isthmus, name);
control[AT.SLOT + me] = -1;
if (base !== undefined) noteSlot();
else
  scheduler.onDeath = () => {
    for (const file of state.files) file.die();
  };
const lasting = new Set(state.files);
state.tracked.clear();

real.add(control, AT.READY, 1);
real.notify(control, AT.READY);
for (;;) {
  awaitTurn(control, me);
  await round();
  awaitTurn(control, me); // when the schedule is over and has been judged
  await tidyUp();
  giveTo(control, EXPLORER);
}

async function round() {
  let outcome;
  const finished = (value) => {
    outcome ??= value;
  };
  state.loop.now += 1000; // what the schedule before had to wait for is over
  state.forget();
  scheduler.forget();
  state.on = true;
  if (!scheduler.over) {
    const context = {
      isthmus,
      name,
      base,
      me,
      scratch,
      isDead: (who) => control[AT.STATE + who] === STATE.DEAD,
      now: () => scheduler.stepsOfOthers(),
      die: () => scheduler.die(),
      strike: (fate) => {
        scheduler.fate = fate;
      },
      pause: (since) => scheduler.sleep([], TIMED.PAUSES, since),
    };
    const run = async () => role(context);
    run().then(
      (value) => finished({ value }),
      (error) => finished({ error }),
    );
    for (;;) {
      await microtasks();
      if (outcome !== undefined || scheduler.over) break;
      try {
        turn();
      } catch (error) {
        if (!scheduler.over) finished({ error });
        break;
      }
    }
  }
  const over = scheduler.over;
  state.on = false;
  const error = over ? undefined : outcome?.error;
  write(
    over
      ? { over: true }
      : error === undefined
        ? { value: outcome.value }
        : { error: String(error?.stack ?? error), code: error?.code },
  );
  scheduler.finish(error !== undefined);
}

/** Quietly: what this schedule opened is closed, and nothing of it is left in the package's own tables. */
async function tidyUp() {
  for (const handle of state.tracked) {
    try {
      handle.close();
    } catch {
      // the memory may hold anything by now
    }
  }
  state.tracked.clear();
  for (const file of [...state.files]) if (!lasting.has(file)) file.close(); // of somebody killed in the middle of opening
  await microtasks();
  for (let n = 0; n < 20 && state.loop.runImmediates(); n++) await microtasks();
  state.loop.settle();
}

function write(what) {
  const text = Buffer.from(JSON.stringify(what));
  const room = new Uint8Array(results, me * 4096, 4096);
  room.set(text.subarray(0, 4090), 4);
  new DataView(results).setUint32(me * 4096, Math.min(text.length, 4090));
}

/** Finds this actor's slot, and lets the machine do to its mark what the kernel does when a thread dies. */
function noteSlot() {
  const { header, participants } = isthmus.inspect(name);
  const { slot } = participants.find((one) => one.pid === process.pid && one.thread === threadId);
  control[AT.SLOT + me] = slot;
  const { marksOffset } = header;
  const place = marksOffset + slot * 4096 + 4088;
  scheduler.onDeath = () => {
    real.store(state.controlWords, place / 4, DIED | WAITERS);
    scheduler.wake(keyOf(state.controlWords, place / 4), 1); // the kernel wakes one
  };
}
