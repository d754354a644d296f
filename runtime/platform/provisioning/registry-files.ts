import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  changeSite,
  checkCandidate,
  formatSite,
  type RequestedSite,
  type SiteChange,
  writeCandidate,
} from '../../../sites/candidate.ts';
import type { ClusterRegion } from '../../../sites/registry.ts';
import type { Site, SiteInput } from '../../../sites/schema.ts';

/** The registry as a folder that the platform writes to. */
export class RegistryFiles {
  readonly dir: string;
  readonly #context: { readonly clusters: readonly ClusterRegion[]; readonly shards: number };

  /** @param context what entries are checked against: clusters that may be named, and the stack's number of shards */
  constructor(dir: string, context: { readonly clusters: readonly ClusterRegion[]; readonly shards: number }) {
    this.dir = dir;
    this.#context = context;
  }

  /** @throws RegistryError with every problem, an existing file among them */
  check(site: SiteInput, requested: readonly RequestedSite[] = []): Promise<SiteInput> {
    return checkCandidate(this.dir, site, this.#context, requested);
  }

  /**
   * Writes a new site's file, unless it is there and says the very same: an earlier, interrupted call wrote it.
   *
   * @returns the file
   * @throws RegistryError
   */
  async create(site: SiteInput): Promise<string> {
    const file = this.fileOf(String(site.slug));
    const existing = await readFile(file, 'utf8').catch(() => undefined);
    if (existing !== undefined && existing === formatSite(site)) return file;
    return writeCandidate(this.dir, await this.check(site));
  }

  /** @throws RegistryError */
  change(slug: string, change: SiteChange): Promise<Site> {
    return changeSite(this.dir, slug, change, this.#context.clusters);
  }

  fileOf(slug: string): string {
    return path.join(this.dir, `${slug}.yaml`);
  }
}
