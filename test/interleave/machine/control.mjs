// The memory that the explorer and its actors share: who runs, who sleeps on what, which choices to make and which were
// made. One actor runs at a time, so whoever runs may read and write all of it.

/** Indexes of 32-bit words. */
export const AT = {
  STEPS: 0, // shared steps of this schedule
  LIMIT: 1, // … and how many there may be
  VERDICT: 2, // see VERDICT
  CHOICES: 3, // choices made, see LOG
  PLAN_LENGTH: 4,
  CRASH_ACTOR: 5, // who dies (or stops) before its own step CRASH_STEP (from 1); -1: nobody
  CRASH_STEP: 6,
  CRASH_STOPS: 304, // 1: it does not die, it is stopped (SIGSTOP) for ever
  TIMEOUTS: 7, // sleeps that ended because everybody slept
  TIMEOUTS_ALLOWED: 8,
  MODE: 9, // see MODE
  SEED: 10,
  ABORTED: 11, // 1: unwind
  SPURIOUS: 12, // so many sleeps more may end for nothing
  PROGRESS: 15, // steps that were carried out
  TRACE: 14, // 1: every step is printed
  READY: 13, // actors that wait for the next schedule
  GO: 16, // one word each, the explorer's last: 1 = run
  STATE: 32, // one word each, see STATE
  OWN_STEPS: 48, // one word each
  REASON: 64, // one word each: why a sleep ended, see REASON
  TIMED: 224, // one word each: see TIMED
  SLEPT_AT: 288, // one word each: the steps of the others that are nothing new to the sleeper
  WOKEN_BY: 240, // one word each: the key that ended a sleep
  SLOT: 256, // one word each: the actor's slot in the object's roster
  OVER: 272, // one word each: 1 = nothing of the actor runs in this schedule any more
  KEYS: 80, // KEYS_EACH words each: the keys of the words that an actor sleeps on; 0: none
  PLAN: 512, // the first choices: which actor
  LOG: 512 + 8192, // each choice: chosen | who ran << 4 | who could have been chosen << 8 | it could go on << 16 | who would
  // only look again << 17, see TIMED.POLLS; that is 0 if nobody else could have been chosen
};
export const MOST_CHOICES = 8192;
export const KEYS_EACH = 16;
export const WORDS = AT.LOG + MOST_CHOICES;

export const MOST_ACTORS = 8;
/** The explorer's place among the actors' words. */
export const EXPLORER = MOST_ACTORS;

export const STATE = { RUNNABLE: 0, ASLEEP: 1, DONE: 2, DEAD: 3, ABSENT: 4, STOPPED: 5 };
/**
 * When a sleep may end without being woken. NEVER: only when all sleep, and only if that is allowed. ANY: at any moment
 * (a timeout of the scenario's own). POLLS and PAUSES: once somebody else has taken a step, see AT.SLEPT_AT; POLLS also
 * when nobody else can run.
 */
export const TIMED = { NEVER: 0, ANY: 1, POLLS: 2, PAUSES: 3 };
export const REASON = { WOKEN: 0, TIMEOUT: 1, SPURIOUS: 2, ALONE: 3 };
/** How choices beyond the plan are made. */
export const MODE = { FIRST: 0, RANDOM: 1 };
export const VERDICT = { RUNNING: 0, FINISHED: 1, DEADLOCK: 2, LIVELOCK: 3, FAILED: 4, TOO_LONG: 5 };
export const VERDICT_NAMES = Object.fromEntries(
  Object.entries(VERDICT).map(([name, number]) => [number, name]),
);

// The real ones, before anybody intercepts them in this thread.
const { load, store, notify, wait } = Atomics;

/** Passes the baton; the caller waits for it, or is done. */
export function giveTo(control, who) {
  store(control, AT.GO + who, 1);
  notify(control, AT.GO + who, 1);
}

/** Blocks until the baton comes; false if it has not come after so many ms. */
export function awaitTurn(control, me, most) {
  while (load(control, AT.GO + me) === 0)
    if (wait(control, AT.GO + me, 0, most) === 'timed-out') return false;
  store(control, AT.GO + me, 0);
  return true;
}
