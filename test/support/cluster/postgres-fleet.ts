import { namesOf } from '../../../sites/naming.ts';
import { startObjectStorage } from '../object-storage.ts';
import type { ClusterBed } from './bed.ts';
import { type ClusterFleet, type FleetPlan, useClusterFleet } from './fleet.ts';
import { type Login, MachinePostgres } from './machine-postgres.ts';
import { serviceImages } from './service-images.ts';

/** What tells one stack on PostgreSQL from another on the same cluster. */
export interface PostgresStack {
  readonly databaseStrategy: 'schema' | 'database';
  /** Namespace of the platform. */
  readonly namespace: string;
  readonly registry: Readonly<Record<string, string>>;
}

/** A stack like `production` or `staging`, with servers of this machine in the places of RDS and S3. */
export class PostgresFleet {
  readonly fleet: ClusterFleet;
  readonly #bed: ClusterBed;
  #postgres: MachinePostgres | undefined;

  constructor(bed: ClusterBed, stack: PostgresStack) {
    this.#bed = bed;
    this.fleet = useClusterFleet(bed, (dir) => this.#plan(dir, stack));
  }

  /** Rows of a statement, as the administrator sees them, or whoever logs in. */
  query(database: string, text: string, login?: Login): Promise<Record<string, unknown>[]> {
    if (this.#postgres === undefined) throw new Error('expected a server that runs');
    return this.#postgres.query(database, text, login);
  }

  /** What a site's pod logs in with. */
  async loginOf(slug: string): Promise<Login> {
    const { namespace, ownerRole } = namesOf(slug);
    const secret = ['get', 'secret', 'ghost-database', `--namespace=${namespace}`];
    const encoded = await this.#bed.kubectl.read(...secret, '--output=jsonpath={.data.DATABASE_PASSWORD}');
    return { user: ownerRole, password: Buffer.from(encoded, 'base64').toString('utf8') };
  }

  async #plan(dir: string, { registry, ...stack }: PostgresStack): Promise<FleetPlan> {
    const postgres = await MachinePostgres.start(this.#bed, dir);
    this.#postgres = postgres;
    const { host } = postgres;
    const storage = await startObjectStorage(dir, host);
    const cidrs = [`${host}/32`];
    return {
      settings: {
        ...stack,
        baseDomain: `${stack.namespace}.localhost`,
        region: 'eu',
        clusters: [postgres.clusterSettings('eu-1', 'eu')],
        images: { site: 'ghost-fleet/site:dev', redis: serviceImages.redis, pooler: serviceImages.pooler },
        autoscaling: { scaleInSeconds: 60 },
        redis: { kind: 'in-cluster' },
        media: {
          kind: 's3-compatible',
          endpoint: storage.endpoint,
          bucket: storage.bucket,
          publicUrl: `${storage.endpoint}/${storage.bucket}`,
          cidrs,
          sharedCredentials: true,
        },
      },
      secrets: {
        'ghost-fleet:clusterPasswords': JSON.stringify({ 'eu-1': postgres.password }),
        'ghost-fleet:mediaAccessKeyId': storage.accessKeyId,
        'ghost-fleet:mediaSecretAccessKey': storage.secretAccessKey,
      },
      registry,
      stop: async () => {
        await storage.stop();
        await postgres.stop();
      },
    };
  }
}
