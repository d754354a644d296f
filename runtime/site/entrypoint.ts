import { setTimeout as sleep } from 'node:timers/promises';
import { maskSecrets, readSiteConfig, type SiteConfig, SiteConfigError } from './config.ts';
import { prepareContentPath } from './content-path.ts';
import { assertDialectInstalled, installPostgresDialect } from './database/install.ts';
import { GhostPackage, type RunningGhost } from './ghost.ts';
import { createLogger, type Logger } from './logger.ts';
import { serveMaintenance } from './maintenance.ts';
import { saveBeforeAnswering } from './media/theme-requests.ts';
import { MediaUnavailableError, ThemeStore } from './media/theme-store.ts';
import { SiteMetrics } from './metrics.ts';
import {
  connectWithin,
  createMigrationTarget,
  DatabaseUnavailableError,
  migrate,
  migrateToServe,
  reportMigrations,
} from './migration/migrate.ts';
import { DatabaseNotPreparedError } from './migration/postgres-target.ts';
import { rehearseMigrations } from './migration/rehearse.ts';
import type { MigrationTarget } from './migration/target.ts';
import { ProbeServer } from './probes.ts';

const usage = `usage: node runtime/site/entrypoint.ts [migrate [--check | --rehearse] | maintenance | config]

Runs one Ghost site from the environment that runtime/site/config.ts defines.

  (nothing)         migrate if need be, then serve
  migrate           migrate and exit
  migrate --check   say what would be migrated; exits 1 when something is missing
  migrate --rehearse
                    run what is missing on a copy of the site's SQLite file
  maintenance       answer with a page and 503 in the place of the site
  config            print the resolved configuration, secrets masked

Exit codes: 0, 69 the database stayed away past DATABASE_WAIT_SECONDS or the bucket did not answer, 70 internal, 78 configuration.`;

/**
 * Longer than Traefik (90 s), nginx and the load balancers of AWS (60 s) keep an idle connection. Were the site the first
 * to close one, it could do so while a request is on its way, and a proxy answers 502 to what it may not send twice.
 */
const keepAliveSeconds = 95;

const exit = { ok: 0, behind: 1, unavailable: 69, internal: 70, configuration: 78 } as const;

async function main(args: readonly string[]): Promise<void> {
  const [command = 'serve', ...rest] = args;
  const known = [
    'serve',
    'migrate',
    'migrate --check',
    'migrate --rehearse',
    'maintenance',
    'config',
    '--help',
    '-h',
  ].includes([command, ...rest].join(' '));
  if (!known || command === '--help' || command === '-h') {
    console.error(known ? usage : `expected one of the commands below; got ${args.join(' ')}\n\n${usage}`);
    process.exit(known ? exit.ok : exit.configuration);
  }
  let config: SiteConfig;
  try {
    config = readSiteConfig(process.env);
  } catch (error) {
    if (!(error instanceof SiteConfigError)) throw error;
    console.error(error.message);
    process.exit(exit.configuration);
  }
  if (command === 'config') {
    console.log(JSON.stringify(maskSecrets(config), null, 2));
    return;
  }
  const logger = createLogger(config);
  try {
    if (command === 'migrate' && rest.includes('--rehearse')) await rehearse(config, logger);
    else if (command === 'migrate') await runMigrations(config, logger, rest.includes('--check'));
    else if (command === 'maintenance') await serveMaintenance(config, logger);
    else await serve(config, logger);
  } catch (error) {
    const code = exitCodeOf(error);
    // An expected failure needs no stack; an unexpected one is useless without.
    logger.fatal(code === exit.internal ? { err: error } : {}, (error as Error).message);
    process.exit(code);
  }
}

async function runMigrations(config: SiteConfig, logger: Logger, checkOnly: boolean): Promise<void> {
  const ghost = prepareGhost(config);
  const target = createMigrationTarget(config);
  await connectWithin(target, config.databaseWaitSeconds, logger);
  try {
    if (checkOnly) {
      const report = await reportMigrations(target, ghost);
      console.log(JSON.stringify(report));
      process.exitCode = report.state === 'ready' ? exit.ok : exit.behind;
    } else {
      await prepareContentPath(config.contentPath, config.ghostPath);
      const found = await migrate(target, ghost, logger);
      console.log(JSON.stringify({ found: found.state, state: 'ready', applied: found.missing }));
    }
  } finally {
    await target.close();
  }
  // Ghost's modules keep timers and a pool; the work is done.
  process.exit();
}

async function rehearse(config: SiteConfig, logger: Logger): Promise<void> {
  const { state, missing } = await rehearseMigrations(config, logger);
  console.log(JSON.stringify({ state, missing, rehearsed: state === 'behind' }));
  process.exit();
}

async function serve(config: SiteConfig, logger: Logger): Promise<void> {
  const metrics = new SiteMetrics(config.slug);
  const probes = new ProbeServer(config, metrics);
  const stopEarly = () => process.exit(exit.ok);
  process.once('SIGTERM', stopEarly).once('SIGINT', stopEarly);
  if (config.stopOnStdinEnd) process.stdin.once('end', () => process.kill(process.pid, 'SIGTERM')).resume();
  await probes.listen();

  const ghost = prepareGhost(config);
  const [target, themes] = await Promise.all([
    migrateFirst(config, ghost, probes, logger),
    prepareContent(config, logger),
  ]);
  metrics.setMigrationState('ready');
  probes.migrations = 'ready';
  probes.phase = 'starting Ghost';
  // Ghost ends the process itself where it cannot start, with a code of its own.
  process.on('exit', (code) => {
    if (code === 1 || code === 2) process.exitCode = exit.internal;
  });
  const running = await ghost.boot();
  await target.close();
  if (config.database.client === 'postgres') assertDialectInstalled();
  const { httpServer } = running.server;
  if (httpServer !== null) {
    httpServer.keepAliveTimeout = keepAliveSeconds * 1000;
    metrics.observeServer(httpServer);
    if (themes !== undefined) saveBeforeAnswering(httpServer, () => themes.save(), logger);
  }
  metrics.observeDatabase(running.knex);
  stopOnSignal(config, running, probes, logger);
  probes.serve(running.knex);
  logger.info({ url: config.url, port: config.port, probePort: config.probePort }, 'serving');
}

async function prepareContent(config: SiteConfig, logger: Logger): Promise<ThemeStore | undefined> {
  const { contentPath, ghostPath, media } = config;
  await prepareContentPath(contentPath, ghostPath);
  if (media === undefined) return undefined;
  const themes = new ThemeStore(media, contentPath, ghostPath);
  await themes.restore(logger);
  return themes;
}

function prepareGhost(config: SiteConfig): GhostPackage {
  const { database, ghostPath } = config;
  if (database.client === 'postgres') installPostgresDialect({ ghostPath, siteDatabase: database.database });
  return new GhostPackage(config);
}

/** @returns the connection, to be closed when Ghost has started: it may hold the site's lock until then */
async function migrateFirst(
  config: SiteConfig,
  ghost: GhostPackage,
  probes: ProbeServer,
  logger: Logger,
): Promise<MigrationTarget> {
  const target = createMigrationTarget(config);
  await connectWithin(target, config.databaseWaitSeconds, logger);
  probes.phase = 'migrating';
  probes.migrations = (await reportMigrations(target, ghost)).state;
  await migrateToServe(target, ghost, logger);
  return target;
}

/** Takes the signals over from Ghost: readiness goes first, the site a moment later, and there is a deadline. */
function stopOnSignal(config: SiteConfig, running: RunningGhost, probes: ProbeServer, logger: Logger): void {
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    probes.phase = 'stopping';
    logger.info({ signal, drainSeconds: config.drainSeconds }, 'stopping');
    setTimeout(() => {
      logger.error({ shutdownSeconds: config.shutdownSeconds }, 'did not stop in time: exiting');
      process.exit(exit.internal);
    }, config.shutdownSeconds * 1000).unref();
    await sleep(config.drainSeconds * 1000);
    await running.server.stop();
    await running.knex.destroy();
    logger.info('stopped');
    process.exit(exit.ok);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      stop(signal).catch((error: Error) => {
        logger.error({ err: error }, 'could not stop cleanly');
        process.exit(exit.internal);
      });
    });
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof DatabaseUnavailableError || error instanceof MediaUnavailableError) return exit.unavailable;
  return error instanceof DatabaseNotPreparedError ? exit.configuration : exit.internal;
}

await main(process.argv.slice(2));
