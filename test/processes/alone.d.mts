export const TURN: number;
export function takeTurn(): Promise<() => Promise<void>>;
