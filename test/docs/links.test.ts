// No dead link: every relative link and every anchor in the documents, and in the site that `npm run docs` makes of them
// where it has been built. Nothing is fetched.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from './blocks.js';

/** Where documents are; elsewhere (node_modules, dist) they are not ours. */
const PLACES = ['docs', 'examples', 'bench', 'demo', 'test', 'scripts'];
const documents = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...PLACES.flatMap((place) => filesBelow(join(ROOT, place), '.md').map((file) => relative(ROOT, file))),
].sort();

function filesBelow(folder: string, extension: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(path, extension);
    return entry.isFile() && entry.name.endsWith(extension) ? [path] : [];
  });
}

/** True for what leads out of this repository. */
const elsewhere = (target: string): boolean => /^[a-z][a-z0-9+.-]*:|^\/\//i.test(target);

// ---- documents

/** Without code, in which brackets mean something else. */
function prose(markdown: string): string {
  return markdown
    .replace(/^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^\1\2$/gm, '')
    .replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, (code) => code.replace(/[^`\n]/g, '.'));
}

/** All links and pictures: inline, by reference, and those written as HTML. */
function linksOf(path: string): string[] {
  const text = prose(readFileSync(join(ROOT, path), 'utf8'));
  const inline = text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g);
  const references = text.matchAll(/^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm);
  const html = text.matchAll(/<[a-z][^>]*\b(?:href|src|srcset)="([^"\s]+)/gi);
  return [...inline, ...references, ...html].map(([, target]) => target!);
}

const anchors = new Map<string, Set<string>>();

/** The anchors of a document, as forges make them from headings, and those it sets itself. */
function anchorsOf(file: string): Set<string> {
  let found = anchors.get(file);
  if (found !== undefined) return found;
  found = new Set();
  const text = readFileSync(file, 'utf8').replace(/^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^\1\2$/gm, '');
  for (const [, heading] of text.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const slug = heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-');
    let unique = slug;
    for (let n = 1; found.has(unique); n++) unique = `${slug}-${n}`;
    found.add(unique);
  }
  for (const [, id] of text.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) found.add(id!);
  anchors.set(file, found);
  return found;
}

/** What is wrong with a link; undefined if it leads somewhere. */
function wrongWith(path: string, target: string): string | undefined {
  if (elsewhere(target)) return undefined;
  const [file, anchor] = target.split('#').map(decodeURIComponent) as [string, string | undefined];
  const full = file === '' ? join(ROOT, path) : resolve(ROOT, dirname(path), file);
  if (!existsSync(full)) return `${target}: there is no ${relative(ROOT, full)}`;
  if (relative(ROOT, full).startsWith('..')) return `${target}: leads out of the repository`;
  if (anchor === undefined || !full.endsWith('.md')) return undefined;
  return anchorsOf(full).has(anchor) ? undefined : `${target}: ${relative(ROOT, full)} has no #${anchor}`;
}

describe('documents', () => {
  test.each(documents)('%s: every link leads somewhere', (path) => {
    expect(linksOf(path).flatMap((target) => wrongWith(path, target) ?? [])).toEqual([]);
  });

  test('every page below docs/ can be reached from README.md', () => {
    const reached = new Set(['README.md']);
    for (const path of reached)
      for (const target of linksOf(path)) {
        const file = relative(ROOT, resolve(ROOT, dirname(path), target.split('#')[0]!));
        if (!elsewhere(target) && file.endsWith('.md') && existsSync(join(ROOT, file))) reached.add(file);
      }
    expect(documents.filter((path) => path.startsWith('docs/') && !reached.has(path))).toEqual([]);
  });

  test('every picture is in a document', () => {
    const used = new Set(
      documents.flatMap((path) => linksOf(path).map((target) => resolve(ROOT, dirname(path), target))),
    );
    const pictures = filesBelow(join(ROOT, 'docs/pictures'), '.svg');
    expect(pictures.length).toBeGreaterThan(0);
    expect(pictures.filter((file) => !used.has(file)).map((file) => relative(ROOT, file))).toEqual([]);
  });
});

// ---- the package

describe('the installed package', () => {
  const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
  const within = (file: string, folders: readonly string[]): boolean =>
    folders.some((folder) => file === folder || file.startsWith(`${folder}/`));
  /** What npm packs whatever package.json says, and what that says. */
  const packed = ['README.md', 'LICENSE', 'package.json', ...files.filter((entry) => !entry.startsWith('!'))];
  const shipped = documents.filter((path) => within(path, packed));

  test('everything below what is packed is packed, but for parts of dist/ and what native/ is built in', () => {
    // Else the next test knows too little of what package.json says.
    expect(files.filter((entry) => /[!*]/.test(entry) && !/^!(dist\/|native\/build$)/.test(entry))).toEqual(
      [],
    );
    expect(shipped).toEqual(expect.arrayContaining(['README.md', 'docs/start.md', 'examples/README.md']));
  });

  test.each(shipped)('%s: every link and picture is in the package, too', (path) => {
    const targets = linksOf(path).filter((target) => !elsewhere(target) && !target.startsWith('#'));
    const leadingTo = targets.map((target) =>
      relative(ROOT, resolve(ROOT, dirname(path), decodeURIComponent(target.split('#')[0]!))),
    );
    expect(leadingTo.filter((file) => !within(file, packed))).toEqual([]);
  });
});

// ---- the site

const SITE = join(ROOT, 'site');
const built = existsSync(join(SITE, 'index.html'));

describe('the site', () => {
  test.skipIf(!built)('every link within it leads somewhere, and nothing is loaded from the network', () => {
    const pages = filesBelow(SITE, '.html');
    const ids = new Map(
      pages.map((file) => {
        const text = readFileSync(file, 'utf8');
        return [
          file,
          new Set([...text.matchAll(/\s(?:id|name)="([^"]+)"/g)].map(([, id]) => unescaped(id!))),
        ];
      }),
    );
    const wrong: string[] = [];
    for (const page of pages) {
      const text = readFileSync(page, 'utf8');
      for (const [, attribute, raw] of text.matchAll(/\s(href|src)="([^"]*)"/g)) {
        const target = unescaped(raw!);
        if (elsewhere(target)) {
          if (attribute === 'src' && !target.startsWith('data:'))
            wrong.push(`${relative(SITE, page)} loads ${target}`);
          continue;
        }
        const [path, anchor] = target.split('#').map(decodeURIComponent) as [string, string | undefined];
        const file = path === '' ? page : resolve(dirname(page), path.split('?')[0]!);
        if (!existsSync(file) || !statSync(file).isFile()) wrong.push(`${relative(SITE, page)}: ${target}`);
        else if (anchor !== undefined && anchor !== '' && ids.get(file)?.has(anchor) === false)
          wrong.push(`${relative(SITE, page)}: ${target} (no such anchor)`);
      }
    }
    expect(pages.length).toBeGreaterThan(documents.length);
    expect([...new Set(wrong)]).toEqual([]);
  });
});

/** The characters that HTML writes as entities in attributes. */
function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}
