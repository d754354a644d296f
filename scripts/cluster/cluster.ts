import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Where a cluster runs: in containers of Docker, or as processes of this machine. */
export type DriverName = 'kind' | 'process';

/** Context of the kubeconfig that every driver writes. */
export const contextName = 'ghost-fleet';

/** What is remembered of a cluster while it is there. */
export interface ClusterRecord {
  readonly driver: DriverName;
  readonly name: string;
  /** Administrator's access from this machine, with one context: `ghost-fleet`. */
  readonly kubeconfig: string;
  /** Where this machine reaches the cluster's Traefik. */
  readonly ingress: { readonly http: string; readonly https: string };
}

/** A folder that belongs to one cluster, and what is where in it. */
export class ClusterFolder {
  readonly path: string;
  /** Name of the cluster, different for each folder of the machine. */
  readonly name: string;
  readonly kubeconfig: string;
  /** What lies on volumes, in a folder `<namespace>/<claim>` each; `down` leaves it. */
  readonly volumes: string;
  /** Everything else that a driver keeps in files; goes with the cluster. */
  readonly run: string;
  readonly #record: string;

  /** @param folder a path; relative ones start at the working directory */
  constructor(folder: string) {
    this.path = path.resolve(folder);
    this.name = `ghost-fleet-${createHash('sha256').update(this.path).digest('hex').slice(0, 6)}`;
    this.kubeconfig = path.join(this.path, 'kubeconfig');
    this.volumes = path.join(this.path, 'volumes');
    this.run = path.join(this.path, 'run');
    this.#record = path.join(this.path, 'cluster.json');
  }

  /** Makes the folder; only this user may look into it, since it holds keys. */
  async create(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await mkdir(this.run, { recursive: true, mode: 0o700 });
    await mkdir(this.volumes, { recursive: true });
  }

  async readRecord(): Promise<ClusterRecord | undefined> {
    const text = await readFile(this.#record, 'utf8').catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as ClusterRecord);
  }

  async writeRecord(record: ClusterRecord): Promise<void> {
    await writeFile(this.#record, `${JSON.stringify(record, undefined, 2)}\n`);
  }

  /**
   * Removes all but the volumes' data, and the folder itself where there is none.
   *
   * @throws Error where something is still mounted below it, since removing it would remove what is mounted
   */
  async remove(): Promise<void> {
    const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
    const inTheWay = mounts.split('\n').filter((line) => line.split(' ')[1]?.startsWith(`${this.path}/`));
    if (inTheWay.length > 0) throw new Error(`${this.path}: still mounted: ${inTheWay.join('; ')}`);
    for (const entry of [this.run, this.kubeconfig, this.#record]) await rm(entry, { recursive: true, force: true });
    await removeIfEmpty(this.volumes);
    await removeIfEmpty(this.path);
  }
}

async function removeIfEmpty(dir: string): Promise<void> {
  try {
    await rmdir(dir);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['ENOENT', 'ENOTEMPTY'].includes(code)) throw error;
  }
}

/** What a cluster of a driver can be told. */
export interface ClusterDriver {
  /**
   * Brings the cluster up, or what of it is down; safe to repeat, also after a run that was killed.
   *
   * @throws UnavailableError where this machine lacks what it takes
   */
  up(): Promise<ClusterRecord>;
  /** Ends everything that `up` started and removes everything it made, but the data on volumes. */
  down(): Promise<void>;
  /** One line for each part, with what is wrong with it. */
  status(): Promise<readonly PartStatus[]>;
  /**
   * Gives the nodes the images of a tar, as `docker save` or an OCI build write it.
   *
   * @returns the names of the images
   */
  load(tar: string): Promise<readonly string[]>;
}

/** One part of a cluster. */
export interface PartStatus {
  readonly part: string;
  readonly healthy: boolean;
  readonly detail: string;
}
