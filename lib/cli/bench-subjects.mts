/** What `isthmus bench` compares, in the order of its table. */

export interface Subject {
  readonly id: string;
  readonly what: string;
  /** It crosses from one process (or thread) to another. */
  readonly crosses: 'one way' | 'round trip' | undefined;
}

export const SUBJECTS: readonly Subject[] = [
  { id: 'spsc-one-way', what: 'SpscQueue', crosses: 'one way' },
  { id: 'child-one-way', what: 'child_process.send', crosses: 'one way' },
  { id: 'worker-one-way', what: 'worker.postMessage', crosses: 'one way' },
  { id: 'spsc-round-trip', what: 'SpscQueue', crosses: 'round trip' },
  { id: 'child-round-trip', what: 'child_process.send', crosses: 'round trip' },
  { id: 'worker-round-trip', what: 'worker.postMessage', crosses: 'round trip' },
  { id: 'lock', what: 'Lock: acquire and release', crosses: undefined },
  { id: 'value', what: 'Value.add', crosses: undefined },
  { id: 'map-set', what: 'SharedMap.set', crosses: undefined },
  { id: 'map-get', what: 'SharedMap.get', crosses: undefined },
];
