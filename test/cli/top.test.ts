// isthmus top, for programs and files: one table, or a line of JSON for each round.

import { closeSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { Lock, PermitPool, Queue, Semaphore, SharedMap, SpscQueue, unlink, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { start as startPeer } from '../processes/start.js';
import { eventually, exists, fileOf, freshName, isthmus, start } from './command.js';

interface Seen {
  readonly name: string;
  readonly kind: string;
  readonly instance: string;
  readonly summary: string;
  readonly rates: Record<string, number> | null;
  readonly attached: { readonly pid: number; readonly thread: number }[];
  readonly holds: {
    readonly as: string;
    readonly pid: number;
    readonly alive: boolean;
    readonly atLeastSeconds?: number;
  }[];
  readonly waits: {
    readonly for: string;
    readonly count?: number;
    readonly who?: { readonly pid: number }[];
  }[];
  readonly problem?: string;
}

function objectsIn(line: string): Seen[] {
  return (JSON.parse(line) as { objects: Seen[] }).objects;
}

/** One round about the objects with this in their names. */
async function once(filter: string, seconds = 0.4): Promise<Seen[]> {
  const { code, stdout, stderr } = await isthmus([
    'top',
    '--json',
    '--once',
    '--interval',
    String(seconds),
    '--filter',
    filter,
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return objectsIn(stdout.toString());
}

/** The cells of the line about a name. */
function cellsOf(table: string, name: string): string[] {
  return (table.split('\n').find((line) => line.startsWith(`/${name} `)) ?? '').split(/\s{2,}/);
}

describe('where there is no terminal', () => {
  test('one table after one interval, without a single escape sequence', async () => {
    const [value, queue, pool] = [freshName(), freshName(), freshName()] as [string, string, string];
    Value.create(value, 'i32', { initial: 42 }).close();
    const jobs = Queue.create(queue);
    jobs.putManySync(['a', 'b']);
    jobs.close();
    PermitPool.create(pool, 3).close();
    const { code, stdout, stderr } = await isthmus(['top', '--interval', '0.2']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const table = stdout.toString();
    expect(table).not.toContain('\x1b');
    expect(table).toMatch(/^NAME +KIND +SIZE +CONTENTS +IN\/S +OUT\/S +ATTACHED +HELD BY +WAITS FOR\n/);
    const size = expect.stringMatching(/^[\d.]+ [KM]B$/);
    expect(cellsOf(table, value)).toEqual([`/${value}`, 'value', size, '42', '0', '–', 'nobody', '–', '–']);
    expect(cellsOf(table, queue)).toEqual([
      `/${queue}`,
      'queue',
      size,
      '2 messages',
      '0',
      '0',
      'nobody',
      '–',
      '–',
    ]);
    expect(cellsOf(table, pool)).toEqual([`/${pool}`, 'pool', size, '3 free', '–', '–', 'nobody', '–', '–']);
  });

  test('--count: so many tables, or so many lines of JSON', async () => {
    const name = freshName();
    Value.create(name, 'i32').close();
    const common = ['top', '--count', '3', '--interval', '0.1', '--filter', name];
    const tables = (await isthmus(common)).stdout.toString();
    expect(tables.split('\n\n').map((table) => table.split('\n')[0]!.slice(0, 4))).toEqual([
      'NAME',
      'NAME',
      'NAME',
    ]);
    const lines = (await isthmus([...common, '--json'])).stdout.toString().trimEnd().split('\n');
    expect(lines.map((line) => objectsIn(line).map((one) => one.name))).toEqual([
      [`/${name}`],
      [`/${name}`],
      [`/${name}`],
    ]);
  });

  test('sorts by a column, and backwards', async () => {
    const prefix = freshName();
    const names = ['a', 'b', 'c'].map((end) => `${prefix}-${end}`);
    for (const [n, name] of names.entries()) Value.create(name, 'i32', { initial: [5, 9, 7][n]! }).close();
    try {
      const order = async (...options: string[]): Promise<string[]> => {
        const args = ['top', '--json', '--once', '--interval', '0.1', '--filter', prefix, ...options];
        return objectsIn((await isthmus(args)).stdout.toString()).map(({ name }) => name.at(-1)!);
      };
      expect(await order()).toEqual(['a', 'b', 'c']);
      expect(await order('--sort', 'contents')).toEqual(['b', 'c', 'a']);
      expect(await order('--sort', 'contents', '--reverse')).toEqual(['a', 'c', 'b']);
    } finally {
      for (const name of names) unlink(name);
    }
  });

  test('nobody reads any more: it ends, and says nothing', async () => {
    const command = start(['top', '--json', '--interval', '0.1']);
    await eventually('a first line', () => command.stdout.includes('\n'));
    command.child.stdout!.destroy();
    expect(await command.outcome()).toMatchObject({ code: 141, stderr: '' });
  });

  test('without --once and --count, JSON goes on until a signal', async () => {
    const command = start(['top', '--json', '--interval', '0.1', '--filter', 'no-such-name']);
    await eventually('three lines', () => command.stdout.split('\n').length > 3);
    command.child.kill('SIGINT');
    expect((await command.outcome()).code).toBe(130);
    for (const line of command.stdout.trimEnd().split('\n')) expect(objectsIn(line)).toEqual([]);
  });
});

test('rates of what really happens, in every kind that counts', async () => {
  const prefix = freshName();
  const names = ['queue', 'spsc', 'map', 'list', 'value', 'event', 'barrier'].map(
    (kind) => `${prefix}-${kind}`,
  );
  const busy = startPeer(
    async ({ Queue, SpscQueue, SharedMap, SharedList, Value, Event, Barrier }, { args, say, sleep }) => {
      const [queue, spsc, map, list, value, event, barrier] = args[0]! as unknown as [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      const jobs = Queue.open(queue);
      const ring = SpscQueue.open(spsc);
      const [producer, consumer] = [ring.producer(), ring.consumer()];
      const entries = SharedMap.open(map);
      const items = SharedList.open(list);
      const count = Value.open(value, 'i64');
      const flag = Event.open(event);
      const alone = Barrier.open(barrier, 1);
      for (let n = 0; ; n++) {
        for (let i = 0; i < 3; i++) jobs.tryPut(n);
        jobs.tryGet();
        producer.tryPut(Buffer.alloc(1000));
        consumer.tryGet();
        entries.set(String(n % 10), n);
        items.push(n);
        if (items.length > 10) items.shift();
        count.sub(2);
        flag.set();
        flag.clear();
        alone.waitSync();
        if (n === 0) say();
        await sleep(5);
      }
    },
    names,
  );
  try {
    await busy.said();
    let found = new Map<string, Seen>();
    const rates = (kind: string): Record<string, number> => found.get(kind)!.rates!;
    // All are done in turn: their ratios are known, whatever the speed is. But a second in which this machine stood still
    // has too few turns to tell, or a part of one between two looks.
    let turns = 0;
    for (let round = 0; round < 10 && turns < 20; round++) {
      found = new Map((await once(prefix, 1)).map((one) => [one.kind, one]));
      turns = rates('queue')['taken']!;
    }
    for (const kind of ['queue', 'spsc', 'map', 'list', 'value', 'event', 'barrier'])
      expect(found.get(kind)!.attached).toMatchObject([{ pid: busy.pid, thread: 0 }]);
    expect(turns).toBeGreaterThan(0);
    const near = (rate: number | undefined, times: number): void => {
      expect(rate! / turns).toBeGreaterThan(times * 0.6);
      expect(rate! / turns).toBeLessThan(times * 1.6);
    };
    near(rates('queue')['put'], 3);
    near(rates('spsc')['put'], 1008);
    near(rates('spsc')['taken'], 1008);
    near(rates('map')['set'], 1);
    near(rates('list')['changed'], 2);
    near(rates('event')['calls'], 1);
    near(rates('barrier')['rounds'], 1);
    expect(rates('value')['net']! / turns).toBeLessThan(-1.2);
    expect(rates('value')['net']! / turns).toBeGreaterThan(-3.2);
  } finally {
    busy.kill();
    await busy.exited;
    for (const name of names) if (exists(name)) unlink(name);
  }
});

describe('who holds, who waits, who is gone', () => {
  test('the holder of a lock is named, with how long at least, and that somebody waits', async () => {
    const name = freshName();
    const lock = Lock.create(name);
    const guard = lock.acquireSync();
    const peer = startPeer(async ({ Lock }, { args, say }) => {
      const waiting = Lock.open(args[0]!).acquire();
      say();
      await waiting;
    }, name);
    await peer.said();
    let seen: Seen | undefined;
    // The mark of who waits is set a little after it said so.
    for (let look = 0; look < 20 && (seen?.waits.length ?? 0) === 0; look++) [seen] = await once(name);
    expect(seen).toMatchObject({
      summary: 'held',
      holds: [{ as: 'lock', pid: process.pid, thread: 0, alive: true }],
      waits: [{ for: 'lock' }],
    });
    expect(seen!.holds[0]!.atLeastSeconds).toBeGreaterThanOrEqual(0.4); // one interval
    expect(seen!.attached.map(({ pid }) => pid).sort()).toEqual([process.pid, peer.pid].sort());
    const text = (await isthmus(['top', '--once', '--interval', '1.2', '--filter', name])).stdout.toString();
    expect(cellsOf(text, name).slice(-2)).toEqual([
      expect.stringMatching(`^${process.pid} ≥ [1-9]\\d* s$`),
      'lock',
    ]);
    guard.release();
    await peer.done();
    lock.close();
  });

  test('a permit, a job, the two sides of a queue', async () => {
    const [pool, queue, spsc] = [freshName(), freshName(), freshName()] as [string, string, string];
    const permits = PermitPool.create(pool, 2);
    const permit = permits.acquireSync();
    const jobs = Queue.create(queue);
    jobs.putSync(1);
    const job = jobs.takeSync();
    const producer = SpscQueue.producer(spsc);
    expect((await once(pool))[0]).toMatchObject({
      summary: '1 free',
      holds: [{ as: 'permit', pid: process.pid }],
    });
    expect((await once(queue))[0]).toMatchObject({
      summary: '0 messages, 1 out',
      holds: [{ as: 'job', pid: process.pid }],
    });
    expect((await once(spsc))[0]).toMatchObject({ holds: [{ as: 'producer', pid: process.pid }] });
    const table = (await isthmus(['top', '--interval', '0.1', '--filter', spsc])).stdout.toString();
    expect(cellsOf(table, spsc)[7]).toBe(`${process.pid} → –`);
    permit.release();
    job!.done();
    for (const one of [permits, jobs, producer]) one.close();
  });

  test('a killed process vanishes; what it held says so', async () => {
    const name = freshName();
    const peer = startPeer(({ Lock }, { args, say }) => {
      Lock.open(args[0]!).acquireSync();
      say();
      setInterval(() => undefined, 1000);
    }, name);
    await peer.said();
    const command = start(['top', '--json', '--interval', '0.1', '--filter', name]);
    const last = (): Seen | undefined => {
      const line = command.stdout.split('\n').at(-2);
      return line === undefined ? undefined : objectsIn(line)[0];
    };
    await eventually(
      'it is there',
      () => last()?.attached[0]?.pid === peer.pid && last()?.holds[0]?.alive === true,
    );
    peer.kill();
    await peer.exited;
    await eventually('it is gone', () => last()?.attached.length === 0);
    expect(last()!.holds).toMatchObject([{ as: 'lock', pid: peer.pid, alive: false }]);
    command.kill();
    const table = (await isthmus(['top', '--once', '--interval', '0.1', '--filter', name])).stdout.toString();
    expect(cellsOf(table, name)[3]).toBe('abandoned');
    expect(cellsOf(table, name).slice(-3)).toEqual(['nobody', `${peer.pid} (gone)`, '–']);
  });
});

describe('objects that change under its eyes', () => {
  test('damaged, foreign, impossible names: a row with the problem, and the others go on', async () => {
    const prefix = freshName();
    const [sound, short, raw, odd] = ['sound', 'short', 'raw', 'odd\u001b[31m'].map(
      (end) => `${prefix}-${end}`,
    ) as [string, string, string, string];
    Value.create(sound, 'i32', { initial: 1 }).close();
    Value.create(short, 'i32').close();
    truncateSync(fileOf(short), 5000);
    writeFileSync(fileOf(raw), 'not ours');
    writeFileSync(fileOf(odd), 'x');
    try {
      const objects = await once(prefix);
      const found = Object.fromEntries(objects.map(({ name, ...rest }) => [name, rest]));
      expect(found[`/${sound}`]).toMatchObject({ kind: 'value', summary: '1', rates: { net: 0 } });
      expect(found[`/${short}`]!.problem).toMatch(/damaged.*5000/);
      expect(found[`/${raw}`]).toMatchObject({ kind: 'memory' });
      expect(found[`/${raw}`]).not.toHaveProperty('problem');
      const { stdout } = await isthmus(['top', '--interval', '0.1', '--filter', prefix]);
      expect(stdout.toString()).not.toContain('\x1b');
      expect(stdout.toString()).toContain(`/${prefix}-odd\\x1b[31m`);
    } finally {
      for (const name of [sound, short, raw, odd]) rmSync(fileOf(name));
    }
  });

  test('words that make no sense are a problem or a number, never the end', async () => {
    const name = freshName();
    SharedMap.create(name).close();
    const command = start(['top', '--json', '--interval', '0.1', '--filter', name]);
    await eventually('it is seen', () => command.stdout.includes(`/${name}`));
    const fd = openSync(fileOf(name), 'r+');
    for (let at = 4096; at < 65536; at += 512) writeSync(fd, Buffer.alloc(512, 0xff), 0, 512, at);
    closeSync(fd);
    const lines = command.stdout.split('\n').length;
    await eventually('it goes on', () => command.stdout.split('\n').length > lines + 3);
    command.child.kill('SIGINT');
    const { code, stderr } = await command.outcome();
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
  });

  test('one that is replaced starts anew, one that is removed is no longer there', async () => {
    const name = freshName();
    const make = (n: number): void => {
      const value = Value.create(name, 'i32', { initial: n });
      value.close();
    };
    make(1_000_000);
    const command = start(['top', '--json', '--interval', '0.1', '--filter', name]);
    const rounds = (): (Seen | undefined)[] =>
      command.stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => objectsIn(line)[0]);
    await eventually('it is seen', () => rounds().at(-1)?.summary === '1000000');
    unlink(name);
    make(5);
    await eventually(
      'the new one is seen',
      () => rounds().at(-1)?.summary === '5' && rounds().at(-1)?.rates !== null,
    );
    unlink(name);
    await eventually('it is gone', () => rounds().length > 1 && rounds().at(-1) === undefined);
    command.child.kill('SIGTERM');
    expect((await command.outcome()).code).toBe(143);
    const seen = rounds().filter((one) => one !== undefined);
    expect(new Set(seen.map(({ instance }) => instance)).size).toBe(2);
    // A rate across the two would be a million downwards.
    for (const { rates } of seen) if (rates !== null) expect(rates['net']).toBe(0);
  });

  test('it changes not one byte, and takes no slot', async () => {
    const name = freshName();
    using value = Value.create(name, 'i32', { initial: 3, participants: 1 }); // there is room for nobody else
    const before = readFileSync(fileOf(name));
    const [seen] = await once(name);
    expect(seen).toMatchObject({ summary: '3', attached: [{ pid: process.pid }] });
    expect(readFileSync(fileOf(name)).equals(before)).toBe(true);
    expect(value.value).toBe(3);
  });
});

test('a semaphore: its permits, and that somebody waits for one', async () => {
  const name = freshName();
  const semaphore = Semaphore.open(name, { initial: 1 });
  expect((await once(name))[0]).toMatchObject({
    name: `/${name}`,
    kind: 'semaphore',
    summary: '1 permit',
    waits: [],
  });
  semaphore.acquireSync();
  const peer = startPeer(({ Semaphore }, { args, say }) => {
    say();
    Semaphore.open(args[0]!, { initial: 1 }).acquireSync();
  }, name);
  await peer.said();
  let seen: Seen | undefined;
  for (let look = 0; look < 20 && (seen?.waits.length ?? 0) === 0; look++) [seen] = await once(name);
  expect(seen).toMatchObject({ summary: '0 permits', waits: [{ for: 'permit' }] });
  semaphore.release();
  await peer.done();
  semaphore.close();
});

test('--help tells keys, columns and exit codes', async () => {
  const { code, stdout, stderr } = await isthmus(['top', '--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const told of [
    /^Usage: isthmus top/,
    /q quits/,
    /IN\/S, OUT\/S/,
    /--interval <seconds>/,
    /Exit codes:/,
  ])
    expect(stdout.toString()).toMatch(told);
});

test.each<[string[], RegExp]>([
  [['top', 'name'], /too many arguments/],
  [['top', '--interval', '0'], /number of seconds from 0\.1 to 3600/],
  [['top', '--interval', 'soon'], /number of seconds/],
  [['top', '--count', '0'], /whole number above 0/],
  [['top', '--once', '--count', '2'], /cannot be used with/],
  [['top', '--sort', 'colour'], /Allowed choices are name, kind/],
])('isthmus %j: exit code 2 and a message', async (args, message) => {
  const { code, stdout, stderr } = await isthmus(args);
  expect({ code, out: stdout.toString() }).toEqual({ code: 2, out: '' });
  expect(stderr).toMatch(message);
});
