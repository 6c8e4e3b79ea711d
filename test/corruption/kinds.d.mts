export const KINDS: Readonly<Record<string, object>>;
