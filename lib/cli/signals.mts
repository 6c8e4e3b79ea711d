/** Being interrupted: give everything back, and say so in the exit code. */

import { EXIT } from './exit-codes.mjs';

const CODES = { SIGINT: EXIT.INTERRUPTED, SIGTERM: EXIT.TERMINATED, SIGHUP: EXIT.HANGUP } as const;

/** From here on signals end the process through its exit listeners, which close what is open. */
export function leaveOnSignals(): void {
  for (const [signal, code] of Object.entries(CODES)) process.once(signal, () => process.exit(code));
}
