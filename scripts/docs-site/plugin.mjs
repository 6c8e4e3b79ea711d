// What TypeDoc cannot be told by options: titles, order and groups of the documents, groups of the API.
//
// A document's title is its first heading, so that the files need no front matter, which forges show as a table. A
// declaration's group is the room of lib/ in which it was written, so that nobody has to tag it.

import { readFileSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Comment, CommentTag, Converter, JSX, PageEvent, ReflectionKind } from 'typedoc';

const ROOT = resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** The documents, in their order. What is not named here comes last in its folder's category, by name. */
const DOCUMENTS = [
  [
    'Start',
    ['docs/README.md', 'docs/start.md', 'docs/guide.md', 'docs/from-python.md', 'examples/README.md'],
  ],
  ['Use', ['docs/command-line.md', 'docs/troubleshooting.md', 'docs/performance.md', 'docs/platforms.md']],
  ['Rely on', ['docs/guarantees.md', 'docs/security.md']],
  [
    'Inside',
    [
      'docs/architecture.md',
      'docs/layout.md',
      'docs/decisions.md',
      'docs/dependencies.md',
      'docs/testing.md',
    ],
  ],
  ['Inside', ['CHANGELOG.md']],
];

/** Categories of folders below docs/; others are in 'Use'. */
const FOLDERS = { 'docs/objects': 'Objects', 'docs/recipes': 'Recipes' };

/** Rooms of lib/ (and files that stand alone) and their groups in the API. */
const ROOMS = [
  ['memory/', 'Memory'],
  ['native/', 'Memory'],
  ['values/', 'Values'],
  ['sync/', 'Synchronisers'],
  ['messages/', 'Messages'],
  ['waiting/', 'Messages'],
  ['collections/', 'Collections'],
  ['adapters/', 'Adapters'],
  ['errors.ts', 'Errors'],
  ['options.ts', 'Options'],
];

/** What programs import, by entry point. */
const MODULES = {
  index: 'isthmus',
  'adapters/keyv': 'isthmus/keyv',
  'adapters/rate-limit': 'isthmus/rate-limit',
};

/** The navigation shows all documents until the reader folds them; TypeDoc keeps what is open in localStorage. */
const OPEN_AT_FIRST = `try {
  for (const category of ['Start', 'Use', 'Rely on', 'Inside', 'API', 'API$isthmus'])
    localStorage['tsd-accordion-' + category] ??= 'true';
} catch {} // a reader who allows no storage opens them by hand`;

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    arrangeDocuments(project);
    for (const reflection of Object.values(project.reflections)) arrange(reflection, project, app);
  });
  // The page's title is the package's name already.
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    const first = project.readme?.[0];
    if (first?.kind === 'text') first.text = first.text.replace(/^# .+\n+/, '');
  });
  app.options.setValue('markdownItLoader', (parser) => parser.core.ruler.push('headings', plainHeadings));
  app.renderer.on(PageEvent.BEGIN, ({ project }) => warmUp(project, app.renderer));
  app.renderer.hooks.on('head.end', () =>
    JSX.createElement('script', null, JSX.createElement(JSX.Raw, { html: OPEN_AT_FIRST })),
  );
}

/**
 * The highlighter gives a line half a second. On a busy machine the first line of a language, for which its grammar is
 * compiled, may take longer and stay black: so that line is one that nobody sees.
 */
function warmUp(project, renderer) {
  if (warm.has(project)) return;
  warm.add(project);
  for (const [language, line] of Object.entries(FIRST_LINES)) {
    for (let n = 0; n < 3; n++) renderer.markedPlugin.getHighlighted(line, language);
  }
}
const warm = new WeakSet();
const FIRST_LINES = {
  js: "import { a } from 'b'; const c = new D(1).e(() => 2); // f",
  ts: "import { a } from 'b'; const c: D<E> = new D(1).e(() => 2); // f",
  sh: "cd a && b --c 'd' # e",
  python: "from a import b; c = d('e', 1)  # f",
  c: '#include <a.h> /* b */',
  text: 'a',
};

/** TypeDoc leaves code out of a heading's anchor and of the list beside the page; forges do not. So it becomes text. */
function plainHeadings({ tokens }) {
  for (const [n, { type }] of tokens.entries())
    if (type === 'heading_open')
      for (const part of tokens[n + 1].children) if (part.type === 'code_inline') part.type = 'text';
}

function arrangeDocuments(project) {
  const order = DOCUMENTS.flatMap(([category, paths]) => paths.map((path) => ({ path, category })));
  const placed = (project.documents ?? []).map((document) => {
    const path = pathOf(document, project);
    const rank = order.findIndex((one) => one.path === path);
    document.name = titleOf(path) ?? document.name;
    const folder = path.slice(0, path.lastIndexOf('/'));
    document.frontmatter['category'] ??= order[rank]?.category ?? FOLDERS[folder] ?? 'Use';
    // A folder's own page comes before the others.
    const late = path.endsWith('README.md') ? order.length : order.length + 1;
    return { document, path, rank: rank < 0 ? late : rank };
  });
  placed.sort((a, b) => a.rank - b.rank || a.path.localeCompare(b.path));
  if (project.documents) project.documents = placed.map(({ document }) => document);
  project.childrenIncludingDocuments = [...(project.documents ?? []), ...(project.children ?? [])];
}

/** Path below the root, with slashes. */
function pathOf(reflection, project) {
  return relative(ROOT, project.files.getReflectionPath(reflection)).split(sep).join('/');
}

function titleOf(path) {
  return /^# (.+)$/m.exec(readFileSync(resolve(ROOT, path), 'utf8'))?.[1].replaceAll('`', '');
}

function arrange(reflection, project, app) {
  // How waitAny talks to objects; TypeScript has to see it, users do not.
  if (reflection.name === '[WAITABLE]') {
    project.removeReflection(reflection);
    return;
  }
  if (reflection.kindOf(ReflectionKind.Module)) {
    const name = MODULES[reflection.name];
    if (name === undefined) app.logger.error(`docs-site: what do programs import as '${reflection.name}'?`);
    reflection.name = name ?? reflection.name;
    categorise(reflection, 'API');
  } else if (reflection.parent?.kindOf(ReflectionKind.Module)) {
    const meant = reflection.isReference() ? reflection.getTargetReflectionDeep() : reflection;
    const file = project.getSymbolIdFromReflection(meant)?.fileName;
    const room = file === undefined ? undefined : relative(resolve(ROOT, 'lib'), file).split(sep).join('/');
    const category = ROOMS.find(([start]) => room?.startsWith(start))?.[1];
    if (category !== undefined) categorise(reflection, category);
    else if (!reflection.isReference())
      app.logger.error(`docs-site: no group for ${reflection.name} of ${file}`);
  }
}

function categorise(reflection, category) {
  // A function's comment belongs to its signature, and so does the tag.
  const holder = reflection.signatures?.[0] ?? reflection;
  holder.comment ??= new Comment();
  holder.comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: category }]));
}
