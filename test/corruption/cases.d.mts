export class Victim {
  readonly cases: number;
  readonly attached: number;
  judge(job: object): Promise<void>;
  stop(): Promise<void>;
}
export interface Bounds {
  readonly seed: number;
  readonly numRuns: number;
  /** How long a storm lasts. */
  readonly ms?: number;
}
export function hold(
  victim: Victim,
  family: 'before' | 'during' | 'storm',
  kind: string,
  bounds: Bounds,
): Promise<string | undefined>;
