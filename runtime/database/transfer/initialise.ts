import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { SiteConfig } from '../../site/config.ts';
import { GhostPackage } from '../../site/ghost.ts';
import { createLogger } from '../../site/logger.ts';
import { connectWithin, createMigrationTarget, reportMigrations } from '../../site/migration/migrate.ts';
import type { MigrationTarget } from '../../site/migration/target.ts';
import type { GhostRelease } from './plan.ts';
import { TransferRefusedError } from './refusal.ts';

/** A site and the environment of its processes. */
export interface ChosenSite {
  readonly config: SiteConfig;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Holds a site's migration lock while `use` runs, over a database that has this Ghost's schema: an empty one is
 * initialised by Ghost's own migrator first, as the site's first start would do it. A database of another version is
 * refused as it is.
 *
 * @throws TransferRefusedError
 */
export async function withInitialisedSite<T>(site: ChosenSite, use: () => Promise<T>): Promise<T> {
  const { config } = site;
  const target = createMigrationTarget(config);
  await connectWithin(target, config.databaseWaitSeconds, createLogger(config));
  try {
    const ghost = new GhostPackage(config);
    await lock(target, config.slug);
    const { state, missing } = await reportMigrations(target, ghost);
    if (state === 'behind')
      throw new TransferRefusedError([
        `${config.slug}: expected no tables, or those of this Ghost; ${missing.length} of its migrations have not run there (${missing[0] ?? 'its lock is taken'}): start the site once`,
      ]);
    if (state !== 'ready') {
      await target.unlock();
      console.error(`${config.slug} is empty: Ghost initialises it`);
      await runMigrations(site);
      await lock(target, config.slug);
    }
    return await use();
  } finally {
    await target.close();
  }
}

async function lock(target: MigrationTarget, slug: string): Promise<void> {
  if (!(await target.tryLock()))
    throw new TransferRefusedError([
      `${slug}: expected a site that is not running; it is being migrated or imported right now`,
    ]);
}

/** Ghost's migrator changes what is global in a process, so it gets one of its own. */
function runMigrations({ env, config }: ChosenSite): Promise<void> {
  const entrypoint = path.resolve(import.meta.dirname, '../../site/entrypoint.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entrypoint, 'migrate'], {
    env: env as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
    });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      code === 0
        ? resolve()
        : reject(new Error(`${config.slug}: Ghost's migrator ended with ${code ?? signal}:\n${output}`)),
    );
  });
}

/** The Ghost that a site runs. */
export async function readRelease(config: SiteConfig): Promise<GhostRelease> {
  const file = path.join(config.ghostPath, 'package.json');
  const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string };
  return { version, migrations: await new GhostPackage(config).listMigrations() };
}
