// What is the same for every queue of one producer (actor 0) and one consumer (actor 1).

/** `full`: whether the producer has to wait, so many bytes being used. */
export const peers = (options, full) => ({
  create: ({ SpscQueue }, name) => SpscQueue.create(name, { participants: 8, codec: 'raw', ...options }),
  attach: ({ SpscQueue }, name) => SpscQueue.attach(name),
  payload: 65_536,
  limit: 4000,
  // One that dies between claiming its role and introducing itself: nobody was watching it yet.
  sleepsAfter: ({ actor, step, stop }) => (!stop && step <= (actor === 0 ? 8 : 6) ? 1 : 0),
  mayWaitForEver: ({ isthmus, object, name, killed, stopped }) => {
    // A stopped side is alive, and not cut off. The other one waits for it, once it has done all that it can.
    if (stopped === 0) return !object.ended && object.used === 0;
    if (stopped === 1) return full(object.used);
    if (killed === undefined) return false;
    // One that dies before it has the role leaves the other waiting for somebody to come, as it should.
    const { producer, consumer } = isthmus.inspect(name).contents;
    return (killed === 0 ? producer : consumer) === undefined;
  },
});
