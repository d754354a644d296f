import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { migratePlatform } from '../../runtime/platform/database/migrator.ts';
import { ownerRole, platformDatabase, provisionPlatformDatabase } from '../../runtime/platform/database/provision.ts';
import type { DatabaseSettings } from '../../runtime/platform/database/settings.ts';
import { appRole } from '../../runtime/platform/database/tenancy.ts';
import { stopWhenInterrupted } from '../../scripts/bench/interruption.ts';
import type { PostgresServer } from '../../scripts/services/postgres.ts';
import { redisData, startTestRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestPostgres } from '../support/site-process.ts';

/** Of the platform's two roles. */
export interface PlatformPasswords {
  readonly owner: string;
  readonly app: string;
}

/** PostgreSQL with the platform's tables and, where asked for, Redis: both to be killed, both to come back where they were. */
export class MortalServers {
  readonly #dir: string;
  #postgres: PostgresServer;
  #redis: TestRedis | undefined;
  #stopped = false;
  /** The application role's. */
  readonly database: DatabaseSettings;

  private constructor(dir: string, postgres: PostgresServer, redis: TestRedis | undefined, database: DatabaseSettings) {
    this.#dir = dir;
    this.#postgres = postgres;
    this.#redis = redis;
    this.database = database;
  }

  /** @param provision makes the platform's database without its tables; as the local fleet does, unless it is told */
  static async start(
    dir: string,
    withRedis: boolean,
    provision: (server: PostgresServer) => Promise<PlatformPasswords> = provisionByItself,
  ): Promise<MortalServers> {
    const postgres = await startTestPostgres(dir);
    const passwords = await provision(postgres);
    const { host, port } = postgres;
    const common = { host, port, name: platformDatabase, ssl: 'off', poolMax: 12 } as const;
    await migratePlatform({ ...common, user: ownerRole, password: passwords.owner });
    const redis = withRedis ? await startTestRedis(dir, { keepsData: true }) : undefined;
    const servers = new MortalServers(dir, postgres, redis, { ...common, user: appRole, password: passwords.app });
    stopWhenInterrupted(() => servers.stop());
    return servers;
  }

  get redis(): TestRedis | undefined {
    return this.#redis;
  }

  /** The server as its administrator reaches it, whether it lives or not. */
  get administrator(): PostgresServer {
    return this.#postgres;
  }

  /** Kills PostgreSQL, or shuts it down as it is, and brings it back after a while. */
  async killPostgres(signal: 'SIGKILL' | 'SIGQUIT', downMs: number): Promise<void> {
    const { port, pid, ended } = this.#postgres;
    process.kill(pid, signal);
    await ended;
    await sleep(downMs);
    for (let attempt = 1; !this.#stopped; attempt += 1) {
      try {
        this.#postgres = await startTestPostgres(this.#dir, port);
        return;
      } catch (error) {
        // Its last children still hold its memory.
        if (attempt === 20) throw error;
        await sleep(250);
      }
    }
  }

  /** Kills Redis and brings it back after a while, with what it had written to its disk or empty. */
  async killRedis(isLost: boolean, downMs: number): Promise<void> {
    const port = this.#redis?.port;
    await this.#redis?.kill();
    if (isLost) await rm(path.join(this.#dir, redisData), { recursive: true, force: true });
    await sleep(downMs);
    this.#redis = await startTestRedis(this.#dir, { keepsData: true, ...(port === undefined ? {} : { port }) });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#redis?.stop();
    await this.#postgres.stop();
  }
}

async function provisionByItself(server: PostgresServer): Promise<PlatformPasswords> {
  const passwords = { owner: 'platform owner of a test', app: 'platform app of a test' };
  await provisionPlatformDatabase(server, passwords);
  return passwords;
}
