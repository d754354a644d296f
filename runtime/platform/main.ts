import { pino } from 'pino';
import { ensureStaff } from './access/accounts.ts';
import { manualDriver } from './billing/drivers/manual.ts';
import { StripeDriver } from './billing/drivers/stripe.ts';
import { PlatformConfigError, readDatabaseSettings, readMigrationSettings, readPlatformConfig } from './config.ts';
import { PlatformDatabase } from './database/connection.ts';
import { migratePlatform } from './database/migrator.ts';
import { seedDemo } from './demo.ts';
import { createLocalMailer, createMailer } from './mail.ts';
import { createProbes } from './probes.ts';
import { createProvisioner } from './provisioning/create-provisioner.ts';
import { createQueue } from './queue/create-queue.ts';
import type { Services } from './services.ts';
import { createVolatileStores } from './volatile/create-volatile-stores.ts';
import { createServer } from './web/server.ts';
import { startWorker } from './worker.ts';

const usage = `usage: node runtime/platform/main.ts api|worker|migrate|local

  api       serves dashboard and API
  worker    runs jobs and schedules
  migrate   brings the tables up to date as their owner, and ends
  local     all of it in one process, for a machine without Redis`;

const exitConfiguration = 78;
const log = pino({ name: 'platform' });

async function main(role: string | undefined): Promise<number> {
  if (role === 'migrate') {
    const names = await migratePlatform(readDatabaseSettings(process.env));
    log.info({ migrations: names }, names.length === 0 ? 'the tables are up to date' : 'the tables were migrated');
    return 0;
  }
  if (role !== 'api' && role !== 'worker' && role !== 'local') {
    console.error(usage);
    return exitConfiguration;
  }
  const config = readPlatformConfig(process.env);
  if (role === 'local') await migratePlatform(readMigrationSettings(process.env, config.database));
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    if (config.stopOnStdinEnd) process.stdin.once('end', () => resolve()).resume();
  });
  const database = new PlatformDatabase(config.database);
  const report = (text: string, error?: unknown) =>
    error === undefined ? log.info(text) : log.error({ err: error }, text);
  const redis = config.redis === undefined ? {} : { redis: config.redis };
  const stores = createVolatileStores(redis);
  const queue = createQueue({ database, log: report, ...redis });
  const provisioner = await createProvisioner(config.provisioning, database, config.analytics?.probeUrl);
  const mailer = config.mail === undefined ? createLocalMailer(console.log) : createMailer(config.mail);
  const { stripe } = config.billing;
  const drivers = { manual: manualDriver, ...(stripe && { stripe: new StripeDriver(stripe) }) };
  const services: Services = {
    config,
    database,
    stores,
    queue,
    mailer,
    provisioner,
    drivers,
    now: () => new Date(),
    log: report,
  };
  await database.asFleet((db) => ensureStaff(db, config.staff));

  if (config.demo) log.info({ sites: await seedDemo(services) }, 'demo data');

  const worker = role === 'api' ? undefined : await startWorker(services);
  const app = role === 'worker' ? undefined : await createServer(services);
  const probes = config.probePort === undefined ? undefined : createProbes(services, app);
  await probes?.listen({ host: config.host, port: config.probePort });
  await app?.listen({ host: config.host, port: config.port });
  log.info({ role }, 'ready');
  await interrupted;
  // A database or a Redis that is gone without a word would be waited for.
  setTimeout(() => {
    log.error({ shutdownSeconds: config.shutdownSeconds }, 'did not stop in time: exiting');
    process.exit(70);
  }, config.shutdownSeconds * 1_000).unref();
  // Open as long as whoever started this lives, it would keep this process from ending.
  if (config.stopOnStdinEnd) process.stdin.destroy();
  await app?.close();
  await worker?.stop();
  await provisioner.close();
  await queue.close();
  await stores.close();
  await database.close();
  await probes?.close();
  return 0;
}

try {
  process.exitCode = await main(process.argv[2]);
} catch (error) {
  if (error instanceof PlatformConfigError) {
    console.error(error.message);
    process.exit(exitConfiguration);
  }
  log.fatal({ err: error }, 'the platform ended');
  process.exit(70);
}
