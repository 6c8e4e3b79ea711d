/** Which codec an object has: what its schema names, and whether what a caller gave agrees with it. */

import { damaged, MismatchError } from '../errors.js';
import { builtInCodec, type InnerCodec } from './codecs.js';

/** The codec's name that a schema says. */
export function parseCodec(codec: unknown, path: string): string {
  if (typeof codec !== 'string' || codec === '') throw damaged(path, 'its schema names no codec');
  return codec;
}

/** @throws MismatchError if another codec was given than the object has, or none where it needs one of the user's own */
export function agreeOnCodec(path: string, name: string, wanted: InnerCodec | undefined): void {
  if (wanted !== undefined && wanted.name !== name) {
    throw new MismatchError(
      `'${path}' uses codec '${name}', not '${wanted.name}'; use the same on both sides, or unlink it first`,
    );
  }
  if (wanted === undefined && builtInCodec(name) === undefined) {
    throw new MismatchError(
      `'${path}' uses a codec of your own, '${name}'; give it as { codec: { name: '${name}', encode, decode } }`,
    );
  }
}

/** The codec to use with an object whose shape agrees. */
export function codecFor(
  shape: { readonly codec: string },
  wish: { readonly codec: InnerCodec | undefined },
): InnerCodec {
  return wish.codec ?? builtInCodec(shape.codec)!;
}
