import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type DatabaseStrategy, databaseStrategies } from '../../sites/naming.ts';
import { UsageError } from '../command.ts';

/** What `npm start` is asked to do. */
export interface FleetOptions {
  /** Port of the router on 127.0.0.1. */
  readonly port: number;
  /** Folder of the registry. */
  readonly sitesDir: string;
  readonly database: DatabaseStrategy;
  /** Slugs to run; all of the registry where undefined. */
  readonly only: readonly string[] | undefined;
  /** Site whose data is to be set aside first. */
  readonly reset: string | undefined;
  /** Do not ask before a reset. */
  readonly yes: boolean;
  /** Fill the dashboard with made-up numbers where a site has none. */
  readonly demo: boolean;
  /** Where the fleet keeps everything. */
  readonly stateDir: string;
}

export const fleetUsage = `usage: npm start [-- --port 8080 --sites <dir> --database sqlite|schema|database --only a,b --reset <slug> [--yes] --demo]

Runs the registry's sites on this machine, each with its own database, behind http://<slug>.localhost:<port>.
Sites that appear in the registry while it runs are started, sites that leave it are stopped and keep their data.

  --port <port>       of the router (default: 8080)
  --sites <dir>       another registry (default: sites)
  --database <kind>   sqlite: a file a site (default); schema, database: PostgreSQL
  --only <slugs>      run these sites alone
  --reset <slug>      set the site's data aside first and start it empty; asks, unless --yes is given
  --demo              fill the dashboard with a year of made-up numbers where a site has none
  GHOST_FLEET_STATE   folder of all state (default: .local)`;

/**
 * Reads the command line.
 *
 * @returns the options, or undefined when help was asked for
 * @throws UsageError with every problem
 */
export function readFleetOptions(args: readonly string[], env: NodeJS.ProcessEnv): FleetOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '8080' },
      sites: { type: 'string', default: 'sites' },
      database: { type: 'string', default: 'sqlite' },
      only: { type: 'string' },
      reset: { type: 'string' },
      yes: { type: 'boolean', default: false },
      demo: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const problems: string[] = [];
  const port = Number(values.port);
  if (!/^\d{1,5}$/.test(values.port) || port < 1 || port > 65_535)
    problems.push(`--port: expected a port from 1 to 65535; got ${JSON.stringify(values.port)}`);
  const database = databaseStrategies.find((strategy) => strategy === values.database);
  if (database === undefined)
    problems.push(
      `--database: expected one of ${databaseStrategies.join(', ')}; got ${JSON.stringify(values.database)}`,
    );
  if (!existsSync(values.sites))
    problems.push(`--sites: expected a folder; got ${JSON.stringify(values.sites)}, which is not there`);
  if (database === undefined || problems.length > 0) throw new UsageError(problems);
  const only = values.only
    ?.split(',')
    .map((slug) => slug.trim())
    .filter(Boolean);
  return {
    port,
    sitesDir: values.sites,
    database,
    only,
    reset: values.reset,
    yes: values.yes,
    demo: values.demo,
    stateDir: path.resolve(env.GHOST_FLEET_STATE || '.local'),
  };
}
