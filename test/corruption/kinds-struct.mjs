// The kind that has fields. See kinds.mjs.

import { createRequire } from 'node:module';
import { DIST, is, LOCK_CALLS, participants } from './calls.mjs';

const require = createRequire(import.meta.url);
const { STRUCT, TEXT } = require(`${DIST}/values/struct-layout.js`);

/** 96 bytes; scribbles.mjs has another sound schema of that size. */
const shape = ({ text }) => ({
  hits: 'u64',
  label: text(20),
  samples: ['f32', 4],
  on: 'bool',
  pos: { x: 'f64', y: 'i16' },
});
const LABEL = 8;

/** A number of either kind: the schema may have become another sound one. */
function number(found) {
  is(typeof found === 'bigint' ? 'bigint' : 'number', found);
}

/** A text of at most 20 bytes; anything else if the schema says so. */
function label({ fields }) {
  const { label } = fields;
  if (typeof label === 'string' && Buffer.byteLength(label) > 20)
    throw new Error(`a wrong answer: a text of ${label.length} characters`);
  if (typeof label === 'string' && !label.isWellFormed()) throw new Error('a wrong answer: a malformed text');
}

export const STRUCT_KIND = {
  words: STRUCT,
  values: [0, 1, 20, 21, 0xffffffff],
  lock: STRUCT.TEXT_LOCK,
  together: [
    ['payload', LABEL + 4 * TEXT.VERSION],
    ['payload', LABEL + 4 * TEXT.LENGTHS],
    ['payload', LABEL + 4 * (TEXT.LENGTHS + 1)],
  ],
  create: (isthmus, name) =>
    isthmus.SharedStruct.create(name, shape(isthmus), {
      participants,
      initial: { hits: 3, label: 'a label, ünï', pos: { y: -5 } },
    }),
  parts: {
    struct: {
      open: ({ SharedStruct }, name) => SharedStruct.attach(name),
      again: (isthmus, name) => isthmus.SharedStruct.open(name, shape(isthmus)),
      calls: [
        (struct) => number(struct.fields.hits),
        (struct) => label(struct),
        (struct) => label(struct),
        (struct) => is('object', struct.snapshot()),
        (struct) => is('string', JSON.stringify(struct)),
        (struct) => is('number', struct.fields.samples.length),
        (struct) => is('object', struct.fields.pos ?? {}),
        (struct) => struct.fields.samples.reverse(),
        (struct) => struct.assign({ label: 'assigned', hits: 4 }),
        (struct) => struct.assign({ pos: { x: 0.5 }, samples: [1, 2, 3, 4] }),
        ({ fields }) => {
          if ('label' in fields) fields.label = 'set, ünï';
        },
        ({ fields }) => {
          if ('label' in fields) fields.label = '';
        },
        ({ fields }) => {
          fields.hits = typeof fields.hits === 'bigint' ? 7n : 7;
        },
        (struct) => number(struct.load('hits')),
        (struct) => number(struct.add('hits', 1)),
        (struct) => number(struct.sub('hits', 1)),
        (struct) => number(struct.exchange('hits', 1)),
        (struct) => number(struct.compareExchange('hits', 1, 2)),
        (struct) => number(struct.xor('hits', 1)),
        (struct) => is('boolean', struct.exchange('on', true)),
      ],
    },
    lock: { open: (_isthmus, _name, { struct }) => struct?.lock, calls: LOCK_CALLS },
  },
};
