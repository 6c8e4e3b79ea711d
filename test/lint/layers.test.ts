// The lint rule for the layers (.dependency-cruiser.cjs) catches what it says: in copies of lib/ with wrong imports in them.

import { spawnSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { copyOf, ROOT } from './copy.js';

vi.setConfig({ testTimeout: 300_000 });

/** What `npm run lint` runs for the layers. */
function lintLayers(copy: string): { status: number | null; output: string } {
  const { status, stdout, stderr, error } = spawnSync('npm', ['run', '--silent', 'lint:layers'], {
    cwd: copy,
    encoding: 'utf8',
    timeout: 120_000,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
  });
  if (error) throw error;
  return { status, output: stdout + stderr };
}

const room = (name: string): string => `only-downwards: ${name}`;

/** A wrong line, where it is laid, and the rule that must name it. */
const WRONG: readonly (readonly [rule: string, file: string, line: string])[] = [
  [room('errors.ts'), 'lib/errors.ts', `import './options.js';`],
  [room('options.ts'), 'lib/options.ts', `import type { Native } from './native/binding.js';`],
  [room('native/'), 'lib/native/load.ts', `import '../memory/header.js';`],
  [room('memory/'), 'lib/memory/header.ts', `import type { Waitable } from '../waiting/waitable.js';`],
  [room('waiting/'), 'lib/waiting/clock.ts', `import '../sync/lock.js';`],
  [room('sync/'), 'lib/sync/event.ts', `import '../values/value.js';`],
  [room('values/'), 'lib/values/value.ts', `export { Queue } from '../messages/queue.js';`],
  [room('messages/'), 'lib/messages/pipe.ts', `export const late = import('../collections/namespace.js');`],
  [room('collections/'), 'lib/collections/namespace.ts', `import '../index.js';`],
  [room('index.ts'), 'lib/index.ts', `import './adapters/map-of.js';`],
  ['every-file-has-a-room', 'lib/stray.ts', `import './errors.js';`],
  ['the-command-is-a-user', 'lib/cli/rm.mts', `import { sharedNow } from '../collections/expiry.js';`],
  ['doctor-tries-the-kernel', 'lib/cli/doctor-kernel.mts', `import '../memory/roster.js';`],
  ['nobody-imports-the-command', 'lib/adapters/map-of.ts', `import '../cli/format.mjs';`],
  ['adapters-are-users', 'lib/adapters/keyv.ts', `import { sharedNow } from '../collections/expiry.js';`],
  ['nobody-imports-the-adapters', 'lib/index.mts', `import './adapters/keyv.mjs';`],
  ['layouts-are-only-numbers', 'lib/sync/lock-layout.ts', `import '../errors.js';`],
  ['only-native-loads-the-addon', 'lib/memory/roster.ts', `import 'node-gyp-build';`],
  ['no-cycles', 'lib/values/watch.ts', `import { Value } from './value.js'; export const again = Value;`],
  ['no-orphans', 'lib/values/forgotten.ts', `export const forgotten = 1;`],
  ['only-what-is-shipped', 'lib/messages/codecs.ts', `import 'fast-check';`],
  ['stay-in-lib', 'lib/memory/collect.ts', `import '../../outside.js';`],
  ['nothing-missing', 'lib/memory/leaving.ts', `import './nowhere.js';`],
];

describe('the lint rule for the layers', () => {
  // That it finds nothing in the code as it is, is `npm run lint`.
  test('finds every wrong import that is laid into it', () => {
    const copy = copyOf('lib', 'package.json', 'tsconfig.json', '.dependency-cruiser.cjs');
    writeFileSync(join(copy, 'outside.ts'), 'export {};\n');
    for (const [, file, line] of WRONG) appendFileSync(join(copy, file), `\n${line}\n`);
    const { status, output } = lintLayers(copy);
    expect(status).toBeGreaterThan(0);
    const errors = output.split('\n\n').map((block) => block.trim());
    const missed = WRONG.filter(
      ([rule, file]) => !errors.some((error) => error.startsWith(`error ${rule}: `) && error.includes(file)),
    );
    expect(missed, output).toEqual([]);
    // And it tells what the rule is about.
    expect(output).toContain('memory/ may import only from errors.ts, options.ts, native/, itself');
  });

  test('every rule is tried here', () => {
    const { forbidden } = createRequire(import.meta.url)(join(ROOT, '.dependency-cruiser.cjs'));
    const rules: string[] = forbidden.map(({ name }: { name: string }) => name);
    expect(WRONG.map(([rule]) => rule).sort()).toEqual(rules.sort());
  });
});
