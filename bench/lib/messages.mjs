// What is sent: the same for all peers.

/** A small object, as programs send: five fields, a nested list, 64 bytes of MessagePack or so. */
export const smallObject = (id) => ({
  id,
  name: 'temperature',
  value: 21.5,
  valid: true,
  tags: ['kitchen', 'south'],
});

/** About 100 bytes of JSON. */
export const mapObject = (id) => ({
  id,
  user: 'ada.lovelace@example.org',
  visits: id * 3,
  ratio: 0.25,
  tags: ['a', 'bc'],
  ok: true,
});

/** Bytes of some length, not all zero. */
export const bytesOf = (length) => Buffer.alloc(length, 7);
