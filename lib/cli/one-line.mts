/** Messages and values of any kind as JSON on one line. */

import { inspect } from 'node:util';

/** As JSON; a message that has no JSON at all (it contains itself) as Node shows it, for it must not be in the way for ever. */
export function onOneLine(message: unknown): string {
  try {
    return toJson(message);
  } catch {
    return JSON.stringify(inspect(message, { depth: null, breakLength: Number.POSITIVE_INFINITY }));
  }
}

/** On one line, with what JSON cannot carry as the next best thing. */
function toJson(message: unknown): string {
  // A Buffer's own toJSON would be called before the replacer sees it.
  return JSON.stringify(message instanceof Uint8Array ? base64(message) : message, function (key, one) {
    const itself = (this as Record<string, unknown>)[key];
    if (itself instanceof Uint8Array) return base64(itself);
    if (itself instanceof Map) return [...itself];
    if (itself instanceof Set || (ArrayBuffer.isView(itself) && !(itself instanceof DataView)))
      return [...(itself as Iterable<unknown>)];
    if (itself instanceof Error) return { name: itself.name, message: itself.message };
    if (itself instanceof RegExp || typeof itself === 'bigint') return String(itself);
    if (typeof itself === 'number' && !Number.isFinite(itself)) return String(itself);
    return one;
  });
}

function base64(bytes: Uint8Array): { base64: string } {
  return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64') };
}
