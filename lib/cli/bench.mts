export async function bench(_options: { json?: boolean }): Promise<number> {
  return 0;
}
