/** What the command's exit code says; `--help` of every verb prints the same table. */

export const EXIT = {
  OK: 0,
  SYSTEM: 1,
  USAGE: 2,
  BUSY: 3,
  DAMAGED: 4,
  TIMEOUT: 5,
  PEER_DIED: 6,
  UNFIT: 7,
  HANGUP: 129,
  INTERRUPTED: 130,
  BROKEN_PIPE: 141,
  TERMINATED: 143,
} as const;

export const EXIT_CODES_HELP = `
Exit codes:
  0    done
  1    the system refused: no such name, no permission, /dev/shm is full, input or
       output failed
  2    wrong usage: arguments, options, a name that cannot be one
  3    the name is busy: its role is taken, its queue has ended, or it has no room
       for one more process or job
  4    damaged, not made by isthmus, or of another kind or shape
  5    timeout: the other side did not appear, or did nothing for too long; no message
       or no room for one came in time
  6    the other side was killed, was interrupted or failed before the end
  7    doctor found a problem on this machine
  129, 130, 143  ended by SIGHUP, SIGINT (Ctrl-C), SIGTERM
  141  nobody reads standard output any more (a broken pipe)`;

/** Exit codes of errors by their `code`. Whatever is missing here is the system's refusal. */
const BY_CODE: Readonly<Record<string, number>> = {
  ERR_INVALID_ARG_TYPE: EXIT.USAGE,
  ERR_INVALID_ARG_VALUE: EXIT.USAGE,
  ERR_OUT_OF_RANGE: EXIT.USAGE,
  EEXIST: EXIT.BUSY,
  EBUSY: EXIT.BUSY,
  ERR_ISTHMUS_ROLE_TAKEN: EXIT.BUSY,
  ERR_ISTHMUS_CLOSED: EXIT.BUSY,
  ERR_ISTHMUS_FULL: EXIT.BUSY,
  ERR_ISTHMUS_CORRUPT: EXIT.DAMAGED,
  ERR_ISTHMUS_FOREIGN: EXIT.DAMAGED,
  ERR_ISTHMUS_MISMATCH: EXIT.DAMAGED,
  ERR_ISTHMUS_TIMEOUT: EXIT.TIMEOUT,
  ERR_ISTHMUS_PEER_DIED: EXIT.PEER_DIED,
  EPIPE: EXIT.BROKEN_PIPE,
};

export function exitCodeOf(error: unknown): number {
  return BY_CODE[codeOf(error) ?? ''] ?? EXIT.SYSTEM;
}

/** The `code` of this package's and Node's errors. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
