import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { locateSiteDatabase } from '../../runtime/database/provision.ts';
import type { ChosenSite } from '../../runtime/database/transfer/initialise.ts';
import { readSiteConfig } from '../../runtime/site/config.ts';
import { namesOf } from '../../sites/naming.ts';
import { ghostPathOf } from '../fleet/ghost-release.ts';
import { StateDir } from '../fleet/state-dir.ts';
import { readFleetSite, type SiteChoice, withSite } from '../transfer/site.ts';

/**
 * Calls `use` with a site that is only read: one of a fleet that runs is left running.
 *
 * @throws UsageError for an unknown slug; SiteConfigError
 */
export async function withReadableSite<T>(choice: SiteChoice, use: (site: ChosenSite) => Promise<T>): Promise<T> {
  const state = new StateDir(choice.stateDir);
  const running = (await state.owner()) !== undefined;
  if (choice.fromEnvironment || (choice.database !== 'sqlite' && !running)) return withSite(choice, use);
  const site = await readFleetSite(choice);
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    SITE_SLUG: site.slug,
    SITE_URL: `http://${namesOf(site.slug).localHost}`,
    CONTENT_PATH: state.contentPath(site.slug),
    GHOST_PATH: await ghostPathOf(site.ghost?.version),
    ...(choice.database === 'sqlite' ? {} : await addressOf(site.slug, choice.database, state)),
  };
  return use({ env, config: readSiteConfig(env) });
}

/** The server of a running fleet says in a file of its own where it listens. */
async function addressOf(
  slug: string,
  strategy: 'schema' | 'database',
  state: StateDir,
): Promise<Record<string, string>> {
  const lines = (await readFile(path.join(state.postgres, 'postmaster.pid'), 'utf8')).split('\n');
  return {
    DATABASE_CLIENT: 'postgres',
    DATABASE_STRATEGY: strategy,
    DATABASE_HOST: '127.0.0.1',
    DATABASE_PORT: lines[3] ?? '',
    DATABASE_NAME: locateSiteDatabase({ slug, strategy }).database,
    DATABASE_PASSWORD_FILE: state.databasePasswordFile(slug),
  };
}
