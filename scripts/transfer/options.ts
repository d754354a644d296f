import path from 'node:path';
import { type DatabaseStrategy, databaseStrategies } from '../../sites/naming.ts';
import { UsageError } from '../command.ts';
import type { SiteChoice } from './site.ts';

/** Options with which both commands choose a site, for `parseArgs`. */
export const siteOptions = {
  sites: { type: 'string', default: 'sites' },
  database: { type: 'string', default: 'sqlite' },
  environment: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

export const siteOptionsHelp = `  --database <kind>   where the local fleet keeps the site, as npm start is told: sqlite (default), schema, database
  --sites <dir>       another registry (default: sites)
  --environment       the site that this process's environment describes (SITE_SLUG, CONTENT_PATH, DATABASE_HOST, …;
                      runtime/site/config.ts), for servers elsewhere, instead of one of the local fleet
  GHOST_FLEET_STATE   folder of the local fleet's state (default: .local)`;

/** @throws UsageError with every problem */
export function readSiteChoice(
  values: { readonly sites: string; readonly database: string; readonly environment: boolean },
  positionals: readonly string[],
  env: NodeJS.ProcessEnv,
): SiteChoice {
  const problems: string[] = [];
  const [slug = ''] = positionals;
  if (positionals.length !== 1) problems.push(`<slug>: expected one; got ${positionals.join(' ') || 'none'}`);
  const database = databaseStrategies.find((strategy) => strategy === values.database);
  if (database === undefined)
    problems.push(
      `--database: expected one of ${databaseStrategies.join(', ')}; got ${JSON.stringify(values.database)}`,
    );
  if (problems.length > 0) throw new UsageError(problems);
  return {
    slug,
    sitesDir: values.sites,
    database: database as DatabaseStrategy,
    stateDir: path.resolve(env.GHOST_FLEET_STATE || '.local'),
    fromEnvironment: values.environment,
  };
}
