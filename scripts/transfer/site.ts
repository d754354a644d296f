import type { ChosenSite } from '../../runtime/database/transfer/initialise.ts';
import { readSiteConfig } from '../../runtime/site/config.ts';
import type { DatabaseStrategy } from '../../sites/naming.ts';
import { namesOf } from '../../sites/naming.ts';
import { formatProblem, loadRegistry } from '../../sites/registry.ts';
import type { Site } from '../../sites/schema.ts';
import { UsageError } from '../command.ts';
import { FleetDatabases } from '../fleet/databases.ts';
import { siteEnvironment } from '../fleet/site-environment.ts';
import { StateDir } from '../fleet/state-dir.ts';
import { clustersOf, readStacks } from '../registry/clusters.ts';

/** Which site a command is about, and where it lives. */
export interface SiteChoice {
  readonly slug: string;
  /** Registry of the local fleet. */
  readonly sitesDir: string;
  readonly database: DatabaseStrategy;
  readonly stateDir: string;
  /** The site that this process's environment describes, instead of one of the local fleet. */
  readonly fromEnvironment: boolean;
}

/**
 * Calls `use` with a site. One of the local fleet is locked meanwhile, with its server running: nobody can start it.
 *
 * @throws UsageError for an unknown slug or a running fleet; SiteConfigError
 */
export async function withSite<T>(choice: SiteChoice, use: (site: ChosenSite) => Promise<T>): Promise<T> {
  return choice.fromEnvironment ? use(siteOfEnvironment(choice.slug)) : withFleetSite(choice, use);
}

function siteOfEnvironment(slug: string): ChosenSite {
  // A child process has no use for the source's address.
  const { SITE_IMPORT_FROM: _, ...env } = process.env;
  const config = readSiteConfig(env);
  if (config.slug !== slug) throw new UsageError([`SITE_SLUG: expected ${slug}; got ${config.slug}`]);
  return { config, env };
}

/** A site of the local fleet's registry. @throws UsageError */
export async function readFleetSite({ slug, sitesDir }: SiteChoice): Promise<Site> {
  const registry = await loadRegistry(sitesDir, { clusters: clustersOf(await readStacks(undefined)) });
  const site = registry.sites.find((candidate) => candidate.slug === slug);
  if (site === undefined) {
    const own = registry.problems.map(formatProblem);
    throw new UsageError([`expected a site of ${sitesDir}; got ${slug} (npm run site:add adds one)`, ...own]);
  }
  return site;
}

async function withFleetSite<T>(choice: SiteChoice, use: (site: ChosenSite) => Promise<T>): Promise<T> {
  const { slug, database, stateDir } = choice;
  const site = await readFleetSite(choice);
  const state = new StateDir(stateDir);
  await state.lock();
  try {
    const databases = await FleetDatabases.start(database, state);
    try {
      const address = { url: `http://${namesOf(slug).localHost}`, port: 2368, probePort: 2369 };
      const env = await siteEnvironment(site, { state, databases }, address);
      return await use({ config: readSiteConfig(env), env });
    } finally {
      await databases.stop();
    }
  } finally {
    await state.unlock();
  }
}
