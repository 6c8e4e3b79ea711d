// Message n: its number, and bytes that follow from it, 12 to some 3,000.

export function messageOf(number) {
  const message = Buffer.alloc(12 + ((number * 2654435761) % 3000));
  message.writeDoubleLE(number);
  message.writeUInt32LE(message.length, 8);
  for (let at = 12; at < message.length; at++) message[at] = (number + at) & 0xff;
  return message;
}

/** The number of a message that is whole; NaN for any other. */
export function numberOf(bytes) {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (message.length < 12 || message.readUInt32LE(8) !== message.length) return Number.NaN;
  const number = message.readDoubleLE();
  for (let at = 12; at < message.length; at++) if (message[at] !== ((number + at) & 0xff)) return Number.NaN;
  return number;
}
