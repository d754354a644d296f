import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { addressesOf, blockOf } from '../../../scripts/cluster/process/addresses.ts';
import { type PostgresServer, startPostgres } from '../../../scripts/services/postgres.ts';
import type { ClusterBed } from './bed.ts';

/** Who logs in to PostgreSQL. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** This machine's end of a cluster's network: where its pods reach what runs beside the cluster. */
export function machineAddressOf({ record: { ingress } }: ClusterBed): string {
  const block = blockOf(new URL(ingress.http).hostname);
  if (block === undefined) throw new Error(`expected a cluster of processes; got ${ingress.http}`);
  return addressesOf(block).host;
}

/** A PostgreSQL of this machine that the pods of a cluster reach. */
export class MachinePostgres {
  /** Where pods reach it. */
  readonly host: string;
  readonly #server: PostgresServer;

  private constructor(host: string, server: PostgresServer) {
    this.host = host;
    this.#server = server;
  }

  /** @param dir folder that its files are put into */
  static async start(bed: ClusterBed, dir: string): Promise<MachinePostgres> {
    const host = machineAddressOf(bed);
    const dataDir = path.join(dir, 'postgres');
    const server = await startPostgres({ dataDir, settings: { listen_addresses: `127.0.0.1,${host}` } });
    const postgres = new MachinePostgres(host, server);
    await appendFile(path.join(dataDir, 'pg_hba.conf'), 'host all all 198.18.0.0/15 scram-sha-256\n');
    await postgres.query('postgres', 'select pg_reload_conf()');
    return postgres;
  }

  get password(): string {
    return this.#server.password;
  }

  /** It as a cluster of a stack, behind one pooler. */
  clusterSettings(name: string, region: string): object {
    const { host } = this;
    const cidrs = [`${host}/32`];
    return {
      name,
      region,
      kind: 'external',
      host,
      port: this.#server.port,
      ssl: 'off',
      cidrs,
      pooler: { replicas: 1 },
    };
  }

  /** Rows of a statement, as the administrator sees them, or whoever logs in. */
  async query(database: string, text: string, login?: Login): Promise<Record<string, unknown>[]> {
    const { host, port, user, password } = this.#server;
    const client = new pg.Client({ host, port, user, password, database, ...login });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}
