import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { addressesOf, blockOf } from '../../../scripts/cluster/process/addresses.ts';
import { type PostgresServer, startPostgres } from '../../../scripts/services/postgres.ts';
import { namesOf } from '../../../sites/naming.ts';
import { startObjectStorage } from '../object-storage.ts';
import type { ClusterBed } from './bed.ts';
import { type ClusterFleet, type FleetPlan, useClusterFleet } from './fleet.ts';
import { serviceImages } from './service-images.ts';

/** What tells one stack on PostgreSQL from another on the same cluster. */
export interface PostgresStack {
  readonly databaseStrategy: 'schema' | 'database';
  /** Namespace of the platform. */
  readonly namespace: string;
  readonly registry: Readonly<Record<string, string>>;
}

interface Login {
  readonly user: string;
  readonly password: string;
}

/** A stack like `production` or `staging`, with servers of this machine in the places of RDS and S3. */
export class PostgresFleet {
  readonly fleet: ClusterFleet;
  readonly #bed: ClusterBed;
  #server: PostgresServer | undefined;

  constructor(bed: ClusterBed, stack: PostgresStack) {
    this.#bed = bed;
    this.fleet = useClusterFleet(bed, (dir) => this.#plan(dir, stack));
  }

  /** Rows of a statement, as the administrator sees them, or whoever logs in. */
  async query(database: string, text: string, login?: Login): Promise<Record<string, unknown>[]> {
    if (this.#server === undefined) throw new Error('expected a server that runs');
    const { host, port, user, password } = this.#server;
    const client = new pg.Client({ host, port, user, password, database, ...login });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** What a site's pod logs in with. */
  async loginOf(slug: string): Promise<Login> {
    const { namespace, ownerRole } = namesOf(slug);
    const secret = ['get', 'secret', 'ghost-database', `--namespace=${namespace}`];
    const encoded = await this.#bed.kubectl.read(...secret, '--output=jsonpath={.data.DATABASE_PASSWORD}');
    return { user: ownerRole, password: Buffer.from(encoded, 'base64').toString('utf8') };
  }

  async #plan(dir: string, { registry, ...stack }: PostgresStack): Promise<FleetPlan> {
    const { ingress } = this.#bed.record;
    const block = blockOf(new URL(ingress.http).hostname);
    if (block === undefined) throw new Error(`expected a cluster of processes; got ${ingress.http}`);
    /** This machine's end of the cluster's network. */
    const { host } = addressesOf(block);
    const server = await startPostgres({
      dataDir: path.join(dir, 'postgres'),
      settings: { listen_addresses: `127.0.0.1,${host}` },
    });
    this.#server = server;
    await appendFile(path.join(dir, 'postgres', 'pg_hba.conf'), 'host all all 198.18.0.0/15 scram-sha-256\n');
    await this.query('postgres', 'select pg_reload_conf()');
    const storage = await startObjectStorage(dir, host);
    const cidrs = [`${host}/32`];
    const pooler = { replicas: 1 };
    return {
      settings: {
        ...stack,
        baseDomain: `${stack.namespace}.localhost`,
        region: 'eu',
        clusters: [
          { name: 'eu-1', region: 'eu', kind: 'external', host, port: server.port, ssl: 'off', cidrs, pooler },
        ],
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
        'ghost-fleet:clusterPasswords': JSON.stringify({ 'eu-1': server.password }),
        'ghost-fleet:mediaAccessKeyId': storage.accessKeyId,
        'ghost-fleet:mediaSecretAccessKey': storage.secretAccessKey,
      },
      registry,
      stop: async () => {
        await storage.stop();
        await server.stop();
      },
    };
  }
}
