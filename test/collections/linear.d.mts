/** See linear.mjs. */
export type Call = readonly [what: string, ...rest: unknown[]];
export interface Done {
  readonly begin: number;
  readonly end: number;
  readonly what: Call;
  readonly result: unknown;
}
export interface Model {
  readonly initial: string;
  apply(state: string, what: Call): [state: string, result: unknown];
  whims?(state: string): string[];
}
export const UNKNOWN: unique symbol;
export function explains(history: readonly Done[], model: Model, final?: string): boolean;
export function mapModel(initial: Iterable<readonly [string, unknown]>, options?: object): Model;
export function textOf(entries: Iterable<readonly [string, unknown]>): string;
export function callOn(map: unknown, what: Call, pause?: () => void): unknown;
