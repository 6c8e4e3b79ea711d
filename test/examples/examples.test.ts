// Every program in examples/ runs to its end and leaves nothing behind. They are copied first, with names of their own
// (see test/docs/blocks.ts).

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { check, freshId, launch, makeHome, personal, ROOT, sweep } from '../docs/blocks.js';

const home = makeHome();
afterAll(() => rmSync(home, { recursive: true, force: true }));

const entries = readdirSync(join(ROOT, 'examples'), { withFileTypes: true });
const files = entries.flatMap((one) => (one.isFile() && one.name !== 'README.md' ? [one.name] : []));
const programs = files.filter((file) => file.endsWith('.mjs'));

/** Copies the folder with names of this run's own and runs one program (or several at once) in it. */
async function run(...commands: readonly (readonly string[])[]): Promise<void> {
  const id = freshId();
  for (const file of files)
    writeFileSync(join(home, file), personal(readFileSync(join(ROOT, 'examples', file), 'utf8'), id));
  const running = commands.map((args) => launch(args.join(' '), process.execPath, args, home));
  try {
    await check(running);
  } finally {
    for (const { child } of running) child.kill('SIGKILL');
    sweep(commands.join(' and '), id);
  }
}

describe('examples', () => {
  test.each(programs)('%s', (program) => run([program]));

  test.each([
    ['the producer', ['produce', 'consume']],
    ['the consumer', ['consume', 'produce']],
  ])('spsc-queue.mjs in two terminals, %s first', (_, roles) =>
    run(...roles.map((role) => ['spsc-queue.mjs', role])),
  );

  test('the index names every file', () => {
    const index = readFileSync(join(ROOT, 'examples', 'README.md'), 'utf8');
    for (const file of files) expect(index).toContain(`[${file}](${file})`);
    for (const folder of entries.filter((one) => one.isDirectory()))
      for (const file of readdirSync(join(ROOT, 'examples', folder.name)))
        expect(index).toContain(`[${file}](${folder.name}/${file})`);
  });

  // test/docs runs them from there.
  test('the programs of the tutorial stand in docs/from-python.md as they are', () => {
    const guide = readFileSync(join(ROOT, 'docs', 'from-python.md'), 'utf8');
    for (const file of readdirSync(join(ROOT, 'examples/tutorial')))
      expect(guide).toContain(
        `\`\`\`js\n${readFileSync(join(ROOT, 'examples/tutorial', file), 'utf8')}\`\`\``,
      );
  });

  test('each uses names that the test can make its own', () => {
    for (const program of programs) {
      const source = readFileSync(join(ROOT, 'examples', program), 'utf8');
      expect(source, program).toMatch(/'example-[\w-]+'/);
      expect(source, program).toContain("from 'isthmus'");
    }
  });
});
