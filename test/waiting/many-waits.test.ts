// A thousand promises on three hundred objects: the event loop runs on, no CPU is burnt, each ends as it should.

import { describe, expect, test } from 'vitest';
import { freshName, startWith } from '../processes/start.js';

describe.each([{}, { ISTHMUS_DISABLE: 'futex_waitv' }])('with environment %o', (env) => {
  test('1,000 promises on 300 objects', async () => {
    const name = freshName('many');
    const peer = startWith(
      { env: { ...env, UV_THREADPOOL_SIZE: '1' }, watchdog: 110_000 },
      async ({ Value, TimeoutError, unlink }, { args, say, sleep, require }) => {
        const { readFile } = require('node:fs/promises') as typeof import('node:fs/promises');
        const values = Array.from({ length: 300 }, (_, i) =>
          Value.create(`${args[0]}-${i}`, 'i32', { lifetime: 'attached' }),
        );
        const abort = new AbortController();
        const begun = performance.now();
        const outcomes = { woken: 0, timedOut: 0, aborted: 0, wrong: 0 };
        const waits = Array.from({ length: 1000 }, (_, i) => {
          const value = values[i % 300]!;
          const wanted = 1 + Math.floor(i / 300);
          const promise =
            i % 10 === 8
              ? value.waitFor((n) => n < 0, { timeout: 7_000 })
              : i % 10 === 9
                ? value.waitFor((n) => n < 0, { signal: abort.signal })
                : value.waitFor((n) => n >= wanted);
          return promise.then(
            (n) => (n >= wanted && i % 10 < 8 ? outcomes.woken++ : outcomes.wrong++),
            (error: Error) => {
              if (i % 10 === 8 && error instanceof TimeoutError) outcomes.timedOut++;
              else if (i % 10 === 9 && error.name === 'AbortError') outcomes.aborted++;
              else outcomes.wrong++;
            },
          );
        });
        await sleep(1000); // let them fall asleep
        const files = await Promise.all([1, 2, 3, 4].map(() => readFile('package.json', 'utf8')));
        // What is burnt is burnt in each of these seconds; something else (a collection of garbage, a stop of the whole
        // machine that is put down to whoever runs) in one of them.
        const used: number[] = [];
        for (let second = 0; second < 5; second++) {
          const before = process.cpuUsage();
          await sleep(1000);
          const { user, system } = process.cpuUsage(before);
          used.push((user + system) / 1000);
        }
        // Where the machine stood still for a while, the time of those that give up is over.
        const early = performance.now() - begun < 7_000 ? { ...outcomes } : { ...outcomes, timedOut: 0 };
        say([files.length, used.sort((a, b) => a - b)[2], early]);
        for (const value of values) for (let n = 1; n <= 4; n++) value.value = n;
        abort.abort();
        await Promise.all(waits);
        say(outcomes);
        for (let i = 0; i < 300; i++) unlink(`${args[0]}-${i}`);
      },
      name,
    );
    const [files, cpu, early] = await peer.said<[number, number, object]>();
    expect(files).toBe(4);
    expect(early).toEqual({ woken: 0, timedOut: 0, aborted: 0, wrong: 0 });
    expect(cpu).toBeLessThan(env.ISTHMUS_DISABLE === undefined ? 20 : 50); // ms of CPU in 1 s, not a duration
    expect(await peer.said()).toEqual({ woken: 800, timedOut: 100, aborted: 100, wrong: 0 });
    await peer.done();
  });

  test('waits come and go on the same words without losing a wake-up', async () => {
    const name = freshName('churn');
    const peer = startWith(
      { env },
      async ({ Value }, { args, say }) => {
        const value = Value.create(args[0]!, 'i32');
        for (let round = 0; round < 300; round++) {
          const abort = new AbortController();
          const wanted = value.value + 1;
          const stay = [1, 2, 3].map(() => value.waitFor((n) => n >= wanted, { timeout: 30_000 }));
          const leave = [1, 2].map(() =>
            value.waitFor((n) => n >= wanted + 9, { signal: abort.signal }).catch(() => 'left'),
          );
          if (round % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
          abort.abort();
          setImmediate(() => value.add(1));
          await Promise.all([...stay, ...leave]);
        }
        say(value.value);
      },
      name,
    );
    expect(await peer.said()).toBe(300);
    await peer.done();
  });
});
