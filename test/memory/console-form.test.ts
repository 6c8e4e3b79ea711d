// What console.log (util.inspect) shows of handles: something short that tells them apart, whatever state they are in.

import { closeSync, openSync, writeSync } from 'node:fs';
import { inspect } from 'node:util';
import * as isthmus from 'isthmus';
import { describe, expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';

interface Handle {
  readonly name: string;
  close(): void;
}

const MAX = { maxBytes: '64KB' };

/** Every class that is opened under a name, and what is shown of a new handle. NAME stands for the object's. */
const CLASSES: Record<string, { open(name: string): Handle; shown: string }> = {
  Value: {
    open: (name) => isthmus.Value.open(name, 'i32', { initial: 42 }),
    shown: "Value 'NAME' { type: 'i32', value: 42 }",
  },
  SharedArray: {
    open: (name) => isthmus.SharedArray.open(name, 'f64', [1.5, 2]),
    shown: "SharedArray 'NAME' { type: 'f64', view: Float64Array(2) [ 1.5, 2 ] }",
  },
  SharedStruct: {
    open: (name) => isthmus.SharedStruct.open(name, { hits: 'u64', label: isthmus.text(8) }),
    shown: "SharedStruct 'NAME' { fields: [ 'hits', 'label' ] }",
  },
  SharedMemory: {
    open: (name) => isthmus.SharedMemory.open(name, 4096),
    shown: "SharedMemory 'NAME' { size: 4096 }",
  },
  Semaphore: {
    open: (name) => isthmus.Semaphore.open(name, { initial: 3 }),
    shown: "Semaphore 'NAME' { value: 3 }",
  },
  Lock: { open: (name) => isthmus.Lock.open(name), shown: "Lock 'NAME' { owner: undefined }" },
  RLock: { open: (name) => isthmus.RLock.open(name), shown: "RLock 'NAME' { owner: undefined, depth: 0 }" },
  RwLock: {
    open: (name) => isthmus.RwLock.open(name),
    shown: "RwLock 'NAME' { read: RwLockSide { owner: undefined }, write: RwLockSide { owner: undefined } }",
  },
  PermitPool: {
    open: (name) => isthmus.PermitPool.open(name, 2),
    shown: "PermitPool 'NAME' { permits: 2, available: 2 }",
  },
  Event: { open: (name) => isthmus.Event.open(name), shown: "Event 'NAME' { isSet: false }" },
  Condition: { open: (name) => isthmus.Condition.open(name), shown: "Condition 'NAME' { lock: 'NAME' }" },
  Barrier: {
    open: (name) => isthmus.Barrier.open(name, 2),
    shown: "Barrier 'NAME' { parties: 2, waiting: 0 }",
  },
  Queue: {
    open: (name) => isthmus.Queue.open(name, { capacity: '64KB' }),
    shown: "Queue 'NAME' { size: 0, ended: false, capacity: 65536, codec: 'msgpack' }",
  },
  Pipe: {
    open: (name) => isthmus.Pipe.open(name, { capacity: 4096, codec: 'json' }),
    shown: "Pipe 'NAME' { sends: true, receives: true, capacity: 4096, codec: 'json' }",
  },
  SpscQueue: {
    open: (name) => isthmus.SpscQueue.open(name, { capacity: 4096 }),
    shown: "SpscQueue 'NAME' { used: 0, ended: false, capacity: 4096, codec: 'msgpack' }",
  },
  SpscProducer: {
    open: (name) => isthmus.SpscQueue.producer(name, { capacity: 4096 }),
    shown: "SpscProducer 'NAME' { ended: false, capacity: 4096 }",
  },
  SpscConsumer: {
    open: (name) => isthmus.SpscQueue.consumer(name, { capacity: 4096 }),
    shown: "SpscConsumer 'NAME' { ended: false, capacity: 4096 }",
  },
  SharedMap: {
    open: (name) => isthmus.SharedMap.open<string, number>(name, MAX).set('a', 1),
    shown: "SharedMap 'NAME' { size: 1, maxBytes: 65536, codec: 'msgpack' }",
  },
  SharedList: {
    open: (name) => {
      const list = isthmus.SharedList.open(name, MAX);
      list.push('a', 'b');
      return list;
    },
    shown: "SharedList 'NAME' { length: 2, maxBytes: 65536, codec: 'msgpack' }",
  },
  Namespace: {
    open: (name) => Object.assign(isthmus.Namespace.open(name, MAX), { level: 'debug' }),
    shown: "Namespace 'NAME' { level: 'debug' }",
  },
};
/** What is no handle on an object of its own. */
const OTHERS = ['Array', 'Guard', 'Job', 'MapTransaction', 'PipePort', 'RwLockSide'];
/** Those that have a header, behind which their memory can be overwritten. */
const OURS = Object.entries(CLASSES).filter(([name]) => name !== 'SharedMemory' && name !== 'Semaphore');

const oneLine = (value: unknown): string => inspect(value, { breakLength: Number.POSITIVE_INFINITY });

function remove(handle: Handle): void {
  handle.close();
  const { Semaphore, unlink } = isthmus;
  if (handle instanceof Semaphore) Semaphore.unlink(handle.name);
  else unlink(handle.name);
}

test('every class is here', () => {
  const classes = Object.entries(isthmus)
    .filter(([, value]) => typeof value === 'function' && /^class /.test(String(value)))
    .filter(([, value]) => !(value.prototype instanceof Error))
    .map(([name]) => name);
  expect([...Object.keys(CLASSES), ...OTHERS].sort()).toEqual(expect.arrayContaining(classes.sort()));
});

describe.each(Object.entries(CLASSES))('%s', (kind, { open, shown }) => {
  test('shows its class, its name and a few facts, and that it is closed', () => {
    const handle = open(freshName());
    expect(oneLine(handle)).toBe(shown.replaceAll('NAME', handle.name));
    expect(inspect({ a: { b: { handle } } }, { depth: 1 })).not.toContain(handle.name);
    expect(inspect([handle], { depth: 0 })).toBe(`[ [${kind} '${handle.name}'] ]`);
    remove(handle);
    expect(oneLine(handle)).toBe(`${kind} '${handle.name}' (closed)`);
  });
});

test.each(OURS)('%s: memory that makes no sense spoils nothing', (kind, { open }) => {
  const handle = open(freshName());
  const { header, size } = isthmus.inspect(handle.name);
  const fd = openSync(`/dev/shm${handle.name}`, 'r+');
  for (const byte of [0xff, 0x7f, 0x01, 0]) {
    const from = header!.wordsOffset;
    writeSync(fd, Buffer.alloc(size - from, byte), 0, size - from, from);
    expect(oneLine(handle)).toMatch(new RegExp(`^${kind} '${handle.name}' \\{ \\w+: .*\\}$`, 's'));
  }
  closeSync(fd);
  isthmus.unlink(handle.name);
});

test('guards, jobs and ports are shown with the name of their object', () => {
  const lock = isthmus.Lock.create(freshName());
  const guard = lock.acquireSync();
  expect(oneLine(guard)).toBe(`Guard '${lock.name}' { held: true, abandoned: false }`);
  expect(oneLine(lock)).toBe(`Lock '${lock.name}' { owner: { pid: ${process.pid}, thread: 0 } }`);
  guard.release();
  expect(oneLine(guard)).toBe(`Guard '${lock.name}' { held: false, abandoned: false }`);
  remove(lock);

  const queue = isthmus.Queue.create(freshName());
  queue.putSync({ page: { number: 7 } });
  const job = queue.takeSync()!;
  const about = `Job '${queue.name}' { message: { page: { number: 7 } }, attempt: 1, pending:`;
  expect(oneLine(job)).toBe(`${about} true }`);
  expect(inspect(job, { depth: 0 })).toContain('message: [Object]');
  job.done();
  expect(oneLine(job)).toBe(`${about} false }`);
  remove(queue);

  const pipe = isthmus.Pipe.create(freshName());
  const port = pipe.port();
  expect(oneLine(port)).toBe(`PipePort '${pipe.name}' { started: false, waiting: 0 }`);
  port.close();
  expect(oneLine(port)).toBe(`PipePort '${pipe.name}' (closed)`);
  isthmus.unlink(pipe.name);
});

test('looking does not wait for one who is in the middle of a change', async () => {
  const map = isthmus.SharedMap.create<string, number>(freshName(), MAX);
  const namespace = isthmus.Namespace.create<Record<string, number>>(freshName(), MAX);
  const list = isthmus.SharedList.create<number>(freshName(), MAX);
  list.push(1);
  const peer = start(
    ({ SharedMap, SharedList, Namespace }, { args, say }) => {
      const [one, two, three] = args as readonly string[];
      SharedMap.attach<string, number>(one!).update('a', () => {
        Namespace.map(Namespace.attach<Record<string, number>>(two!)).update('a', () => {
          SharedList.attach<number>(three!).update(0, () => {
            say();
            for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
          });
          return 1;
        });
        return 1;
      });
    },
    map.name,
    namespace.name,
    list.name,
  );
  await peer.said();
  peer.kill('SIGSTOP');
  expect(oneLine(map)).toContain('size: 0');
  expect(oneLine(list)).toContain('length: 1');
  expect(oneLine(namespace)).toBe(`Namespace '${namespace.name}'`);
  peer.kill('SIGKILL');
  await peer.exited;
  for (const one of [map, namespace, list]) remove(one);
});

test('the lock of an object is shown under the name of the object; types know nothing of all this', () => {
  const value = isthmus.Value.create(freshName(), 'u8');
  expect(oneLine(value.lock)).toBe(`Lock '${value.name}' { owner: undefined }`);
  // @ts-expect-error: no part of the public face
  expect(value[inspect.custom](2, {})).toContain('Value');
  remove(value);
});

describe.each(Object.entries(CLASSES))('what only looks like a %s', (kind, { open }) => {
  test('a proxy around it, or a stub made of its prototype, is shown without throwing', () => {
    const handle = open(freshName()) as Handle & object;
    const { prototype } = handle.constructor as { prototype: object };
    try {
      expect(inspect(new Proxy(handle, {}))).toContain(kind);
      expect(inspect(Object.create(prototype))).toContain(kind);
    } finally {
      handle.close();
    }
  });
});

test('a proxy around a guard, a job, a side of a RwLock is shown without throwing', () => {
  const queue = isthmus.Queue.open<number>(freshName());
  const lock = isthmus.Lock.open(freshName());
  const rwlock = isthmus.RwLock.open(freshName());
  queue.putSync(1);
  const job = queue.takeSync()!;
  const guard = lock.acquireSync();
  for (const one of [job, guard, rwlock.read])
    expect(inspect(new Proxy(one, {}))).toContain(one.constructor.name);
  job.done();
  guard.release();
  for (const one of [queue, lock, rwlock]) one.close();
});

test('a property that cannot be decoded hides none of the others of a Namespace', () => {
  const codec = {
    name: 'brittle',
    encode: (value: unknown) => Buffer.from(JSON.stringify(value)),
    decode: (bytes: Uint8Array) => {
      const value = JSON.parse(Buffer.from(bytes).toString()) as unknown;
      if (Array.isArray(value)) throw new Error('no arrays today');
      return value;
    },
  };
  const shared = isthmus.Namespace.open<Record<string, unknown>>(freshName(), { codec });
  shared['good'] = { n: 1 };
  shared['bad'] = [1];
  const shown = inspect(shared);
  shared.close();
  expect(shown).toMatch(/good: \{ n: 1 \}/);
  expect(shown).toMatch(/bad: <.+>/);
});
