import { readdir } from 'node:fs/promises';
import { type Entry, formatPath, loadEntry, type RegistryProblem, show } from './entry.ts';
import { namesOf } from './naming.ts';
import type { Site } from './schema.ts';

export type { RegistryProblem } from './entry.ts';

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

/**
 * Reads every `*.yaml` of a folder. Bad content never throws: it is among the problems, all of them at once.
 *
 * @throws the error of the file system where the folder itself cannot be read
 */
export async function loadRegistry(dir: string, options: RegistryOptions = {}): Promise<Registry> {
  const names = (await readdir(dir)).sort(
    (a, b) => Number(a === options.claimLast) - Number(b === options.claimLast) || (a < b ? -1 : 1),
  );
  const entries = names.filter((name) => /\.ya?ml$/i.test(name)).map((name) => loadEntry(dir, name));
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
