import { SharedMemoryStore } from './rate-limit.js';

export type { ClientHits, SharedMemoryStoreOptions } from './rate-limit.js';
// Node gives the whole of a CommonJS module as its default export.
export { SharedMemoryStore, SharedMemoryStore as default };
