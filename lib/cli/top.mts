/** `isthmus top` */

import { exitOnSignals } from './ending.mjs';
import { topLive } from './top-live.mjs';
import { topRounds } from './top-rounds.mjs';
import type { ColumnName } from './top-table.mjs';

export interface TopOptions {
  /** Seconds. */
  readonly interval: number;
  readonly count?: number;
  readonly once?: boolean;
  readonly json?: boolean;
  readonly sort: ColumnName;
  readonly reverse?: boolean;
  readonly filter: string;
}

export async function top({
  interval,
  count,
  once,
  json,
  sort,
  reverse,
  filter,
}: TopOptions): Promise<number> {
  const common = {
    interval: interval * 1000,
    order: { by: sort, reverse: reverse === true },
    filter: filter.replace(/^\//, ''),
  };
  const rounds = once ? 1 : (count ?? Number.POSITIVE_INFINITY);
  if (!once && !json && isScreen()) return topLive({ ...common, rounds });
  exitOnSignals();
  return topRounds({ ...common, rounds: json ? rounds : once ? 1 : (count ?? 1), json: json === true });
}

/** Whether there is a terminal on which one can write where one wants. */
function isScreen(): boolean {
  return process.stdout.isTTY === true && process.env['TERM'] !== 'dumb';
}
