// maps-writer.mjs MAP ROLE SECONDS LRU: writes as fast as it can: values of all sizes whose bytes follow from their number, and
// under its own role the number that it has reached.

import { SharedMap } from 'isthmus';
import { check, now, random } from './processes.mjs';

const [name, role, seconds, lru] = process.argv.slice(2);
const map = SharedMap.attach(name);
const until = now() + 1000 * Number(seconds);
for (let number = 1; now() < until; number++) {
  const key = `key ${random(lru === 'true' ? 20_000 : 500)}`;
  const length = random(10) === 0 ? random(5000) : random(300);
  map.set(key, new Uint8Array(length).fill(number & 255));
  map.set(role, { number, twice: [number, 'x'.repeat(number % 300), number] });
  if (number % 7 === 0) map.delete(`key ${random(500)}`);
  if (lru === 'true') check(map.size <= map.maxEntries, `${map.size} entries`);
}
map.close();
