import { execFile, spawn } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RequestedSite, SiteChange } from '../../../sites/candidate.ts';
import { loadRegistry } from '../../../sites/registry.ts';
import type { Site, SiteInput } from '../../../sites/schema.ts';
import type { PlatformDatabase } from '../database/connection.ts';
import type { Progress, Provisioner, SiteHealth, WantedSite } from './provisioner.ts';
import { RegistryFiles } from './registry-files.ts';

const execute = promisify(execFile);

export interface GitProvisionerSettings {
  /** A checkout of the repository, of this process alone. */
  readonly checkout: string;
  /** The platform's stack; a site's shard follows from its YAML. */
  readonly stack: string;
  readonly remote: string;
  readonly branch: string;
  /** Number of shards of the stack; 0: sites live in the stack itself. */
  readonly shards: number;
}

const pushAttempts = 5;
const pollMs = 2_000;

/**
 * Provisioning by the repository: a change is a commit that is pushed, then `npm run up` of the site's stack in the
 * checkout, which goes through Pulumi's Automation API. Somebody else's push in between is taken over and the own one tried
 * again.
 */
export class GitProvisioner implements Provisioner {
  readonly #settings: GitProvisionerSettings;
  readonly #database: PlatformDatabase;
  readonly #files: RegistryFiles;
  /** One change of the working tree at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #unlocked: Promise<void> | undefined;

  constructor(settings: GitProvisionerSettings, database: PlatformDatabase) {
    this.#settings = settings;
    this.#database = database;
    this.#files = new RegistryFiles(path.join(settings.checkout, 'sites'), { clusters: [], shards: settings.shards });
  }

  laneOf({ shard }: Pick<SiteInput, 'shard'>): string {
    const { stack } = this.#settings;
    return shard === undefined ? stack : `${stack}-${String(shard).padStart(2, '0')}`;
  }

  async laneOfSite(slug: string): Promise<string> {
    // A site keeps its shard, so that an older state of the registry says the same; an update may have the working tree.
    const known = await this.#read(slug).catch(() => undefined);
    if (known !== undefined) return this.laneOf(known);
    await this.#inTurn(() => this.#pull());
    return this.laneOf(await this.#read(slug));
  }

  async check(site: SiteInput, requested: readonly RequestedSite[] = []): Promise<SiteInput> {
    await this.#inTurn(() => this.#pull());
    return this.#files.check(site, requested);
  }

  async create(site: SiteInput, author: string): Promise<void> {
    await this.#commit(`sites: add ${site.slug}`, author, async () => {
      await this.#files.create(site);
    });
  }

  async change(slug: string, change: SiteChange, author: string): Promise<Site> {
    const keys = Object.keys(change).join(', ');
    return this.#commit(`sites: change ${keys} of ${slug}`, author, () => this.#files.change(slug, change));
  }

  /** Nobody changes the working tree meanwhile: a file that is not there for a moment would be a site that goes. */
  apply(slug: string, progress: Progress, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      signal.throwIfAborted();
      await this.#pull();
      await this.#up(await this.#read(slug), progress, signal);
    });
  }

  async #up(site: Pick<SiteInput, 'shard'>, progress: Progress, signal: AbortSignal): Promise<void> {
    const args = ['run', 'up', '--', '--stack', this.laneOf(site), '--yes'];
    const child = spawn('npm', args, { cwd: this.#settings.checkout, stdio: ['ignore', 'pipe', 'pipe'], signal });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const lines = [child.stdout, child.stderr].map(async (stream) => {
      for await (const line of createInterface({ input: stream })) if (line.trim() !== '') await progress(line);
    });
    const [code] = await Promise.all([ended, ...lines]);
    if (code !== 0) throw new Error(`npm ${args.join(' ')} ended with exit code ${code}`);
  }

  async waitUntilReady({ slug, state }: WantedSite, signal: AbortSignal): Promise<string> {
    for (;;) {
      const site = await this.#database.asFleet((db) => db('sites').where({ slug }).first('url', 'state'));
      if (site?.state === state && (state !== 'active' || (await answers(site.url)))) return site.url;
      await sleep(pollMs, undefined, { signal });
    }
  }

  /** Pods are seen by `npm run site:status` and by the cluster's own metrics, not from here. */
  async health(): Promise<readonly SiteHealth[]> {
    return [];
  }

  probeUrl(slug: string): Promise<string> {
    return Promise.reject(new Error(`the probe port of ${slug} is told by ANALYTICS_PROBE_URL`));
  }

  async close(): Promise<void> {
    await this.#turn.catch(() => undefined);
  }

  /** Makes a change on the newest state, commits it where there is something to commit, and pushes it. */
  #commit<T>(message: string, author: string, make: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      for (let attempt = 1; ; attempt++) {
        await this.#pull();
        const made = await make();
        await this.#git('add', '--', 'sites');
        const clean = await this.#git('diff', '--cached', '--quiet').then(
          () => true,
          () => false,
        );
        if (clean) return made;
        await this.#git('commit', '--quiet', `--author=${author} <${author}>`, '-m', message);
        try {
          await this.#git('push', '--quiet', this.#settings.remote, `HEAD:${this.#settings.branch}`);
          return made;
        } catch (error) {
          // Somebody else pushed in between: their state is taken and the change made anew.
          if (attempt === pushAttempts) throw error;
        }
      }
    });
  }

  /** The working tree is this process's alone: what an interrupted call left there goes. */
  async #pull(): Promise<void> {
    const { checkout, remote, branch } = this.#settings;
    this.#unlocked ??= removeLocks(path.join(checkout, '.git'));
    await this.#unlocked;
    await this.#git('fetch', '--quiet', remote, branch);
    await this.#git('reset', '--quiet', '--hard', 'FETCH_HEAD');
    await this.#git('clean', '--quiet', '-fd', '--', 'sites');
  }

  async #read(slug: string): Promise<Pick<SiteInput, 'shard'>> {
    const site = (await loadRegistry(this.#files.dir)).sites.find((candidate) => candidate.slug === slug);
    if (site === undefined) throw new Error(`${slug} is not in the registry`);
    return site;
  }

  async #git(...args: string[]): Promise<string> {
    const identity = ['-c', 'user.name=ghost-fleet platform', '-c', 'user.email=platform@localhost'];
    const { stdout } = await execute('git', [...identity, ...args], { cwd: this.#settings.checkout });
    return stdout;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.catch(() => undefined).then(work);
    this.#turn = result;
    return result;
  }
}

/**
 * Removes the locks in which git would wait for a process that is gone: the platform's last one was killed with all it had
 * started.
 */
async function removeLocks(gitDir: string): Promise<void> {
  const top = (await readdir(gitDir)).map((name) => path.join(gitDir, name));
  const refs = await readdir(path.join(gitDir, 'refs'), { recursive: true });
  const files = [...top, ...refs.map((name) => path.join(gitDir, 'refs', name))];
  for (const file of files) if (file.endsWith('.lock')) await rm(file, { force: true });
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5_000) });
    return response.status < 500;
  } catch {
    return false;
  }
}
