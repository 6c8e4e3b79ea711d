/** Kinds of objects that are the same whoever makes them: nothing to say when one is made, nothing to agree on. */

import { damaged } from '../errors.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkObjectName,
  checkOptions,
  OPEN_KEYS,
} from '../options.js';
import {
  attachSegment,
  createSegment,
  type ObjectType,
  openSegment,
  type Segment,
  WORDS_ONLY,
} from './segment.js';

/** The three ways to objects of one such kind. Names and options are as users gave them. */
export class PlainKind {
  readonly #type: ObjectType<undefined>;

  /** `what` such an object is, for the message about one that is too small for it. */
  constructor(
    kind: ObjectType<undefined>['kind'],
    what: string,
    wordsBytes: (participants: number) => number,
    ownerWords: (participants: number) => readonly number[],
  ) {
    this.#type = {
      ...WORDS_ONLY,
      kind,
      wordsBytes: (_shape, participants) => wordsBytes(participants),
      ownerWords: (_shape, participants) => ownerWords(participants),
      schema: () => ({}),
      parse(_schema, header, path) {
        if (header.wordsBytes < wordsBytes(header.participants))
          throw damaged(path, `it is too small for ${what}`);
        return undefined;
      },
    };
  }

  create(name: string, options: CreateOptions | undefined): Segment {
    const bare = checkObjectName(name);
    return createSegment(bare, this.#type, undefined, checkOptions(options, CREATE_KEYS));
  }

  attach(name: string, options: AttachOptions | undefined): Segment {
    const bare = checkObjectName(name);
    return attachSegment(bare, this.#type, checkOptions(options, ATTACH_KEYS)).segment;
  }

  open(name: string, options: (CreateOptions & AttachOptions) | undefined): Segment {
    const bare = checkObjectName(name);
    const whatever = (): undefined => undefined;
    return openSegment(bare, this.#type, checkOptions(options, OPEN_KEYS), whatever, whatever).segment;
  }
}
