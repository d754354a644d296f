import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';

/** A site of a bench's registry. */
export interface BenchSite {
  readonly slug: string;
  readonly shard: number;
  /** @default 'studio' */
  readonly plan?: 'starter' | 'studio';
}

/** So many sites, so many in each shard; the names are the same whatever the count. */
export function sitesInShards(count: number, shardSize: number): BenchSite[] {
  return Array.from({ length: count }, (_, at) => ({ slug: `bench-${at}`, shard: Math.floor(at / shardSize) }));
}

/** A YAML for each site, as `site:add` writes them. */
export async function writeRegistry(dir: string, sites: readonly BenchSite[]): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const site of sites) await writeSite(dir, site);
}

export async function writeSite(dir: string, { slug, shard, plan = 'studio' }: BenchSite): Promise<void> {
  const entry = {
    slug,
    creator: `creator-of-${slug}@example.com`,
    title: `Bench ${slug}`,
    domains: [`${slug}.example.com`],
    plan,
    region: 'eu',
    shard,
  };
  await writeFile(path.join(dir, `${slug}.yaml`), stringify(entry));
}
