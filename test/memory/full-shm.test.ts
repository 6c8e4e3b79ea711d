// A full /dev/shm is an error when an object is made, never a SIGBUS later.

import { constants } from 'node:buffer';
import { SharedArray, SharedMemory, SpscQueue } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { noPrivateShm, privateShm } from '../processes/private-shm.js';
import { freshName, startWith } from '../processes/start.js';

describe.runIf(noPrivateShm === undefined)('in a /dev/shm of 512 KB', () => {
  test('every kind says ENOSPC with figures, leaves nothing, and works when it fits', async () => {
    const peer = startWith(
      { through: privateShm('512k') },
      ({ SharedArray, SharedMemory, SpscQueue, Value }, { say, require }) => {
        const { readdirSync } = require('node:fs') as typeof import('node:fs');
        const attempts = [
          () => SharedMemory.create('a', '600KB'),
          () => SharedArray.create('b', 'f64', 100_000),
          () => SpscQueue.create('c', { capacity: '1MB' }),
          () => SpscQueue.producer('d', { capacity: '512KB' }),
        ];
        const errors = attempts.map((attempt) => {
          try {
            attempt();
            return 'made';
          } catch (error) {
            return { code: (error as { code: string }).code, message: (error as Error).message };
          }
        });
        say([errors, readdirSync('/dev/shm')]);
        // Fill it up to the last page: what exists stays usable, what does not fit is refused.
        const queue = SpscQueue.producer('q', { capacity: '64KB' });
        let made = 0;
        try {
          for (;;) Value.create(`v${made}`, 'i32').value = ++made;
        } catch (error) {
          say([(error as { code: string }).code, made > 5, readdirSync('/dev/shm').length === made + 1]);
        }
        const message = new Uint8Array(60_000).fill(1);
        say([queue.tryPut(message), Value.attach('v0').value]);
      },
    );
    const [errors, names] = await peer.said<[{ code: string; message: string }[], string[]]>();
    for (const error of errors) {
      expect(error).toMatchObject({
        code: 'ENOSPC',
        message: expect.stringMatching(/bytes are free.*--shm-size/),
      });
    }
    expect(names).toEqual([]);
    expect(await peer.said()).toEqual(['ENOSPC', true, true]);
    expect(await peer.said()).toEqual([true, 1]);
    await peer.done();
  });
});

test.runIf(noPrivateShm !== undefined)(`full /dev/shm not tested: ${noPrivateShm}`, () => undefined);

test('more than the runtime can map is a RangeError before the name exists', () => {
  const most = constants.MAX_LENGTH;
  if (most > 2 ** 40) return; // newer Nodes map more than any machine has
  const name = freshName();
  expect(() => SharedMemory.create(name, most + 1)).toThrow(RangeError);
  expect(() => SharedArray.create(name, 'f64', most / 8 + 1)).toThrow(RangeError);
  expect(() => SharedArray.attach(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test('more than /dev/shm has is ENOSPC before the name exists', () => {
  const name = freshName();
  const huge = Math.min(constants.MAX_LENGTH, 2 ** 45);
  if (huge < 2 ** 40) return; // Node 20 maps at most 4 GiB, which may well be free
  expect(() => SharedMemory.create(name, huge)).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
  expect(() => SpscQueue.attach(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
