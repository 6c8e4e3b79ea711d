// What both sides of the queue's stress run agree on: what message n of a producer is.

/** Producers, and consumers. */
export const SEATS = 4;
const HEADER = 8;
const LARGEST = 65_536;
const POOL = Buffer.allocUnsafe(2 * LARGEST);
let state = 88_172_645;
for (let at = 0; at < POOL.length; at++) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  POOL[at] = state;
}

const mix = (number) => Math.imul(number ^ (number >>> 15), 0x2c1b3c6d) >>> 0;

/** Every thousandth is up to the largest, every tenth up to 1 KB, the others up to 100 bytes. */
function bodyOf(seat, number) {
  const drawn = mix(number * SEATS + seat);
  const most = number % 1000 === 999 ? LARGEST - HEADER : number % 10 === 9 ? 1024 : 100;
  const length = drawn % (most + 1);
  const offset = drawn >>> 16;
  return POOL.subarray(offset, offset + length);
}

/** The first message of each producer has no bytes at all. */
export function messageOf(seat, number) {
  if (number === 0) return Buffer.alloc(0);
  const body = bodyOf(seat, number);
  const message = Buffer.allocUnsafe(HEADER + body.length);
  message.writeUInt32LE(seat, 0);
  message.writeUInt32LE(number, 4);
  message.set(body, HEADER);
  return message;
}

/** Producer and number of a message that is what was sent, to the last byte. */
export function check(message) {
  if (message.length === 0) return undefined;
  const [seat, number] = [message.readUInt32LE(0), message.readUInt32LE(4)];
  if (message.subarray(HEADER).equals(bodyOf(seat, number))) return { seat, number };
  throw new Error(`message ${number} of producer ${seat} has other bytes than were sent (${message.length})`);
}
