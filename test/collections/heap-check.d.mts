export function checkMap(
  name: string,
  options?: { lock?: 'free' | 'held' },
): { count: number; chains: number; used: number; blocks: number };
