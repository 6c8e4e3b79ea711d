// Pipes: two who talk, close, die, take over, and open a finished one anew. Whatever was sent before an end was closed (or
// its owner died) is received; everybody who waits is told of the end, of the closing or of the death.

import { rmSync } from 'node:fs';

const nameOf = (name) => `${name}-x`;
export const CAPACITY = 64;
const large = (n) => new Uint8Array(40).fill(n); // one fits

/** Every byte must be the same: a message that is torn is not. */
function numberOf(message) {
  const number = message[0];
  if (message.some((byte) => byte !== number)) throw new Error(`a torn message: ${message}`);
  return number;
}

/** The one that the machine lays out (pipe-deaths.mjs), or one that comes and goes. */
const open = ({ isthmus, name, base }) =>
  base === undefined
    ? isthmus.Pipe.open(nameOf(name), { capacity: CAPACITY, codec: 'raw', participants: 8 })
    : isthmus.Pipe.attach(name);

const forms = {
  Sync: {
    send: (pipe, message) => pipe.sendSync(message),
    receive: (pipe) => pipe.receiveSync(),
  },
  promise: {
    send: (pipe, message) => pipe.send(message),
    receive: (pipe) => pipe.receive(),
  },
};

const TOLD = ['ERR_ISTHMUS_CLOSED', 'ERR_ISTHMUS_PEER_DIED'];

/** What it was told by an error, if so. */
async function told(act) {
  try {
    await act();
    return 'nothing';
  } catch (error) {
    if (!TOLD.includes(error.code)) throw error;
    return error.code;
  }
}

/** Sends so many, ends, and receives until the end. */
export const talks = (form, count) => async (context) => {
  const { me } = context;
  const pipe = open(context);
  let sent = 0;
  const got = [];
  const sending = await told(async () => {
    for (; sent < count; sent++) await forms[form].send(pipe, large(10 * me + sent));
    pipe.end();
  });
  const receiving = await told(async () => {
    for (;;) {
      const message = await forms[form].receive(pipe);
      if (message === undefined) break;
      got.push(numberOf(message));
    }
    if (!pipe.ended) throw new Error('undefined, and it has not ended');
  });
  if (pipe.tryReceive() !== undefined) throw new Error('told before everything was delivered');
  pipe.close();
  return { sent, got, sending, receiving };
};
/** Opens, and closes at once. */
export const closes = async (context) => {
  open(context).close();
  return {};
};
/** Sends until it is told that nobody will receive. */
export const insists = (form) => async (context) => {
  const pipe = open(context);
  const sending = await told(async () => {
    for (let n = 0; n < 9; n++) await forms[form].send(pipe, large(n));
  });
  pipe.close();
  if (sending === 'nothing') throw new Error('nine messages went nowhere');
  return { sending };
};
/** One message each way and the end, twice under the same name. */
const twice = async (context) => {
  const { now, pause, me } = context;
  const got = [];
  for (let run = 0; run < 2; run++) {
    for (;;) {
      const before = now();
      let pipe;
      try {
        pipe = open(context);
      } catch (error) {
        if (error.code !== 'ERR_ISTHMUS_CLOSED' && error.code !== 'ERR_ISTHMUS_ROLE_TAKEN') throw error;
        pause(before); // the other one is not through with the first run
        continue;
      }
      await told(() => pipe.sendSync(large(10 * me + run)));
      await told(() => {
        const message = pipe.receiveSync();
        if (message !== undefined) got.push(numberOf(message));
      });
      pipe.close();
      break;
    }
  }
  return { got };
};
/** Takes what end it gets, if any. */
const tries = async (context) => {
  try {
    const pipe = open(context);
    pipe.trySend(large(1));
    pipe.close();
    return { end: true };
  } catch (error) {
    if (!TOLD.includes(error.code) && error.code !== 'ERR_ISTHMUS_ROLE_TAKEN') throw error;
    return { end: error.code };
  }
};

const CASES = {
  // Were both to send more than fits before they receive, they would wait for each other.
  'two talk: Sync, Sync': [talks('Sync', 2), talks('Sync', 1)],
  'two talk: promise, promise': [talks('promise', 1), talks('promise', 2)],
  'one closes, one sends: Sync': [closes, insists('Sync')],
  'one closes, one sends: promise': [closes, insists('promise')],
  'two run twice': [twice, twice],
  'three open': [tries, tries, tries],
};

export const variants = Object.fromEntries(
  Object.keys(CASES).map((name) => [
    name,
    { bound: 2, crashBound: 1, random: 100, most: 2000, mostCrash: 25 },
  ]),
);

export default (variant) => ({
  actors: CASES[variant],
  // Something for the explorer to hold on to; the pipe comes and goes.
  create: ({ Value }, name) => Value.create(name, 'i32'),
  names: true,
  limit: 8000,
  prepare: ({ name }) => rmSync(`/dev/shm/${nameOf(name)}`, { force: true }),
  // The mark of a slot that comes and goes tells nothing here: its death is found when a sleep ends. See pipe-deaths.mjs.
  sleepsAfter: () => 1,
  // Without an end of its own it leaves the other one waiting for somebody to come, as it should.
  mayWaitForEver: ({ isthmus, name, killed }) => {
    if (killed === undefined) return false;
    const { a, b } = isthmus.inspect(nameOf(name)).contents;
    return a === undefined || b === undefined || variant === 'two run twice';
  },
  check: (context) => variant.startsWith('two talk') && everythingCame(context),
});

export function everythingCame({ values, gone }) {
  if (gone !== undefined) return;
  for (const me of [0, 1]) {
    const { sent, sending, receiving } = values[me];
    const { got } = values[1 - me];
    if (sending !== 'nothing' || receiving !== 'nothing')
      throw new Error(`${me} was told: ${sending}, ${receiving}`);
    const expected = Array.from({ length: sent }, (_, n) => 10 * me + n);
    if (got.join() !== expected.join()) throw new Error(`${me} sent ${expected}, the other got ${got}`);
  }
}
