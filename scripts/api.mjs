// node scripts/api.mjs [--check]: writes the public API of each entry point to api/*.api.md, from dist/ (build first). With
// --check it writes nothing, and fails where what is committed says otherwise: no change of the face goes unseen.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const CHECK = process.argv.includes('--check');

/** Report, what programs import, and its declarations. */
const ENTRIES = [
  { report: 'index', module: 'isthmus', declarations: 'index.d.ts' },
  { report: 'keyv', module: 'isthmus/keyv', declarations: 'adapters/keyv.d.ts' },
  { report: 'rate-limit', module: 'isthmus/rate-limit', declarations: 'adapters/rate-limit.d.ts' },
];

/** Not exported on purpose: what waitAny asks of an object. For users a Waitable is opaque. */
const OPAQUE = ['Readiness'];

/** The package in which the reports are made. Were its name isthmus, 'isthmus' would be itself. */
const NAME = 'isthmus-reports';

const stage = mkdtempSync(join(tmpdir(), 'isthmus-api-'));
let compiled; // once, for all entry points: it takes most of the time
try {
  layOut();
  const good = ENTRIES.map(settle).every(Boolean);
  process.exitCode = good ? 0 : 1;
} finally {
  rmSync(stage, { recursive: true });
}

/**
 * The declarations as users have them: the package under node_modules, and beside it adapters that import from 'isthmus'.
 * In their own place they import '../index.js', and a report on an adapter would repeat all of SharedMap.
 */
function layOut() {
  mkdirSync(join(stage, 'node_modules/isthmus'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules/@types'), join(stage, 'node_modules/@types'));
  writeFileSync(join(stage, 'package.json'), JSON.stringify({ name: NAME, version: '0.0.0' }));
  cpSync(join(ROOT, 'package.json'), join(stage, 'node_modules/isthmus/package.json'));
  const declarations = (file) => !/\.(map|m?js)$/.test(file);
  for (const to of ['node_modules/isthmus/dist', 'dist'])
    cpSync(join(ROOT, 'dist'), join(stage, to), { recursive: true, filter: declarations });
  for (const name of ['keyv', 'rate-limit', 'map-of']) {
    const file = join(stage, `dist/adapters/${name}.d.ts`);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(`'../index.js'`, `'isthmus'`));
  }
}

/** Writes one report, or compares it; whether all is well. */
function settle(entry) {
  const file = join(ROOT, `api/${entry.report}.api.md`);
  const { text, complaints } = extract(entry);
  for (const complaint of complaints) console.error(`${entry.module}: ${complaint}`);
  const committed = read(file);
  if (!CHECK) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(`api/${entry.report}.api.md ${text === committed ? 'is as it was' : 'written'}`);
  } else if (text !== committed) {
    console.error(
      `the public API of '${entry.module}' is not what api/${entry.report}.api.md says${firstDifference(committed, text)}\n` +
        'if that is what you want, run `npm run api`, look at the difference and commit it',
    );
    return false;
  }
  return complaints.length === 0;
}

/** API Extractor's report on one entry point, and what it does not like. */
function extract({ report, module, declarations }) {
  const config = ExtractorConfig.prepare({
    packageJsonFullPath: join(stage, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: stage,
      mainEntryPointFilePath: join(stage, 'dist', declarations),
      newlineKind: 'lf',
      compiler: { overrideTsconfig: tsconfig() },
      apiReport: {
        enabled: true,
        reportFileName: `${report}.api.md`,
        reportFolder: stage,
        reportTempFolder: join(stage, 'new'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: {
          default: { logLevel: 'error' },
          'ae-missing-release-tag': { logLevel: 'none' }, // what is exported is public
          'ae-undocumented': { logLevel: 'none' }, // comments and their links are judged by TypeDoc: `npm run docs`
          'ae-unresolved-link': { logLevel: 'none' },
        },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
  const complaints = [];
  compiled ??= CompilerState.create(config, {
    additionalEntryPoints: ENTRIES.map((entry) => join(stage, 'dist', entry.declarations)),
  });
  Extractor.invoke(config, {
    compilerState: compiled,
    localBuild: true,
    messageCallback(message) {
      message.handled = true;
      if (message.logLevel !== 'error' && message.logLevel !== 'warning') return;
      if (message.messageId.startsWith('console-')) return; // it tells that the report is new
      if (OPAQUE.some((type) => message.text.includes(`The symbol "${type}"`))) return;
      const place = message.sourceFilePath?.replace(`${stage}/`, '');
      complaints.push(`${message.text} (${message.messageId}, ${place}:${message.sourceFileLine})`);
    },
  });
  const text = readFileSync(join(stage, `${report}.api.md`), 'utf8').replace(`"${NAME}"`, `"${module}"`);
  return { text, complaints };
}

function tsconfig() {
  const { compilerOptions } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.json'), 'utf8'));
  const { target, lib, module, moduleResolution, types, strict, skipLibCheck } = compilerOptions;
  return {
    compilerOptions: { target, lib, module, moduleResolution, types, strict, skipLibCheck },
    include: ['dist'],
  };
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function firstDifference(before, after) {
  if (before === undefined) return ': there is no such file';
  const [old, now] = [before.split('\n'), after.split('\n')];
  const at = now.findIndex((line, index) => line !== old[index]);
  if (at < 0) return `, line ${now.length + 1}: '${old[now.length]}' is gone`;
  return `, line ${at + 1}:\n  - ${old[at] ?? ''}\n  + ${now[at]}`;
}
