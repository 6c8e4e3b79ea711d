// A library that is written for MessagePorts, between unrelated processes: comlink as it is.

import { Pipe } from 'isthmus';
import { expect, test } from 'vitest';
import { freshName, nodeRequire, start } from '../processes/start.js';

type Comlink = typeof import('comlink');
const comlink = nodeRequire('comlink') as Comlink;

interface Counter {
  count: number;
  add(n: number): number;
  greet(who: { name: string }): Promise<string>;
  fail(): never;
}

test('comlink: expose in one process, wrap in another', async () => {
  const name = freshName();
  const peer = start(({ Pipe }, { args, require }) => {
    const { expose } = require('comlink') as Comlink;
    const counter = {
      count: 0,
      add(n: number) {
        counter.count += n;
        return counter.count;
      },
      async greet({ name }: { name: string }) {
        return `hello ${name} from ${process.pid}`;
      },
      fail() {
        throw new RangeError('no more');
      },
    };
    expose(counter, Pipe.open(args[0]!).port() as never);
  }, name);
  const port = Pipe.open(name).port();
  const counter = comlink.wrap<Counter>(port as never);
  expect(await counter.add(5)).toBe(5);
  expect(await Promise.all([counter.add(1), counter.add(2), counter.add(3)])).toEqual([6, 8, 11]);
  expect(await counter.count).toBe(11);
  expect(await counter.greet({ name: 'comlink' })).toBe(`hello comlink from ${peer.pid}`);
  await expect(counter.fail()).rejects.toThrow('no more');
  // A callback would need a port of its own to be transferred.
  const callback = comlink.proxy(() => undefined) as never;
  await expect(Promise.resolve(counter.add(callback))).rejects.toThrow(/nothing can be transferred/);
  counter[comlink.releaseProxy]();
  port.close();
  await peer.done();
});
