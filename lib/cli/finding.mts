/** One line of `isthmus doctor`. */

export type Status = 'ok' | 'warning' | 'problem';

export interface Finding {
  /** A stable name, for programs. */
  readonly check: string;
  readonly status: Status;
  /** What was found and what it means, in one line. */
  readonly found: string;
  /** What to do about it. */
  readonly advice?: string;
}

export function ok(check: string, found: string): Finding {
  return { check, status: 'ok', found };
}

export function warning(check: string, found: string, advice: string): Finding {
  return { check, status: 'warning', found, advice };
}

export function problem(check: string, found: string, advice: string): Finding {
  return { check, status: 'problem', found, advice };
}
