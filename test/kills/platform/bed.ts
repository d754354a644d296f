import path from 'node:path';
import { ensureTemplate } from '../../../runtime/database/template.ts';
import { PlatformDatabase } from '../../../runtime/platform/database/connection.ts';
import { createQueue } from '../../../runtime/platform/queue/create-queue.ts';
import type { Queue } from '../../../runtime/platform/queue/queue.ts';
import { stopWhenInterrupted } from '../../../scripts/bench/interruption.ts';
import { freePort } from '../../../scripts/services/postgres.ts';
import { analyticsKey, ghostPath } from '../../support/analytics-fleet.ts';
import type { KnownSite } from '../../support/known-site.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { writeEngineSettings } from '../../support/recorded-engine.ts';
import { MortalServers } from '../servers.ts';
import { Workers } from '../workers.ts';
import { Creators } from './creators.ts';
import { baseDomain, FrontDoor } from './front-door.ts';
import { Ghosts } from './ghosts.ts';
import { startPlatformProcess } from './processes.ts';
import { Repository } from './repository.ts';

export interface BedArgs {
  /** An empty folder. */
  readonly dir: string;
  readonly sites: readonly KnownSite[];
  /** Slugs of the sites that are real Ghosts. */
  readonly real: ReadonlySet<string>;
  readonly shards: number;
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
  readonly ghosts: Ghosts;
  readonly creators: Creators;
  /** Folder of the recorded engine. */
  readonly engineDir: string;
  stop(): Promise<void>;
}

export async function startBed({ dir, sites, real, shards, workers: count, through }: BedArgs): Promise<Bed> {
  const servers = await MortalServers.start(dir, true);
  const { database: platform, administrator, redis } = servers;
  if (redis === undefined) throw new Error('expected Redis');
  await ensureTemplate(administrator, ghostPath);
  const repository = await Repository.create(dir);
  const mailServer = await startMailServer('127.0.0.1');
  const engineDir = path.join(dir, 'engine');
  const { host, port, user, password } = administrator;
  const server = { host, port, user, password };
  const engine = { dir: engineDir, server, platform, analyticsKey, ghostPath, baseDomain, sites, through };
  const ghosts = new Ghosts(server, path.join(dir, 'content'));
  stopWhenInterrupted(() => ghosts.stop());
  const frontDoor = new FrontDoor({ sites, engineDir, analyticsKey, real, ghosts });
  const apiPort = await freePort();
  const settings = {
    database: platform,
    redis,
    mailPort: mailServer.port,
    proxyPort: await frontDoor.listen(),
    apiPort,
    analyticsKey,
    shards,
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
    creators: await Creators.create(`http://127.0.0.1:${apiPort}`, database, sites),
    engineDir,
    async stop() {
      await Promise.all([workers.stop(), api.stop(), ghosts.stop()]);
      frontDoor.close();
      await queue.close();
      await database.close();
      await mailServer.stop();
      await servers.stop();
    },
  };
}
