/** The ways out of the command other than its orderly end: an error, a signal. */

import { EXIT } from './exit-codes.mjs';

type Act = () => void;

const acts = new Set<Act>();

/**
 * Runs `act` if the process ends by {@link exit}; the latest comes first.
 *
 * @returns takes it back
 */
export function onExit(act: Act): () => void {
  acts.add(act);
  return () => void acts.delete(act);
}

/** Ends the process, whatever still waits. */
export function exit(code: number): void {
  for (const act of [...acts].reverse()) {
    try {
      act();
    } catch {
      // We end in any case, and with this code.
    }
  }
  process.exit(code);
}

/**
 * Makes the end of this process a death in the eyes of all who share an object with it: nothing is given back, so that
 * nobody takes a conversation that broke off for one whose next partner is on its way. What gives things back are the
 * package's exit listeners, as there is no need for them after a death.
 */
export function dieInsteadOfLeaving(): void {
  process.removeAllListeners('exit');
}

const SIGNALS = { SIGINT: EXIT.INTERRUPTED, SIGTERM: EXIT.TERMINATED, SIGHUP: EXIT.HANGUP } as const;

/** From here on signals end the process by {@link exit}, with the exit code that a shell gives to that signal. */
export function exitOnSignals(): void {
  for (const [signal, code] of Object.entries(SIGNALS)) process.once(signal, () => exit(code));
}
