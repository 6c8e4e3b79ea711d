// Where the native part cannot be used: an error that says why and what to do, and nothing left behind.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../docs/blocks.js';
import { freshName } from '../processes/start.js';

const MAIN = JSON.stringify(join(ROOT, 'dist', 'index.js'));

/** What a script throws first, and prints. */
function outcome(script: string, env: NodeJS.ProcessEnv = {}): string {
  const body = `try { ${script}; console.log('no error'); } catch (error) { console.log(error.name, error.code, error.message); }`;
  return execFileSync(process.execPath, ['-e', body], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 30_000,
  });
}

describe('a runtime that refuses external ArrayBuffers', () => {
  test.each([
    ['SharedMemory.create', (name: string) => `SharedMemory.create('${name}', 4096)`],
    ['Value.open', (name: string) => `Value.open('${name}', 'i32')`],
    ['SpscQueue.producer', (name: string) => `SpscQueue.producer('${name}')`],
  ])('%s says so and leaves no name', (_, call) => {
    const name = freshName();
    const said = outcome(`const { SharedMemory, SpscQueue, Value } = require(${MAIN}); ${call(name)}`, {
      ISTHMUS_DISABLE: 'external_buffers',
    });
    expect(said).toMatch(
      /^NativeError ERR_ISTHMUS_NATIVE .*external ArrayBuffers.*Electron.*Node\.js process/,
    );
    expect(existsSync(`/dev/shm/${name}`)).toBe(false);
  });

  test('Electron is told so at once', () => {
    const said = outcome(
      `Object.defineProperty(process.versions, 'electron', { value: '40.0.0' }); require(${MAIN})`,
    );
    expect(said).toMatch(/^NativeError ERR_ISTHMUS_NATIVE Electron refuses external ArrayBuffers/);
  });
});

describe('a package whose binary does not load', () => {
  let copy: string;
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'isthmus-native-'));
    cpSync(join(ROOT, 'dist'), join(copy, 'node_modules/isthmus/dist'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(copy, 'node_modules/isthmus/package.json'));
    for (const name of ['node-gyp-build', 'msgpackr'])
      cpSync(join(ROOT, 'node_modules', name), join(copy, 'node_modules', name), { recursive: true });
  });
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  /** What loading it says; `before` runs first. */
  const loading = (before = ''): string => {
    const { stderr } = spawnSync(process.execPath, ['-e', `${before}; require('isthmus')`], {
      cwd: copy,
      encoding: 'utf8',
      env: { ...process.env, ISTHMUS_PREBUILD: '' },
      timeout: 30_000,
    });
    return stderr;
  };

  test('none there: how to build it', () => {
    const said = loading();
    expect(said).toContain(`could not load its native part for linux-${process.arch}`);
    expect(said).toContain('no prebuilt binary for this platform came with the package');
    expect(said).toContain('npm run build:native');
  });

  test('one that is broken: the reason', () => {
    const folder = join(copy, 'node_modules/isthmus/prebuilds', `linux-${process.arch}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'isthmus.node'), 'not a library');
    const said = loading();
    expect(said).toContain('a prebuilt binary is there but does not load');
    expect(said).toMatch(/native part for .*isthmus\.node: /);
  });

  test('musl: it has to be built, and with what', () => {
    // Node's report names the C library's version only where that is glibc.
    const said = loading('process.report.getReport = () => ({ header: {} })');
    expect(said).toContain(`linux-${process.arch} (musl)`);
    expect(said).toContain('with musl it is built here');
    expect(said).toContain('apk add g++ make python3');
  });
});
