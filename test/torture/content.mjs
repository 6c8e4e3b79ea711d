// What a message carries: its number, the life of its sender, and bytes that follow from the number, of random length.

const HEADER = 32;
const POOL = Buffer.alloc(1 << 17);
let state = 88_172_645;
for (let at = 0; at < POOL.length; at++) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  POOL[at] = state;
}

const mix = (number) => Math.imul(number ^ (number >>> 15), 0x2c1b3c6d) >>> 0;

/** Most are small, every 50th is up to `largest`. */
function lengthOf(number, largest) {
  const drawn = mix(number);
  const body = drawn % (number % 50 === 0 ? largest - HEADER + 1 : Math.min(largest - HEADER + 1, 700));
  return HEADER + body;
}

const bodyOf = (number, length) => {
  const offset = mix(number + 7) & 0xffff;
  return POOL.subarray(offset, offset + length - HEADER);
};

const sumOf = (header) => {
  let sum = 0x811c9dc5;
  for (let at = 0; at < HEADER - 4; at++) sum = Math.imul(sum ^ header[at], 0x01000193);
  return sum >>> 0;
};

/** `from`: the first number that the life sends; everything before it was acknowledged in earlier lives. */
export function messageOf({ number, life, from }, largest) {
  const message = Buffer.allocUnsafe(lengthOf(number, Math.min(largest, 60_000)));
  message.writeDoubleLE(number, 0);
  message.writeDoubleLE(from, 8);
  message.writeUInt32LE(life, 16);
  message.writeUInt32LE(message.length, 20);
  message.writeUInt32LE(0, 24);
  message.writeUInt32LE(sumOf(message), 28);
  message.set(bodyOf(number, message.length), HEADER);
  return message;
}

/** The same three, of a message that is whole; anything else is an error. */
export function readMessage(bytes) {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const whole =
    message.length >= HEADER &&
    message.readUInt32LE(20) === message.length &&
    message.readUInt32LE(28) === sumOf(message);
  if (!whole)
    throw new Error(
      `a torn message: ${message.length} bytes, ${message.subarray(0, HEADER).toString('hex')}`,
    );
  const number = message.readDoubleLE(0);
  if (!message.subarray(HEADER).equals(bodyOf(number, message.length)))
    throw new Error(`message ${number} of ${message.length} bytes has other content than was sent`);
  return { number, from: message.readDoubleLE(8), life: message.readUInt32LE(16) };
}
