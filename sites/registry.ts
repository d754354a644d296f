import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { isAlias, isMap, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { namesOf } from './naming.ts';
import { type Site, siteKeys, siteSchema } from './schema.ts';

/** One thing that is wrong in the registry, and where. */
export interface RegistryProblem {
  /** As the caller named the folder, with the file's name. */
  readonly file: string;
  /** 1-based; 1 where the whole file is meant. */
  readonly line: number;
  /** Dotted path of the key, such as `database.cluster` or `domains[1]`; empty for the file itself. */
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

/** What a cluster of databases offers to the registry: its name and where its data stays. */
export interface ClusterRegion {
  readonly name: string;
  readonly region: string;
}

export interface RegistryOptions {
  /** Clusters that the stacks name. @default none, and then neither `region` nor `database.cluster` is checked */
  readonly clusters?: readonly ClusterRegion[];
  /** File that is to be blamed where it and another claim the same name. @default the later one in the order of names */
  readonly claimLast?: string;
}

export interface Registry {
  /** Sites without problems, by slug. */
  readonly sites: readonly Site[];
  readonly problems: readonly RegistryProblem[];
  /** Slugs that a file with problems claims by its name: whoever runs the fleet leaves those sites as they are. */
  readonly brokenSlugs: readonly string[];
}

/** The registry has problems and the caller cannot go on without it. */
export class RegistryError extends Error {
  readonly problems: readonly RegistryProblem[];
  constructor(problems: readonly RegistryProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'RegistryError';
    this.problems = problems;
  }
}

/** `sites/aurora.yaml:7 database.cluster: expected one of eu-1, us-1; got "eu1"` */
export function formatProblem(problem: RegistryProblem): string {
  const where = problem.path === '' ? '' : ` ${problem.path}`;
  return `${problem.file}:${problem.line}${where}: expected ${problem.expected}; got ${problem.got}`;
}

/** Larger than any honest entry by far; keeps a wrong file from being parsed for minutes. */
const maxFileBytes = 64 * 1024;
const maxFilesAtOnce = 64;

/**
 * Reads every `*.yaml` of a folder. Bad content never throws: it is among the problems, all of them at once.
 *
 * @throws the error of the file system where the folder itself cannot be read
 */
export async function loadRegistry(dir: string, options: RegistryOptions = {}): Promise<Registry> {
  const names = (await readdir(dir)).sort(
    (a, b) => Number(a === options.claimLast) - Number(b === options.claimLast) || (a < b ? -1 : 1),
  );
  const entries: Entry[] = [];
  for (let start = 0; start < names.length; start += maxFilesAtOnce) {
    const batch = names.slice(start, start + maxFilesAtOnce).filter((name) => /\.ya?ml$/i.test(name));
    entries.push(...(await Promise.all(batch.map((name) => loadEntry(dir, name)))));
  }
  checkClusters(entries, options.clusters ?? []);
  checkDuplicates(entries);

  const sound = entries.filter((entry) => entry.problems.length === 0 && entry.site !== undefined);
  return {
    sites: sound.flatMap((entry) => entry.site ?? []).sort((a, b) => (a.slug < b.slug ? -1 : 1)),
    problems: entries.flatMap((entry) => entry.problems),
    brokenSlugs: entries.filter((entry) => entry.problems.length > 0).map((entry) => entry.stem),
  };
}

/**
 * As {@link loadRegistry}, for callers that need every entry to be sound.
 *
 * @throws RegistryError with every problem
 */
export async function requireRegistry(dir: string, options: RegistryOptions = {}): Promise<Registry> {
  const registry = await loadRegistry(dir, options);
  if (registry.problems.length > 0) throw new RegistryError(registry.problems);
  return registry;
}

/** A file while it is being checked. */
interface Entry {
  readonly file: string;
  readonly stem: string;
  site: Site | undefined;
  readonly problems: RegistryProblem[];
  /** Line of the key at a path, or of the nearest key above it. */
  readonly lineOf: (path: readonly PropertyKey[]) => number;
}

async function loadEntry(dir: string, name: string): Promise<Entry> {
  const file = path.join(dir, name);
  const stem = name.replace(/\.ya?ml$/i, '');
  const entry: Entry = { file, stem, site: undefined, problems: [], lineOf: () => 1 };
  const refuse = (expected: string, got: string, line = 1) =>
    entry.problems.push({ file, line, path: '', expected, got });

  if (!name.endsWith('.yaml')) {
    refuse(`the file to be called ${stem}.yaml`, name);
    return entry;
  }
  const text = await readText(file, refuse);
  if (text === undefined) return entry;

  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, uniqueKeys: true, prettyErrors: false, merge: false });
  for (const error of document.errors) {
    refuse('valid YAML', error.message.replaceAll('\n', ' '), counter.linePos(error.pos[0]).line);
  }
  visit(document, {
    Alias(_key, node) {
      refuse('values written out', `the alias *${node.source}`, counter.linePos(node.range?.[0] ?? 0).line);
    },
  });
  if (entry.problems.length > 0) return entry;

  const lineOf = (at: readonly PropertyKey[]) => lineOfPath(document.contents, at, counter);
  const value: unknown = document.toJS();
  const parsed = siteSchema.safeParse(value);
  const problems = parsed.success ? [] : parsed.error.issues.flatMap((issue) => toProblems(issue, value, file, lineOf));
  const slug = valueAt(value, ['slug']);
  if (typeof slug === 'string' && slug !== stem && !problems.some((problem) => problem.path === 'slug')) {
    problems.push({
      file,
      line: lineOf(['slug']),
      path: 'slug',
      expected: `the file's name, ${stem}`,
      got: show(slug),
    });
  }
  entry.problems.push(...problems.sort((a, b) => a.line - b.line));
  return { ...entry, site: parsed.success ? parsed.data : undefined, lineOf };
}

type Refuse = (expected: string, got: string) => void;

async function readText(file: string, refuse: Refuse): Promise<string | undefined> {
  try {
    const found = await lstat(file);
    if (!found.isFile()) {
      refuse(
        'a regular file',
        found.isSymbolicLink() ? 'a symbolic link' : found.isDirectory() ? 'a folder' : 'something else',
      );
      return undefined;
    }
    if (found.size > maxFileBytes) {
      refuse(`at most ${maxFileBytes} bytes`, `${found.size} bytes`);
      return undefined;
    }
    const bytes = await readFile(file);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) refuse('UTF-8 text', 'bytes that are not UTF-8');
    else refuse('a file that can be read', (error as NodeJS.ErrnoException).code ?? String(error));
    return undefined;
  }
}

interface Issue {
  readonly code?: string;
  readonly message: string;
  readonly path: readonly PropertyKey[];
  readonly keys?: readonly string[];
}

function toProblems(issue: Issue, value: unknown, file: string, lineOf: Entry['lineOf']): RegistryProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map((key) => {
      const at = [...issue.path, key];
      const known =
        issue.path.length === 0
          ? `one of the keys ${siteKeys.join(', ')}`
          : `no other keys below ${formatPath(issue.path)}`;
      return { file, line: lineOf(at), path: formatPath(at), expected: known, got: `the key ${show(key)}` };
    });
  }
  return [
    {
      file,
      line: lineOf(issue.path),
      path: formatPath(issue.path),
      expected: issue.message,
      got: show(valueAt(value, issue.path)),
    },
  ];
}

function formatPath(at: readonly PropertyKey[]): string {
  return at.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
}

function valueAt(value: unknown, at: readonly PropertyKey[]): unknown {
  let found = value;
  for (const key of at) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<PropertyKey, unknown>)[key];
  }
  return found;
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function lineOfPath(root: unknown, at: readonly PropertyKey[], counter: LineCounter): number {
  let node = root as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const key of at) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String((item.key as { value?: unknown } | null)?.value) === String(key));
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (node !== null && !isAlias(node) && 'items' in node) {
      const item = (node as unknown as { items: Node[] }).items[Number(key)];
      if (item === undefined) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  return counter.linePos(offset).line;
}

/** Data residency: a site's cluster exists, and it stands in the site's region. */
function checkClusters(entries: readonly Entry[], clusters: readonly ClusterRegion[]): void {
  if (clusters.length === 0) return;
  const names = [...new Set(clusters.map((cluster) => cluster.name))].sort();
  const regions = [...new Set(clusters.map((cluster) => cluster.region))].sort();
  for (const { site, file, problems, lineOf } of entries) {
    if (site === undefined) continue;
    const report = (at: string[], expected: string, got: string) =>
      problems.push({ file, line: lineOf(at), path: at.join('.'), expected, got: show(got) });
    const named = site.database?.cluster;
    const cluster = clusters.find((candidate) => candidate.name === named);
    if (named !== undefined && cluster === undefined)
      report(['database', 'cluster'], `one of ${names.join(', ')}`, named);
    if (site.region !== undefined && !regions.includes(site.region))
      report(['region'], `one of ${regions.join(', ')}`, site.region);
    else if (site.region !== undefined && cluster !== undefined && cluster.region !== site.region) {
      report(['database', 'cluster'], `a cluster in the region ${site.region}`, `${cluster.name} in ${cluster.region}`);
    }
  }
}

/** A slug, a domain and every derived name belong to one site: the later file is told which one has it. */
function checkDuplicates(entries: readonly Entry[]): void {
  const owners = new Map<string, string>();
  const claim = (entry: Entry, name: string, at: (string | number)[], what: string) => {
    const owner = owners.get(name);
    if (owner === undefined) {
      owners.set(name, entry.file);
      return;
    }
    const expected = owner === entry.file ? `each ${what} once` : `a ${what} that ${owner} does not have`;
    entry.problems.push({
      file: entry.file,
      line: entry.lineOf(at),
      path: formatPath(at),
      expected,
      got: show(name.slice(name.indexOf(' ') + 1)),
    });
  };
  for (const entry of entries) {
    if (entry.site === undefined) continue;
    const names = namesOf(entry.site.slug);
    claim(entry, `slug ${entry.site.slug}`, ['slug'], 'slug');
    claim(entry, `database ${names.database}`, ['slug'], 'slug with a database name');
    for (const [index, domain] of entry.site.domains.entries())
      claim(entry, `host ${domain}`, ['domains', index], 'domain');
  }
  // Every site is served below .localhost by its slug, so nobody may list such a name.
  for (const entry of entries) {
    for (const [index, domain] of (entry.site?.domains ?? []).entries()) {
      if (!domain.endsWith('.localhost')) continue;
      const at = ['domains', index];
      const expected = 'a public host name (names below .localhost are derived from slugs)';
      entry.problems.push({
        file: entry.file,
        line: entry.lineOf(at),
        path: formatPath(at),
        expected,
        got: show(domain),
      });
    }
  }
}
