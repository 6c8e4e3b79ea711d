export function checkList(name: string): {
  length: number;
  capacity: number;
  used: number;
  blocks: number;
  trash: number;
};
