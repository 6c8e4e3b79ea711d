// What a message costs by its size, 8 bytes to 16 MB. The goals are for the zero-copy form.

import { bytePeers, ring, spsc } from './spsc.mjs';

const SIZES = [8, 64, 1024, 16_384, 65_536, 2 ** 20, 2 ** 24];
const QUICK = [1024, 65_536, 2 ** 20];
const RATIOS = new Map([
  [1024, 3],
  [65_536, 1.3],
  [2 ** 20, 1.2],
]);

const named = (bytes) =>
  bytes < 1024 ? `${bytes} B` : bytes < 2 ** 20 ? `${bytes / 1024} KB` : `${bytes / 2 ** 20} MB`;

export default {
  name: 'sizes',
  title: 'SpscQueue: message sizes',
  points: ({ quick }) =>
    (quick ? QUICK : SIZES).map((bytes) => {
      // Four of the largest messages fit at a time, in every ring.
      const capacity = Math.max(2 ** 20, 4 * (bytes + 8));
      const options = { capacity, least: bytes > 2 ** 20 ? 4 : bytes === 2 ** 20 ? 20 : 200 };
      // A peer copies a large message many times: less often will do.
      const peers = bytePeers(bytes, { ...options, share: 0.5 });
      return {
        id: `sizes-${bytes}`,
        title: `${named(bytes)} messages, one way`,
        unit: 'message',
        x: bytes,
        chart: 'sizes',
        contenders: [
          spsc('isthmus put/get', 'sync', bytes, options),
          spsc('isthmus reserve/peek', 'place', bytes, options),
          ring('C++ ring', 'copy', bytes, options),
          ring('C++ ring, read in place', 'place', bytes, options),
          ...peers,
        ],
        goals: RATIOS.has(bytes)
          ? [
              {
                subject: 'isthmus reserve/peek',
                against: 'C++ ring, read in place',
                ratio: RATIOS.get(bytes),
              },
            ]
          : [],
      };
    }),
};
