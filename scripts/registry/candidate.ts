import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { type ClusterRegion, loadRegistry, RegistryError } from '../../sites/registry.ts';
import { type SiteInput, siteKeys } from '../../sites/schema.ts';
import { UsageError } from '../command.ts';

export interface CandidateContext {
  readonly clusters: readonly ClusterRegion[];
  /** Number of shards of the stack; 0 where it has none. */
  readonly shards: number;
}

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
 * stack has shards, the site gets the one with the fewest sites.
 *
 * @returns what is to be written
 * @throws RegistryError with the problems that the new file would have
 * @throws UsageError when the file exists
 */
export async function checkCandidate(dir: string, input: SiteInput, context: CandidateContext): Promise<SiteInput> {
  const slug = String(input.slug);
  const name = `${slug.replaceAll(/[^A-Za-z0-9_.-]/g, '_')}.yaml`;
  if (existsSync(path.join(dir, name)))
    throw new UsageError([`${path.join(dir, name)}: expected no such file; it exists`]);
  const trial = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-site-add-'));
  try {
    for (const file of (await readdir(dir)).filter((entry) => entry.endsWith('.yaml'))) {
      await copyFile(path.join(dir, file), path.join(trial, file));
    }
    const existing = await loadRegistry(trial);
    const shard = context.shards === 0 ? undefined : emptiestShard(existing.sites, context.shards);
    const candidate: SiteInput = { ...input, ...(shard === undefined ? {} : { shard }) };
    // Sorted last, so that of two claimants the new one is told.
    await writeFile(path.join(trial, name), formatSite(candidate));
    const { problems } = await loadRegistry(trial, { clusters: context.clusters, claimLast: name });
    const own = problems.filter((problem) => path.basename(problem.file) === name);
    if (own.length > 0) {
      const rename = (text: string) => text.replaceAll(`${trial}${path.sep}`, `${dir}${path.sep}`);
      throw new RegistryError(
        own.map((problem) => ({ ...problem, file: rename(problem.file), expected: rename(problem.expected) })),
      );
    }
    return candidate;
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

function emptiestShard(sites: readonly { shard?: number | undefined }[], shards: number): number {
  const counts = Array.from({ length: shards }, (_, shard) => sites.filter((site) => site.shard === shard).length);
  return counts.indexOf(Math.min(...counts));
}
