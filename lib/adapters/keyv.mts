import { KeyvIsthmus } from './keyv.js';

export type { KeyvIsthmusEntry, KeyvIsthmusOptions } from './keyv.js';
// Node gives the whole of a CommonJS module as its default export.
export { KeyvIsthmus, KeyvIsthmus as default };
