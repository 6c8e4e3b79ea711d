/** See list-linear.mjs. */
export type ListCall = readonly [what: string, ...args: unknown[]];
export interface DoneOnList {
  readonly what: ListCall;
  readonly result: unknown;
  readonly begin: number;
  readonly end: number;
}
export function explainsList(
  history: readonly DoneOnList[],
  initial: readonly unknown[],
  final: readonly unknown[],
): boolean;
