import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Administrator } from '../../runtime/database/administrator.ts';
import { PlatformDatabase } from '../../runtime/platform/database/connection.ts';
import type { DatabaseSettings } from '../../runtime/platform/database/settings.ts';
import { putSite } from '../../runtime/platform/provisioning/registration.ts';
import { isLockedByDead } from '../../scripts/engine/lock.ts';
import { createReadableSite } from '../../scripts/services/site-database.ts';
import { loadRegistry } from '../../sites/registry.ts';
import type { Site } from '../../sites/schema.ts';
import { fillKnownSite } from './analytics-fleet.ts';
import type { KnownSite } from './known-site.ts';

/** What the recorded engine is told, in the file that {@link recordedEngineVariable} names. */
export interface RecordedEngineSettings {
  /** Where it keeps locks, what it has deployed, and a list of its runs. */
  readonly dir: string;
  readonly server: Administrator;
  readonly platform: DatabaseSettings;
  readonly analyticsKey: string;
  readonly ghostPath: string;
  readonly baseDomain: string;
  readonly sites: readonly KnownSite[];
  /** Last day of the sites' histories. */
  readonly through: string;
}

export const recordedEngineVariable = 'RECORDED_ENGINE';

const deployments = 'deployed';

/** Time between two lines of an update; a real one takes about ten times as long. */
const lineMs = 80;

/** File that says that a site is deployed. */
export function deploymentOf(dir: string, slug: string): string {
  return path.join(dir, deployments, slug);
}

/**
 * Plays `npm run up -- --stack <name> --yes` in a checkout of a registry: says what the engine says, and makes of a new site
 * what matters to the platform, its database with a history in it, its registration, and at last its deployment. As the real
 * engine it finds what an interrupted run has made, and refuses a stack that another run has locked.
 */
async function up(stack: string, settings: RecordedEngineSettings): Promise<void> {
  const { dir } = settings;
  await appendFile(path.join(dir, 'runs.txt'), `${stack}\n`);
  const unlock = await lock(path.join(dir, `${stack}.lock`));
  const platform = new PlatformDatabase(settings.platform);
  try {
    console.log(`Updating (${stack}):`);
    const { sites } = await loadRegistry('sites');
    for (const site of sites.filter(({ shard }) => stack.endsWith(`-${String(shard).padStart(2, '0')}`))) {
      if (existsSync(deploymentOf(dir, site.slug))) continue;
      await createSite(site, stack, platform, settings);
    }
    console.log('Resources: as recorded');
  } finally {
    await platform.close();
    await unlock();
  }
}

async function createSite(
  site: Site,
  stack: string,
  platform: PlatformDatabase,
  settings: RecordedEngineSettings,
): Promise<void> {
  const { slug } = site;
  const say = async (what: string) => {
    console.log(` + ${what} ${slug} created`);
    await sleep(lineMs);
  };
  await say('fleet:index:Site');
  await fillDatabase(slug, settings);
  await say('fleet:index:SiteDatabase');
  await say('kubernetes:core/v1:Secret');
  const url = `http://${slug}.${settings.baseDomain}`;
  await platform.asFleet((db) => putSite(db, { site, url, strategy: 'database', stack }));
  await say('fleet:index:SiteRegistration');
  await writeFile(deploymentOf(settings.dir, slug), '');
  await say('kubernetes:apps/v1:Deployment');
}

/** A database and what its writer and its readers do there. */
async function fillDatabase(slug: string, settings: RecordedEngineSettings): Promise<void> {
  const { server, analyticsKey: key, ghostPath } = settings;
  await createReadableSite(server, { slug, key, ghostPath });
  await fillKnownSite(server, slug, settings);
}

/**
 * Locks a stack as the engine's backend of files does, and takes away the lock of a run that was killed, as `npm run up` does.
 *
 * @throws Error where another run has it
 */
async function lock(file: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      return () => rm(file, { force: true });
    } catch {
      const pid = await readFile(file, 'utf8').catch(() => '');
      const owner = `created by recorded@${hostname()} (pid ${pid})`;
      if (pid !== '' && !isLockedByDead(owner)) throw new Error(`the stack is currently locked by 1 lock(s): ${owner}`);
      await rm(file, { force: true });
    }
  }
}

/** Writes the engine's settings. @returns the file */
export async function writeEngineSettings(settings: RecordedEngineSettings): Promise<string> {
  await mkdir(path.join(settings.dir, deployments), { recursive: true });
  const file = path.join(settings.dir, 'settings.json');
  await writeFile(`${file}.new`, JSON.stringify(settings), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return file;
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { stack: { type: 'string' }, yes: { type: 'boolean' } } });
  const text = await readFile(process.env[recordedEngineVariable] ?? '', 'utf8');
  try {
    await up(values.stack ?? '', JSON.parse(text) as RecordedEngineSettings);
  } catch (error) {
    console.error(`error: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
