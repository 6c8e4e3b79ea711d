// Which room of lib/ may import which: the layers of docs/architecture.md, held by `npm run lint`.

// From the bottom to the top. A room imports only from rooms before it in this list, and from itself.
const ROOMS = [
  ['errors.ts', '^lib/errors\\.ts$'],
  ['options.ts', '^lib/options\\.ts$'],
  ['native/', '^lib/native/'],
  ['memory/', '^lib/memory/'],
  ['waiting/', '^lib/waiting/'],
  ['sync/', '^lib/sync/'],
  ['values/', '^lib/values/'],
  ['messages/', '^lib/messages/'],
  ['collections/', '^lib/collections/'],
  ['index.ts', '^lib/index\\.m?ts$'],
];
const FACE = '^lib/index\\.m?ts$';
const LAYOUT = '-layout\\.ts$';

const downwards = ROOMS.map(([room, path], at) => ({
  name: `only-downwards: ${room}`,
  comment: `${room} may import only from ${[...ROOMS.slice(0, at).map(([name]) => name), 'itself'].join(', ')}`,
  severity: 'error',
  from: { path },
  to: { path: '^lib/', pathNot: ROOMS.slice(0, at + 1).map(([, below]) => below) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...downwards,
    {
      name: 'every-file-has-a-room',
      comment:
        'A file of lib/ that is in no room has no place in the layers: give it a room, or the rules a line.',
      severity: 'error',
      from: {
        path: '^lib/',
        pathNot: [...ROOMS.map(([, path]) => path), '^lib/adapters/', '^lib/cli/'],
      },
      to: {},
    },
    {
      name: 'the-command-is-a-user',
      comment: 'cli/ may import only the public face (index.mts) and itself, as any user could.',
      severity: 'error',
      from: { path: '^lib/cli/', pathNot: '^lib/cli/doctor-kernel[.]mts$' },
      to: { path: '^lib/', pathNot: [FACE, '^lib/cli/'] },
    },
    {
      name: 'doctor-tries-the-kernel',
      comment:
        'doctor-kernel.mts tries what only the addon knows, through memory/trials.ts; see docs/decisions.md.',
      severity: 'error',
      from: { path: '^lib/cli/doctor-kernel[.]mts$' },
      to: { path: '^lib/', pathNot: [FACE, '^lib/cli/', '^lib/memory/trials[.]ts$'] },
    },
    {
      name: 'nobody-imports-the-command',
      comment: 'cli/ is the top: it is run, not imported.',
      severity: 'error',
      from: { pathNot: '^lib/cli/' },
      to: { path: '^lib/cli/' },
    },
    {
      name: 'adapters-are-users',
      comment: 'adapters/ may import only the public face (index.ts), the table of errors and itself.',
      severity: 'error',
      from: { path: '^lib/adapters/' },
      to: { path: '^lib/', pathNot: [FACE, '^lib/adapters/', '^lib/errors\\.ts$'] },
    },
    {
      name: 'nobody-imports-the-adapters',
      comment: 'Who does not use Keyv or express-rate-limit loads nothing for them.',
      severity: 'error',
      from: { pathNot: '^lib/adapters/' },
      to: { path: '^lib/adapters/' },
    },
    {
      name: 'layouts-are-only-numbers',
      comment: 'A *-layout.ts holds offsets and may import nothing but other layouts.',
      severity: 'error',
      from: { path: LAYOUT },
      to: { pathNot: LAYOUT },
    },
    {
      name: 'only-native-loads-the-addon',
      comment: 'The addon, and what finds it, may be reached only through lib/native.',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/native/' },
      to: { path: ['node-gyp-build', '\\.node$', '^(build|prebuilds|native)/'] },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that import each other are one file, or one too many. Types alone may point back.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      comment: 'A file that neither imports nor is imported is dead: delete it.',
      severity: 'error',
      from: { path: '^lib/', orphan: true, pathNot: '\\.d\\.ts$' },
      to: {},
    },
    {
      name: 'only-what-is-shipped',
      comment: 'lib/ may import from packages only what package.json lists under dependencies.',
      severity: 'error',
      from: { path: '^lib/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-optional', 'npm-bundled', 'npm-no-pkg', 'npm-unknown', 'unknown'],
      },
    },
    {
      name: 'stay-in-lib',
      comment: 'lib/ is compiled and shipped alone: it may import no file outside it.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { pathNot: ['^lib/', 'node_modules/'], dependencyTypesNot: ['core'] },
    },
    {
      name: 'nothing-missing',
      comment: 'This import leads nowhere.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // Types count: a type that comes from above ties the rooms as well.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    skipAnalysisNotInRules: true,
  },
};
