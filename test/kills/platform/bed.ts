import path from 'node:path';
import { ensureTemplate } from '../../../runtime/database/template.ts';
import { PlatformDatabase } from '../../../runtime/platform/database/connection.ts';
import { createQueue } from '../../../runtime/platform/queue/create-queue.ts';
import type { Queue } from '../../../runtime/platform/queue/queue.ts';
import { stopWhenInterrupted } from '../../../scripts/bench/interruption.ts';
import { freePort, type PostgresServer } from '../../../scripts/services/postgres.ts';
import { ghostPath, analyticsKey as testKey } from '../../support/analytics-fleet.ts';
import type { KnownSite } from '../../support/known-site.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { writeEngineSettings } from '../../support/recorded-engine.ts';
import { MortalServers } from '../servers.ts';
import { Workers } from '../workers.ts';
import { Creators } from './creators.ts';
import { FrontDoor } from './front-door.ts';
import { Ghosts } from './ghosts.ts';
import { baseDomain } from './names.ts';
import { startPlatformProcess } from './processes.ts';
import { RealEngine } from './real-engine.ts';
import { Repository } from './repository.ts';

export interface BedArgs {
  /** An empty folder. */
  readonly dir: string;
  readonly sites: readonly KnownSite[];
  readonly shards: number;
  /** Whether the first shard is updated by the real engine. */
  readonly real: boolean;
  readonly workers: number;
  /** Last day of the sites' histories. */
  readonly through: string;
}

/** A platform of processes on servers that may be killed, with everything that it reaches. */
export interface Bed {
  readonly servers: MortalServers;
  readonly workers: Workers;
  readonly api: Workers;
  readonly database: PlatformDatabase;
  readonly queue: Queue;
  readonly repository: Repository;
  readonly mailServer: MailServer;
  readonly frontDoor: FrontDoor;
  /** Of the shard that the real engine updates. */
  readonly ghosts: Ghosts | undefined;
  readonly engine: RealEngine | undefined;
  readonly creators: Creators;
  /** Folder of the recorded engine. */
  readonly engineDir: string;
  stop(): Promise<void>;
}

export async function startBed({ dir, sites, real: isReal, shards, workers: count, through }: BedArgs): Promise<Bed> {
  let real: RealEngine | undefined;
  let analyticsKey = testKey;
  const provision = async (server: PostgresServer) => {
    real = await RealEngine.start(dir, server, shards);
    const { MIGRATION_PASSWORD, DATABASE_PASSWORD, ANALYTICS_KEY } = await real.platformSecrets();
    analyticsKey = ANALYTICS_KEY ?? '';
    return { owner: MIGRATION_PASSWORD ?? '', app: DATABASE_PASSWORD ?? '' };
  };
  const servers = await MortalServers.start(dir, true, isReal ? provision : undefined);
  const { database: platform, administrator, redis } = servers;
  if (redis === undefined) throw new Error('expected Redis');
  await ensureTemplate(administrator, ghostPath);
  const repository = await Repository.create(dir, real && { dir: real.project.dir, stack: real.stack });
  const mailServer = await startMailServer('127.0.0.1');
  const engineDir = path.join(dir, 'engine');
  const { host, port, user, password } = administrator;
  const server = { host, port, user, password };
  const engine = { dir: engineDir, server, platform, analyticsKey, ghostPath, baseDomain, sites, through };
  const ghosts =
    real && new Ghosts({ engine: real, server: administrator, sites, through, dir: path.join(dir, 'content') });
  if (ghosts !== undefined) stopWhenInterrupted(() => ghosts.stop());
  const frontDoor = new FrontDoor({ sites, engineDir, analyticsKey, ghosts });
  const apiPort = await freePort();
  const settings = {
    database: platform,
    redis,
    mailPort: mailServer.port,
    proxyPort: await frontDoor.listen(),
    apiPort,
    analyticsKey,
    stack: real?.project.stack ?? 'kills',
    shards,
    variables: real?.variables ?? {},
    engine: await writeEngineSettings(engine),
  };
  const checkouts = await Promise.all(['api', ...Array(count).keys()].map((name) => repository.checkout(`of-${name}`)));
  const [forApi = '', ...forWorkers] = checkouts;
  const api = new Workers(1, () => startPlatformProcess('api', forApi, settings));
  const workers = new Workers(count, (at) => startPlatformProcess('worker', forWorkers[at] ?? '', settings));
  for (const processes of [api, workers]) stopWhenInterrupted(() => processes.kill());
  const database = new PlatformDatabase(platform);
  const queue = createQueue({ database, redis });
  await Promise.all([api.ready(), workers.ready()]);
  return {
    servers,
    workers,
    api,
    database,
    queue,
    repository,
    mailServer,
    frontDoor,
    ghosts,
    engine: real,
    creators: await Creators.create(`http://127.0.0.1:${apiPort}`, database, sites),
    engineDir,
    async stop() {
      await Promise.all([workers.stop(), api.stop(), ghosts?.stop()]);
      frontDoor.close();
      await queue.close();
      await database.close();
      await mailServer.stop();
      await real?.stop();
      await servers.stop();
    },
  };
}
