// examples/worker-pool: workers are killed at random moments, and the report is what one process finds alone.

import { createHash, randomBytes, randomInt } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Queue } from 'isthmus';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check, freshId, launch, makeHome, personal, ROOT, sweep } from '../docs/blocks.js';

const PROGRAMS = ['dispatch.mjs', 'queues.mjs', 'work.mjs'];
const WORKERS = 3;
const KILLS = 10;
const home = makeHome();
let tree: string;
beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'isthmus-tree-'));
});
afterAll(() => {
  for (const folder of [home, tree]) rmSync(folder, { recursive: true, force: true });
});

/** A tree of text, bytes and nothing, and what a report of it must say. */
function plant(files: number): string[] {
  const report: string[] = [];
  for (let n = 0; n < files; n++) {
    const folder = join(tree, `folder ${n % 7}`, `${n % 3}`);
    mkdirSync(folder, { recursive: true });
    const line = `${n} ${randomBytes(20).toString('hex')}\n`;
    const size = n % 10 === 0 ? 0 : randomInt(400_000);
    const bytes = n % 2 ? randomBytes(size) : Buffer.from(line.repeat(size / line.length));
    const path = join(folder, `file-${n}`);
    writeFileSync(path, bytes);
    const lines = bytes.filter((byte) => byte === 10).length;
    const hash = createHash('sha256').update(bytes).digest('hex');
    report.push(`${hash} ${gzipSync(bytes).length} ${lines} ${path}`);
  }
  return report;
}

/** The pool under names of its own; ends all that it started. */
async function inPool(
  work: (start: (...args: string[]) => ReturnType<typeof launch>, id: string) => Promise<void>,
): Promise<void> {
  const id = freshId();
  const running: ReturnType<typeof launch>[] = [];
  cpSync(join(ROOT, 'examples/worker-pool'), home, { recursive: true });
  for (const file of PROGRAMS)
    writeFileSync(join(home, file), personal(readFileSync(join(home, file), 'utf8'), id));
  const start = (...args: string[]) => {
    const one = launch(args.join(' '), process.execPath, args, home);
    running.push(one);
    return one;
  };
  try {
    await work(start, id);
  } finally {
    for (const { child } of running) child.kill('SIGKILL');
  }
  sweep('worker-pool', id);
}

function openJobs(id: string): Queue<{ path: string }> {
  return Queue.open(`example-${id}-files-jobs`, {
    capacity: '256KB',
    lifetime: 'attached',
    maxAttempts: 20,
    deadLetter: `example-${id}-files-results`,
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('the report is complete and right, whoever is killed', async () => {
  const expected = plant(200);
  await inPool(async (start, id) => {
    // Those who come when all is over find an ended queue, as long as somebody has it open.
    const jobs = openJobs(id);
    const dispatcher = start('dispatch.mjs', tree);
    // We keep one file to ourselves, so that it is not over before the last blow, however fast the workers are.
    const kept = await jobs.take();
    const workers = Array.from({ length: WORKERS }, () => start('work.mjs'));
    for (let kills = 0; kills < KILLS; kills++) {
      await pause(randomInt(20, 400));
      const [victim] = workers.splice(randomInt(workers.length), 1, start('work.mjs'));
      victim!.child.kill('SIGKILL');
    }
    kept!.retry();
    const { stdout, stderr, code } = await dispatcher.ended;
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/200 files[\s\S]* 0 failed/),
    });
    expect(stdout.trimEnd().split('\n').sort()).toEqual(expected.sort());
    await check(workers); // they end by themselves
    jobs.close();
  });
});

test('an empty tree; a worker that comes first', async () => {
  const empty = join(tree, 'empty');
  mkdirSync(empty);
  await inPool(async (start, id) => {
    const worker = start('work.mjs');
    // When it has the queue: one that comes only after the dispatcher has left would wait for another dispatcher.
    while (!existsSync(`/dev/shm/example-${id}-files-jobs`)) await pause(10);
    expect(await start('dispatch.mjs', empty).ended).toMatchObject({ code: 0, stdout: '' });
    await check([worker]);
  });
});

test('a file that no worker survives is reported, and the others are done', async () => {
  const folder = join(tree, 'deadly');
  mkdirSync(folder);
  for (const name of ['a', 'b']) writeFileSync(join(folder, name), `${name}\n`);
  await inPool(async (start, id) => {
    const jobs = openJobs(id);
    const dispatcher = start('dispatch.mjs', folder);
    for (let attempt = 1; attempt <= 20; attempt++) {
      const job = await jobs.take();
      expect([job!.message.path, job!.attempt]).toEqual([join(folder, 'a'), attempt]);
      job!.retry(); // as if its worker had died
    }
    const worker = start('work.mjs');
    const { code, stdout } = await dispatcher.ended;
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAILED .*\/a: every worker that took it died\n[0-9a-f]{64} \d+ 1 .*\/b\n$/);
    await check([worker]);
    jobs.close();
  });
});
