import { existsSync } from 'node:fs';
import { copyFile, link, mkdtemp, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseDocument, stringify } from 'yaml';
import { type ClusterRegion, loadRegistry, RegistryError } from './registry.ts';
import { type Site, type SiteInput, siteKeys } from './schema.ts';

export interface CandidateContext {
  readonly clusters: readonly ClusterRegion[];
  /** Number of shards of the stack; 0 where it has none. */
  readonly shards: number;
}

/** A site that is asked for, and may have no file yet. */
export type RequestedSite = Pick<SiteInput, 'slug' | 'shard'>;

/** Text of a site's YAML: the schema's comment on top, keys in the schema's order. */
export function formatSite(site: Partial<SiteInput>): string {
  const ordered = Object.fromEntries(siteKeys.flatMap((key) => (site[key] === undefined ? [] : [[key, site[key]]])));
  return `# yaml-language-server: $schema=./site.schema.json\n${stringify(ordered, { flowCollectionPadding: false })}`;
}

/** `aurora-letters` → `Aurora Letters` */
export function titleOf(slug: string): string {
  return slug
    .split('-')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join(' ');
}

/**
 * Checks a new site as `site:check` would once its file stood in the registry, without touching the registry. Where the
 * stack has shards, a site that names none gets the one with the fewest sites.
 *
 * @param requested sites that will have a file soon; they count, too
 * @returns what is to be written
 * @throws RegistryError with the problems that the new file would have, or where it exists
 */
export async function checkCandidate(
  dir: string,
  input: SiteInput,
  context: CandidateContext,
  requested: readonly RequestedSite[] = [],
): Promise<SiteInput> {
  const slug = String(input.slug);
  const name = `${slug.replaceAll(/[^A-Za-z0-9_.-]/g, '_')}.yaml`;
  if (existsSync(path.join(dir, name))) throw existing(path.join(dir, name));
  const shard =
    context.shards === 0 || input.shard !== undefined
      ? input.shard
      : emptiestShard([...(await loadRegistry(dir)).sites, ...requested], context.shards);
  const candidate: SiteInput = { ...input, ...(shard === undefined ? {} : { shard }) };
  await checkText(dir, name, formatSite(candidate), context.clusters);
  return candidate;
}

/**
 * Writes a new site's file whole, or leaves alone what is there.
 *
 * @throws RegistryError where the file exists
 */
export async function writeCandidate(dir: string, site: SiteInput): Promise<string> {
  const file = path.join(dir, `${site.slug}.yaml`);
  const partial = partialOf(file);
  await writeFile(partial, formatSite(site), { flag: 'wx' });
  try {
    await link(partial, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw existing(file);
    throw error;
  } finally {
    await unlink(partial);
  }
  return file;
}

/** What may be changed in a site that is there; its slug, its shard and where its data lies may not. */
export type SiteChange = Partial<Pick<SiteInput, 'creator' | 'title' | 'domains' | 'plan' | 'state'>>;

/**
 * Changes some keys of a site's file, whose comments and other keys stay, once the whole registry accepts it.
 *
 * @returns the site as it stands then
 * @throws RegistryError with the problems that the file would have
 */
export async function changeSite(
  dir: string,
  slug: string,
  change: SiteChange,
  clusters: readonly ClusterRegion[],
): Promise<Site> {
  const name = `${slug}.yaml`;
  const file = path.join(dir, name);
  const document = parseDocument(await readFile(file, 'utf8'));
  for (const [key, value] of Object.entries(change)) if (value !== undefined) document.set(key, value);
  const text = document.toString({ flowCollectionPadding: false });
  const site = await checkText(dir, name, text, clusters);
  const partial = partialOf(file);
  await writeFile(partial, text, { flag: 'wx' });
  await rename(partial, file);
  return site;
}

/** Loads a copy of the registry in which one file has another text. */
async function checkText(dir: string, name: string, text: string, clusters: readonly ClusterRegion[]): Promise<Site> {
  const trial = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-registry-'));
  try {
    for (const file of (await readdir(dir)).filter((entry) => entry.endsWith('.yaml')))
      await copyFile(path.join(dir, file), path.join(trial, file));
    // Sorted last, so that of two claimants the new one is told.
    await writeFile(path.join(trial, name), text);
    const { problems, sites } = await loadRegistry(trial, { clusters, claimLast: name });
    const own = problems.filter((problem) => path.basename(problem.file) === name);
    const site = sites.find(({ slug }) => `${slug}.yaml` === name);
    if (own.length > 0 || site === undefined) {
      const named = (line: string) => line.replaceAll(`${trial}${path.sep}`, `${dir}${path.sep}`);
      throw new RegistryError(
        own.map((problem) => ({ ...problem, file: named(problem.file), expected: named(problem.expected) })),
      );
    }
    return site;
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

function existing(file: string): RegistryError {
  return new RegistryError([{ file, line: 1, path: '', expected: 'no such file', got: 'one that exists' }]);
}

function partialOf(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}`);
}

function emptiestShard(sites: readonly RequestedSite[], shards: number): number {
  const taken = [...new Map(sites.map(({ slug, shard }) => [slug, shard])).values()];
  const counts = Array.from({ length: shards }, (_, shard) => taken.filter((one) => one === shard).length);
  return counts.indexOf(Math.min(...counts));
}
