// maps-reader.mjs MAP ROLE SECONDS LRU: reads what the writers write: nothing is torn, and their numbers only grow and never
// stop growing while they write.

import { SharedMap } from 'isthmus';
import { check, now, random } from './processes.mjs';

const [name, , seconds, lru] = process.argv.slice(2);
const map = SharedMap.attach(name);
const until = now() + 1000 * Number(seconds);
const last = [0, 0, 0];
while (now() < until) {
  const bytes = map.get(`key ${random(lru === 'true' ? 20_000 : 500)}`);
  if (bytes !== undefined)
    check(
      bytes.every((byte) => byte === bytes[0]),
      'a torn value',
    );
  for (let writer = 0; writer < 3; writer++) {
    const found = map.get(`writer ${writer}`);
    if (found === undefined) continue; // not yet, or evicted
    const { number, twice } = found;
    const whole = twice[0] === number && twice[1].length === number % 300 && twice[2] === number;
    check(whole, `a torn value: ${JSON.stringify(found)}`);
    check(number >= last[writer], `writer ${writer}: ${number} after ${last[writer]}`);
    last[writer] = number;
  }
}
map.close();
