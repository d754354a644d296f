import { setTimeout as sleep } from 'node:timers/promises';
import type { SiteConfig } from '../config.ts';
import type { GhostPackage } from '../ghost.ts';
import type { Logger } from '../logger.ts';
import { PostgresTarget } from './postgres-target.ts';
import { SqliteTarget } from './sqlite-target.ts';
import { type DatabaseContents, initialisingMarker, type MigrationTarget } from './target.ts';

/** The database stayed away past the deadline. */
export class DatabaseUnavailableError extends Error {
  constructor(seconds: number, cause: unknown) {
    super(
      `the database did not answer within ${seconds} s: ${(cause as Error).message || (cause as { code?: string }).code}`,
    );
    this.name = 'DatabaseUnavailableError';
  }
}

/**
 * - `ready`: every migration of this Ghost has run.
 * - `empty`: no table of Ghost's is there.
 * - `interrupted`: a first start was killed; the database was never served.
 * - `behind`: migrations are missing, or Ghost's lock row was left taken.
 */
export type MigrationState = 'ready' | 'empty' | 'interrupted' | 'behind';

/** Where a site's migrations stand. */
export interface MigrationReport {
  readonly state: MigrationState;
  /** Names of Ghost's migrations that the ledger does not list. */
  readonly missing: readonly string[];
}

export function createMigrationTarget(config: SiteConfig): MigrationTarget {
  return config.database.client === 'sqlite'
    ? new SqliteTarget(config.database.filename, config.ghostPath)
    : new PostgresTarget(config.database, config.slug);
}

/**
 * Connects, waiting with growing pauses while the database is away.
 *
 * @throws DatabaseUnavailableError after `deadlineSeconds`
 */
export async function connectWithin(target: MigrationTarget, deadlineSeconds: number, logger: Logger): Promise<void> {
  const deadline = Date.now() + deadlineSeconds * 1000;
  for (let pause = 100; ; pause = Math.min(pause * 2, 5_000)) {
    try {
      await target.connect();
      return;
    } catch (error) {
      await target.close();
      if (!target.isTemporary(error)) throw error;
      // Half of the pause is random: a fleet that lost its server must not come back in step.
      const next = pause / 2 + Math.random() * (pause / 2);
      if (Date.now() + next > deadline) throw new DatabaseUnavailableError(deadlineSeconds, error);
      logger.warn({ reason: (error as Error).message, nextTryMs: Math.round(next) }, 'the database is away');
      await sleep(next);
    }
  }
}

/** Compares the database with the migrations that the Ghost package carries. Reads only. */
export async function reportMigrations(target: MigrationTarget, ghost: GhostPackage): Promise<MigrationReport> {
  return compare(await target.readContents(), ghost);
}

/**
 * Brings the database to this Ghost's schema with Ghost's own migrator, under a lock that dies with its holder, and heals
 * what a killed predecessor left. The site's analytics role is then given its rights on the tables that are there. Safe to
 * call from any number of processes at once: one migrates, the others wait.
 *
 * @returns what was found at first
 */
export async function migrate(target: MigrationTarget, ghost: GhostPackage, logger: Logger): Promise<MigrationReport> {
  const contents = await target.readContents();
  const found = await compare(contents, ghost);
  if (found.state === 'ready' && contents.readerSettled) return found;
  await waitForLock(target, logger);
  try {
    await migrateLocked(target, ghost, logger);
    return found;
  } finally {
    await target.unlock();
  }
}

/**
 * {@link migrate} for a process that is about to serve. Unless this database was served before as it is, the lock stays
 * with `target` until that is closed, which is to be after Ghost has started: Ghost fills in the settings that it misses,
 * and of two that do so at once the slower finds its rows taken and ends.
 */
export async function migrateToServe(target: MigrationTarget, ghost: GhostPackage, logger: Logger): Promise<void> {
  const contents = await target.readContents();
  const { state } = await compare(contents, ghost);
  if (state === 'ready' && contents.served && contents.readerSettled) return;
  await waitForLock(target, logger);
  await migrateLocked(target, ghost, logger);
}

async function migrateLocked(target: MigrationTarget, ghost: GhostPackage, logger: Logger): Promise<void> {
  const contents = await target.readContents();
  if (contents.tables.has(initialisingMarker)) {
    logger.warn('an earlier first start was interrupted before it was complete: starting over');
    await target.wipe();
  } else if (contents.ghostLockTaken) {
    logger.warn("Ghost's migration lock was left by a process that is gone: released");
    await target.releaseGhostLock();
  }
  const report = await reportMigrations(target, ghost);
  const started = Date.now();
  if (report.state === 'empty') {
    logger.info('initialising an empty database');
    await target.createMarker();
    await ghost.runMigrations();
    await target.dropMarker();
  } else if (report.state !== 'ready') {
    logger.info({ missing: report.missing.length }, 'migrating');
    await ghost.runMigrations();
  }
  const after = await reportMigrations(target, ghost);
  if (after.state !== 'ready') throw new Error(`migrations are missing after migrating: ${after.missing.join(', ')}`);
  await settleReader(target, logger);
  logger.info({ ms: Date.now() - started }, 'the database is ready');
}

/** Statistics are not worth a site that does not start: where the rights cannot be given, the next start tries again. */
async function settleReader(target: MigrationTarget, logger: Logger): Promise<void> {
  try {
    await target.settleReader();
  } catch (error) {
    logger.error({ err: error }, 'the analytics role was not given its rights');
  }
}

async function compare(contents: DatabaseContents, ghost: GhostPackage): Promise<MigrationReport> {
  const missing = (await ghost.listMigrations()).filter((name) => !contents.migrations.has(name));
  return { state: stateOf(contents, missing), missing };
}

function stateOf(contents: DatabaseContents, missing: readonly string[]): MigrationState {
  if (contents.tables.has(initialisingMarker)) return 'interrupted';
  if (contents.tables.size === 0) return 'empty';
  return missing.length > 0 || contents.ghostLockTaken ? 'behind' : 'ready';
}

async function waitForLock(target: MigrationTarget, logger: Logger): Promise<void> {
  for (let waited = 0; !(await target.tryLock()); waited += 1) {
    if (waited % 20 === 0) logger.info('another process is migrating this site: waiting');
    await sleep(500);
  }
}
